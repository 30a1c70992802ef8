//! Reading, renaming and removing funding sources, and reading balances.

use std::sync::Arc;

use axum::extract::{Extension, Path, RawQuery, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::error::Refusal;
use super::super::event::{self, Subject};
use super::super::state::State;
use super::super::{Dwolla, hal};
use super::{Kind, NOT_FOUND, remove};
use crate::clock::iso;
use crate::http::{Pairs, Whole};
use crate::ledger::{Effect, Partner};

/// `GET /funding-sources/{id}`; a removed one is still there.
pub(crate) async fn get(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = hal::path_id(&id, NOT_FOUND)?;
    dwolla.with(|state| {
        let source = state
            .sources
            .get(id)
            .ok_or_else(|| Refusal::not_found(NOT_FOUND))?;
        Ok(hal::ok(&source.resource(state)))
    })
}

/// `GET /customers/{id}/funding-sources`: everything, or only the (not) removed ones. Not paged.
pub(crate) async fn list_of_customer(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let message = "Customer not found.";
    let id = hal::path_id(&id, message)?;
    dwolla.with(|state| {
        let customer = state
            .customers
            .get(id)
            .ok_or_else(|| Refusal::not_found(message))?;
        let ids: Vec<Uuid> = customer
            .balance
            .into_iter()
            .chain(customer.sources.clone())
            .collect();
        Ok(listed(
            state,
            &ids,
            query.as_deref(),
            &state.href("customers", id),
        ))
    })
}

/// `GET /accounts/{id}/funding-sources`: the master account's.
pub(crate) async fn list_of_master(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let message = "Account not found.";
    let id = hal::path_id(&id, message)?;
    dwolla.with(|state| {
        if id != state.master.id {
            return Err(Refusal::not_found(message));
        }
        let ids = [state.master.balance, state.master.bank];
        Ok(listed(
            state,
            &ids,
            query.as_deref(),
            &state.href("accounts", id),
        ))
    })
}

fn listed(state: &State, ids: &[Uuid], query: Option<&str>, owner: &str) -> Response {
    let query = Pairs::parse(query.unwrap_or_default().as_bytes());
    let wanted = query
        .get("removed")
        .and_then(|text| text.parse::<bool>().ok());
    let rows: Vec<Value> = ids
        .iter()
        .filter_map(|id| state.sources.get(*id))
        .filter(|source| wanted.is_none_or(|removed| removed == source.removed))
        .map(|source| source.resource(state))
        .collect();
    let links = hal::Links::default().with(
        "self",
        &format!("{owner}/funding-sources"),
        "funding-source",
    );
    hal::ok(&json!({"_links": Value::from(links), "_embedded": {"funding-sources": rows}}))
}

/// `GET /funding-sources/{id}/balance`.
pub(crate) async fn balance(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = hal::path_id(&id, NOT_FOUND)?;
    dwolla.with(|state| {
        let source = state.sources.get(id).ok_or_else(|| Refusal::not_found(NOT_FOUND))?;
        let Kind::Balance { dollars, updated } = &source.kind else {
            return Err(Refusal::not_found(NOT_FOUND));
        };
        let href = state.href("funding-sources", id);
        let links = hal::Links::default()
            .with("self", &format!("{href}/balance"), "balance")
            .with("funding-source", &href, "funding-source");
        Ok(hal::ok(&json!({
            "_links": Value::from(links), "balance": hal::money(*dollars), "total": hal::money(*dollars),
            "lastUpdated": iso(*updated),
        })))
    })
}

/// `POST /funding-sources/{id}`: a new name, or `{"removed": true}`.
pub(crate) async fn update(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
    Extension(Whole(body)): Extension<Whole>,
) -> Result<Response, Refusal> {
    let id = hal::path_id(&id, NOT_FOUND)?;
    let body = hal::object(&body)?;
    dwolla.with(|state| {
        let source = state
            .sources
            .get(id)
            .ok_or_else(|| Refusal::not_found(NOT_FOUND))?;
        if source.is_balance() {
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "BadRequest",
                "Only funding sources of type='bank' can be updated.",
            ));
        }
        if source.removed {
            return Err(Refusal::wrong_state("A removed bank cannot be updated."));
        }
        if body.get("removed").and_then(Value::as_bool) == Some(true) {
            remove::remove(state, id);
        } else {
            rename(
                state,
                id,
                body.get("name").and_then(Value::as_str).unwrap_or_default(),
            )?;
        }
        let source = state
            .sources
            .get(id)
            .ok_or_else(|| Refusal::not_found(NOT_FOUND))?;
        Ok(hal::ok(&source.resource(state)))
    })
}

fn rename(state: &mut State, id: Uuid, name: &str) -> Result<(), Refusal> {
    if !(1..=50).contains(&name.chars().count()) {
        return Err(Refusal::flaw(
            "InvalidFormat",
            "Name must be between 1 and 50 characters.",
            "/name",
        ));
    }
    if let Some(source) = state.sources.get_mut(id) {
        name.clone_into(&mut source.name);
        let owner = source.owner;
        state.record(Effect::new(Partner::Dwolla, "funding_source.updated", id));
        event::emit(
            state,
            "customer_funding_source_updated",
            Subject::source(id),
            owner,
            None,
        );
    }
    Ok(())
}
