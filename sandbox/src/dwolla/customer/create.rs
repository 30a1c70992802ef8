//! `POST /customers`.

use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::response::Response;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::error::{Flaw, Refusal};
use super::super::event::{self, Subject};
use super::super::gate::RequestKey;
use super::super::state::{Owner, State};
use super::super::{Dwolla, hal};
use super::{Customer, Status, fields, verification};
use crate::http::Whole;
use crate::ledger::{Effect, Partner};

/// The handler. The 201 says nothing about the verification.
pub(crate) async fn create(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Extension(RequestKey(key)): Extension<RequestKey>,
    Extension(Whole(body)): Extension<Whole>,
) -> Result<Response, Refusal> {
    let body = hal::object(&body)?;
    let kind = fields::kind(&body).map_err(|flaw| Refusal::validation(&[flaw]))?;
    dwolla.with(|state| {
        let mut flaws = fields::flaws(kind, &body, state.now().date_naive());
        if flaws.is_empty() {
            flaws = duplicates(state, &body);
        }
        if !flaws.is_empty() {
            return Err(Refusal::validation(&flaws));
        }
        let id = Uuid::new_v4();
        let customer = Customer {
            id,
            kind,
            status: Status::Unverified,
            previous: Status::Unverified,
            created: state.now(),
            email: text(&body, "email").unwrap_or_default().to_owned(),
            correlation: text(&body, "correlationId").map(Arc::from),
            shown: fields::shown(&body),
            balance: None,
            sources: Vec::new(),
            documents: Vec::new(),
            certified: false,
            directives: Vec::new(),
        };
        state.record(Effect {
            correlation_id: customer.correlation.clone(),
            idempotency_key: key,
            ..Effect::new(Partner::Dwolla, "customer.created", id)
        });
        state.customers.insert(customer);
        event::emit(
            state,
            "customer_created",
            Subject::customer(id),
            Owner::Customer(id),
            None,
        );
        if kind.is_verifiable() {
            verification::enter(state, id, verification::status_by_name(kind, &body));
        }
        Ok(hal::created(&state.location("customers", id)))
    })
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

fn duplicates(state: &State, body: &Map<String, Value>) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    if let Some(other) = text(body, "email").and_then(|email| state.customers.with_email(email)) {
        flaws.push(same_email(state, other));
    }
    if let Some(other) =
        text(body, "correlationId").and_then(|id| state.customers.by_correlation.get(id))
    {
        let message = "A customer with the specified correlation id already exists.";
        let flaw = Flaw::new("Duplicate", message, "/correlationId");
        flaws.push(flaw.about(state.location("customers", *other)));
    }
    flaws
}

/// The e-mail belongs to another customer.
pub(super) fn same_email(state: &State, other: Uuid) -> Flaw {
    let message = "A customer with the specified email already exists.";
    Flaw::new("Duplicate", message, "/email").about(state.location("customers", other))
}
