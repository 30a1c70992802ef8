//! `/customers/{id}/beneficial-ownership`: a company may not send before its ownership is certified.

use std::sync::Arc;

use axum::extract::{Extension, Path, State as Shared};
use axum::response::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::error::Refusal;
use super::super::state::State;
use super::super::{Dwolla, hal};
use super::{Kind, NOT_FOUND};
use crate::http::Whole;
use crate::ledger::{Effect, Partner};

fn resource(state: &State, id: Uuid) -> Result<Response, Refusal> {
    let customer = state
        .customers
        .get(id)
        .ok_or_else(|| Refusal::not_found(NOT_FOUND))?;
    let href = format!("{}/beneficial-ownership", state.href("customers", id));
    let links = hal::Links::default().with("self", &href, "beneficial-ownership");
    let status = if customer.certified {
        "certified"
    } else {
        "uncertified"
    };
    Ok(hal::ok(
        &json!({"_links": Value::from(links), "status": status}),
    ))
}

/// `GET`: the status.
pub(crate) async fn ownership(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = hal::path_id(&id, NOT_FOUND)?;
    dwolla.with(|state| resource(state, id))
}

/// `POST {"status": "certified"}`.
pub(crate) async fn certify(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
    Extension(Whole(body)): Extension<Whole>,
) -> Result<Response, Refusal> {
    let id = hal::path_id(&id, NOT_FOUND)?;
    if hal::object(&body)?.get("status").and_then(Value::as_str) != Some("certified") {
        return Err(Refusal::flaw("Invalid", "Status invalid.", "/status"));
    }
    dwolla.with(|state| {
        let customer = state
            .customers
            .get_mut(id)
            .ok_or_else(|| Refusal::not_found(NOT_FOUND))?;
        if customer.kind != Kind::Company {
            return Err(Refusal::wrong_state("Resource cannot be modified."));
        }
        customer.certified = true;
        let effect = Effect::new(Partner::Dwolla, "customer.ownership_certified", id);
        state.record(Effect {
            status: Some("certified"),
            ..effect
        });
        resource(state, id)
    })
}
