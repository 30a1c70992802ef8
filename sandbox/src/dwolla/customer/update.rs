//! `POST /customers/{id}`: status changes, the one retry, upgrades, and contact data.

use std::sync::Arc;

use axum::extract::{Extension, Path, State as Shared};
use axum::response::Response;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::error::{Flaw, Refusal};
use super::super::state::State;
use super::super::{Dwolla, hal};
use super::{Kind, NOT_FOUND, Status, create, fields, verification};
use crate::http::Whole;
use crate::ledger::{Effect, Partner};

/// The handler.
pub(crate) async fn update(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
    Extension(Whole(body)): Extension<Whole>,
) -> Result<Response, Refusal> {
    let id = hal::path_id(&id, NOT_FOUND)?;
    let body = hal::object(&body)?;
    dwolla.with(|state| {
        let customer = state
            .customers
            .get(id)
            .ok_or_else(|| Refusal::not_found(NOT_FOUND))?;
        let (status, kind) = (customer.status, customer.kind);
        if let Some(wanted) = body.get("status") {
            change_status(state, id, status, wanted.as_str().unwrap_or_default())?;
        } else if body.contains_key("ssn")
            || body.contains_key("dateOfBirth")
            || body.contains_key("controller")
        {
            match status {
                Status::Retry => retry(state, id, kind, &body)?,
                Status::Unverified => upgrade(state, id, &body)?,
                _ => return Err(locked()),
            }
        } else {
            contact(state, id, status, &body)?;
        }
        let customer = state
            .customers
            .get(id)
            .ok_or_else(|| Refusal::not_found(NOT_FOUND))?;
        Ok(hal::ok(&customer.resource(state)))
    })
}

fn locked() -> Refusal {
    Refusal::wrong_state("Resource cannot be modified.")
}

fn change_status(state: &mut State, id: Uuid, now: Status, wanted: &str) -> Result<(), Refusal> {
    match (wanted, now) {
        ("deactivated", Status::Suspended) => return Err(locked()),
        ("deactivated", Status::Deactivated) | ("suspended", Status::Suspended) => {}
        ("deactivated", _) => verification::enter(state, id, Status::Deactivated),
        ("reactivated", Status::Deactivated) => verification::reactivate(state, id),
        ("reactivated", _) => return Err(locked()),
        ("suspended", _) => verification::enter(state, id, Status::Suspended),
        _ => return Err(Refusal::flaw("Invalid", "Status invalid.", "/status")),
    }
    Ok(())
}

/// The second and last attempt: all fields, and the SSN in full.
fn retry(
    state: &mut State,
    id: Uuid,
    kind: Kind,
    body: &Map<String, Value>,
) -> Result<(), Refusal> {
    let mut flaws = full_flaws(state, id, kind, body);
    let ssn = body.get("ssn").and_then(Value::as_str).unwrap_or_default();
    if kind != Kind::Company && ssn.len() != 9 {
        flaws.push(Flaw::new("InvalidFormat", "Ssn must be 9 digits.", "/ssn"));
    }
    if !flaws.is_empty() {
        return Err(Refusal::validation(&flaws));
    }
    rewrite(state, id, kind, body);
    let status = match verification::status_by_name(kind, body) {
        // There is no third attempt.
        Status::Retry => Status::Document,
        status => status,
    };
    verification::enter(state, id, status);
    Ok(())
}

/// From unverified to personal or business.
fn upgrade(state: &mut State, id: Uuid, body: &Map<String, Value>) -> Result<(), Refusal> {
    let kind = fields::kind(body).map_err(|flaw| Refusal::validation(&[flaw]))?;
    if !kind.is_verifiable() {
        return Err(Refusal::flaw("Invalid", "Type invalid.", "/type"));
    }
    let flaws = full_flaws(state, id, kind, body);
    if !flaws.is_empty() {
        return Err(Refusal::validation(&flaws));
    }
    rewrite(state, id, kind, body);
    verification::enter(state, id, verification::status_by_name(kind, body));
    Ok(())
}

fn full_flaws(state: &State, id: Uuid, kind: Kind, body: &Map<String, Value>) -> Vec<Flaw> {
    let mut flaws = fields::flaws(kind, body, state.now().date_naive());
    flaws.extend(email_taken(state, id, body));
    flaws
}

fn email_taken(state: &State, id: Uuid, body: &Map<String, Value>) -> Option<Flaw> {
    let other = state.customers.with_email(body.get("email")?.as_str()?)?;
    (other != id).then(|| create::same_email(state, other))
}

fn rewrite(state: &mut State, id: Uuid, kind: Kind, body: &Map<String, Value>) {
    if let Some(email) = body.get("email").and_then(Value::as_str) {
        state.customers.change_email(id, email);
    }
    if let Some(customer) = state.customers.get_mut(id) {
        customer.kind = kind;
        customer.shown = fields::shown(body);
    }
    updated(state, id);
}

fn contact(
    state: &mut State,
    id: Uuid,
    status: Status,
    body: &Map<String, Value>,
) -> Result<(), Refusal> {
    if !status.may_edit() {
        return Err(locked());
    }
    let mut flaws = fields::contact_flaws(body, state.now().date_naive());
    flaws.extend(email_taken(state, id, body));
    if !flaws.is_empty() {
        return Err(Refusal::validation(&flaws));
    }
    if let Some(email) = body.get("email").and_then(Value::as_str) {
        state.customers.change_email(id, email);
    }
    if let Some(customer) = state.customers.get_mut(id) {
        for name in fields::CONTACT.iter().filter(|name| **name != "email") {
            if let Some(value) = body.get(*name) {
                customer.shown.insert((*name).to_owned(), value.clone());
            }
        }
    }
    updated(state, id);
    Ok(())
}

/// Goes into the ledger only: Dwolla has no event for it.
fn updated(state: &State, id: Uuid) {
    state.record(Effect::new(Partner::Dwolla, "customer.updated", id));
}
