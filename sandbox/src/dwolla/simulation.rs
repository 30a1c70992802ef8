//! `POST /sandbox-simulations`: the only thing that makes time pass for bank transfers.

use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::error::Refusal;
use super::state::State;
use super::transfer::process_pending;
use super::{Dwolla, customer, hal};
use crate::http::Whole;

/// Codes that a verification directive can have.
const DIRECTIVES: [&str; 4] = [
    "ControllerNonResidential",
    "POBoxNotAllowed",
    "AddressNotAssociatedWithBusiness",
    "EINDocumentRequired",
];

/// An empty body processes bank transfers; `customer-verification` gives a business a directive.
pub(crate) async fn simulate(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Extension(Whole(body)): Extension<Whole>,
) -> Result<Response, Refusal> {
    let body = if body.is_empty() {
        Map::new()
    } else {
        hal::object(&body)?
    };
    dwolla.with(|state| {
        let total = match body.get("type").and_then(Value::as_str) {
            None => process_pending(state),
            Some("customer-verification") => direct(state, &body)?,
            Some(_) => return Err(Refusal::flaw("Invalid", "Type invalid.", "/type")),
        };
        let href = format!("{}/sandbox-simulations", state.base);
        let links = hal::Links::default().with("self", &href, "sandbox-simulation");
        Ok(hal::ok(
            &json!({"_links": Value::from(links), "total": total}),
        ))
    })
}

fn direct(state: &mut State, body: &Map<String, Value>) -> Result<usize, Refusal> {
    let code = body
        .get("errorCode")
        .and_then(Value::as_str)
        .filter(|code| DIRECTIVES.contains(code));
    let code = code.ok_or_else(|| Refusal::flaw("Invalid", "ErrorCode invalid.", "/errorCode"))?;
    let customer = hal::linked(body, "customer").and_then(|href| hal::id_in(href, "customers"));
    let known = customer.is_some_and(|customer| customer::direct(state, customer, code));
    if known {
        Ok(1)
    } else {
        Err(Refusal::flaw(
            "Invalid",
            "Customer invalid.",
            "/_links/customer/href",
        ))
    }
}
