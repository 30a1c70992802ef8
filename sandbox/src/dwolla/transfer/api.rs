//! Reading and cancelling one transfer.

use std::sync::Arc;

use axum::extract::{Extension, Path, State as Shared};
use axum::response::Response;
use serde_json::{Value, json};

use super::super::error::Refusal;
use super::super::state::{Owner, State};
use super::super::{Dwolla, hal};
use super::{Row, Transfer, legs};
use crate::http::Whole;

const NOT_FOUND: &str = "The requested resource was not found.";

fn find<'a>(state: &'a State, id: &str) -> Result<(Row, &'a Transfer), Refusal> {
    let id = hal::path_id(id, NOT_FOUND)?;
    let found = state
        .transfers
        .find(id)
        .and_then(|row| Some((row, state.transfers.get(row)?)));
    found.ok_or_else(|| Refusal::not_found(NOT_FOUND))
}

/// `GET /transfers/{id}`.
pub(crate) async fn get(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    dwolla.with(|state| Ok(hal::ok(&find(state, &id)?.1.resource(state))))
}

/// `POST /transfers/{id}` with `{"status": "cancelled"}`, while the cancel link is there.
pub(crate) async fn cancel(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
    Extension(Whole(body)): Extension<Whole>,
) -> Result<Response, Refusal> {
    let body = hal::object(&body)?;
    dwolla.with(|state| {
        let (row, transfer) = find(state, &id)?;
        if body.get("status").and_then(Value::as_str) != Some("cancelled") {
            return Err(Refusal::flaw("Invalid", "Status invalid.", "/status"));
        }
        if !transfer.can_cancel(state) {
            return Err(Refusal::flaw(
                "NotAllowed",
                "Status not allowed.",
                "/status",
            ));
        }
        legs::cancel(state, row);
        Ok(hal::ok(&find(state, &id)?.1.resource(state)))
    })
}

/// `GET /transfers/{id}/failure`.
pub(crate) async fn failure(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    dwolla.with(|state| {
        let transfer = find(state, &id)?.1;
        let (code, bank) = transfer.returned.ok_or_else(|| Refusal::not_found(NOT_FOUND))?;
        let href = format!("{}/failure", state.href("transfers", transfer.id));
        let mut links = hal::Links::default()
            .with("self", &href, "failure")
            .with("failed-funding-source", &state.href("funding-sources", bank), "funding-source");
        if let Owner::Customer(customer) = transfer.sender {
            links = links.with("customer", &state.href("customers", customer), "customer");
        }
        let (description, explanation) = match code {
            "R01" => ("Insufficient Funds", "The available balance does not cover the amount of the debit."),
            "R02" => ("Account Closed", "The account was closed by the holder or the bank."),
            _ => ("No Account/Unable to Locate Account", "The account number does not belong to an open account."),
        };
        Ok(hal::ok(&json!({
            "_links": Value::from(links), "code": code, "description": description, "explanation": explanation,
        })))
    })
}

/// `GET /transfers/{id}/fees`: there are none here.
pub(crate) async fn fees(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    dwolla.with(|state| {
        find(state, &id)?;
        Ok(hal::ok(&json!({"transactions": [], "total": 0})))
    })
}
