//! Exchanges: Dwolla's side of the hand-over of a bank account by Plaid.

use std::sync::Arc;

use axum::extract::{Extension, Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::{Uuid, uuid};

use super::error::Refusal;
use super::gate::RequestKey;
use super::state::State;
use super::{Dwolla, hal};
use crate::clock::iso;
use crate::http::Whole;
use crate::ledger::{Effect, Partner};
use crate::plaid::{Linked, Resolved};

/// Plaid's id among the exchange partners, as the documents show it.
const PLAID: Uuid = uuid!("f53ffb32-c84f-496a-9d9d-acd100d396ef");
const NOT_FOUND: &str = "The requested resource was not found.";

/// One exchange: a processor token that Dwolla will read once.
pub(crate) struct Exchange {
    id: Uuid,
    customer: Uuid,
    token: String,
    created: DateTime<Utc>,
}

impl Exchange {
    fn resource(&self, state: &State) -> Value {
        let live = matches!(state.plaid.resolve(&self.token), Resolved::Account(_));
        let customer = state.href("customers", self.customer);
        let links = hal::Links::default()
            .with("self", &state.href("exchanges", self.id), "exchange")
            .with("customer", &customer, "customer")
            .with(
                "exchange-partner",
                &state.href("exchange-partners", PLAID),
                "exchange-partner",
            )
            .with(
                "funding-sources",
                &format!("{customer}/funding-sources"),
                "funding-source",
            );
        json!({
            "_links": Value::from(links), "id": self.id, "status": if live { "active" } else { "removed" },
            "created": iso(self.created),
        })
    }
}

/// A processor token that Plaid no longer honours. As 401 it has nothing to do with our access token.
pub(crate) fn dead_token(status: StatusCode) -> Refusal {
    Refusal::new(
        status,
        "InvalidExchangeToken",
        "The exchange token is not valid to perform this operation. Either the token is expired or invalid, or the \
         products permissions to the token are invalid or expired.",
    )
}

/// The account behind an exchange link, for a funding source of this customer.
pub(crate) fn resolve(state: &State, customer: Uuid, href: &str) -> Result<Linked, Refusal> {
    let exchange = hal::id_in(href, "exchanges")
        .and_then(|id| state.exchanges.get(&id))
        .filter(|exchange| exchange.customer == customer)
        .ok_or_else(|| {
            Refusal::new(
                StatusCode::BAD_REQUEST,
                "InvalidExchange",
                "The exchange is no longer active.",
            )
        })?;
    match state.plaid.resolve(&exchange.token) {
        Resolved::Account(linked) => Ok(linked),
        Resolved::Removed | Resolved::Unknown => Err(dead_token(StatusCode::BAD_REQUEST)),
    }
}

fn partner(state: &State) -> Value {
    let href = state.href("exchange-partners", PLAID);
    let links = hal::Links::default().with("self", &href, "exchange-partner");
    json!({
        "_links": Value::from(links), "id": PLAID, "name": "Plaid", "status": "active",
        "created": "2022-07-23T00:18:21.419Z",
    })
}

/// `GET /exchange-partners`.
pub(crate) async fn partners(Shared(dwolla): Shared<Arc<Dwolla>>) -> Response {
    dwolla.with(|state| {
        let href = format!("{}/exchange-partners", state.base);
        let links = hal::Links::default().with("self", &href, "exchange-partner");
        let rows = [partner(state)];
        hal::ok(&json!({
            "_links": Value::from(links), "_embedded": {"exchange-partners": rows}, "total": 1,
        }))
    })
}

/// `GET /exchange-partners/{id}`.
pub(crate) async fn get_partner(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    if hal::path_id(&id, NOT_FOUND)? != PLAID {
        return Err(Refusal::not_found(NOT_FOUND));
    }
    Ok(dwolla.with(|state| hal::ok(&partner(state))))
}

/// `POST /customers/{id}/exchanges` with a processor token.
pub(crate) async fn create(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(customer): Path<String>,
    Extension(RequestKey(key)): Extension<RequestKey>,
    Extension(Whole(body)): Extension<Whole>,
) -> Result<Response, Refusal> {
    let customer = hal::path_id(&customer, "Customer not found.")?;
    let body = hal::object(&body)?;
    let partner = hal::linked(&body, "exchange-partner").unwrap_or_default();
    if hal::id_in(partner, "exchange-partners") != Some(PLAID) {
        let path = "/_links/exchange-partner/href";
        return Err(Refusal::flaw(
            "Invalid",
            "/_links/exchange-partner/href is invalid",
            path,
        ));
    }
    let Some(token) = body.get("token").and_then(Value::as_str) else {
        return Err(Refusal::flaw("Required", "Token required.", "/token"));
    };
    dwolla.with(|state| {
        if state.customers.get(customer).is_none() {
            return Err(Refusal::not_found("Customer not found."));
        }
        if !matches!(state.plaid.resolve(token), Resolved::Account(_)) {
            return Err(dead_token(StatusCode::UNAUTHORIZED));
        }
        let (id, created) = (Uuid::new_v4(), state.now());
        state.exchanges.insert(
            id,
            Exchange {
                id,
                customer,
                token: token.to_owned(),
                created,
            },
        );
        let effect = Effect::new(Partner::Dwolla, "exchange.created", id);
        state.record(Effect {
            owner: Some(customer.into()),
            idempotency_key: key,
            ..effect
        });
        Ok(hal::created(&state.location("exchanges", id)))
    })
}

/// `GET /exchanges/{id}`.
pub(crate) async fn get(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = hal::path_id(&id, NOT_FOUND)?;
    dwolla.with(|state| {
        let found = state
            .exchanges
            .get(&id)
            .ok_or_else(|| Refusal::not_found(NOT_FOUND))?;
        Ok(hal::ok(&found.resource(state)))
    })
}

/// `GET /customers/{id}/exchanges`.
pub(crate) async fn list(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(customer): Path<String>,
) -> Result<Response, Refusal> {
    let customer = hal::path_id(&customer, "Customer not found.")?;
    dwolla.with(|state| {
        if state.customers.get(customer).is_none() {
            return Err(Refusal::not_found("Customer not found."));
        }
        let rows: Vec<Value> = state
            .exchanges
            .values()
            .filter(|exchange| exchange.customer == customer)
            .map(|exchange| exchange.resource(state))
            .collect();
        let href = format!("{}/exchanges", state.href("customers", customer));
        let links = hal::Links::default().with("self", &href, "exchange");
        Ok(hal::ok(&json!({
            "_links": Value::from(links), "total": rows.len(), "_embedded": {"exchanges": rows},
        })))
    })
}
