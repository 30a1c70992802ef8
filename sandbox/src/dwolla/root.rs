//! The entry point, our own account, and the list of industries.

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use axum::response::Response;
use serde_json::{Value, json};

use super::error::Refusal;
use super::{Dwolla, hal};

/// `GET /`.
pub(crate) async fn root(Shared(dwolla): Shared<Arc<Dwolla>>) -> Response {
    dwolla.with(|state| {
        let at = |path: &str| format!("{}/{path}", state.base);
        let links = hal::Links::default()
            .with(
                "account",
                &state.href("accounts", state.master.id),
                "account",
            )
            .with("customers", &at("customers"), "customer")
            .with("events", &at("events"), "event")
            .with(
                "webhook-subscriptions",
                &at("webhook-subscriptions"),
                "webhook-subscription",
            );
        hal::ok(&json!({"_links": Value::from(links)}))
    })
}

/// `GET /accounts/{id}`.
pub(crate) async fn account(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = hal::path_id(&id, "Account not found.")?;
    dwolla.with(|state| {
        if id != state.master.id {
            return Err(Refusal::not_found("Account not found."));
        }
        let href = state.href("accounts", id);
        let links = hal::Links::default()
            .with("self", &href, "account")
            .with("receive", &format!("{}/transfers", state.base), "transfer")
            .with("funding-sources", &format!("{href}/funding-sources"), "funding-source")
            .with("transfers", &format!("{href}/transfers"), "transfer")
            .with("customers", &format!("{}/customers", state.base), "customer");
        Ok(hal::ok(&json!({
            "_links": Value::from(links), "id": id, "name": "Sandbox Platform", "type": "Commercial",
            "timezoneOffset": -6,
        })))
    })
}

/// `GET /business-classifications`: one page; the inner id is the one to use.
pub(crate) async fn business_classifications(Shared(dwolla): Shared<Arc<Dwolla>>) -> Response {
    dwolla.with(|state| {
        let href = format!("{}/business-classifications", state.base);
        let links = hal::Links::default().with("self", &href, "business-classification");
        let inner =
            [json!({"id": "9ed3cf5e-7d6f-11e3-803f-5404a6144203", "name": "Investment services"})];
        hal::ok(&json!({
            "_links": Value::from(links), "total": 1,
            "_embedded": {"business-classifications": [{
                "id": "9ed3a866-7d6f-11e3-a0ce-5404a6144203", "name": "Financial services",
                "_embedded": {"industry-classifications": inner},
            }]},
        }))
    })
}
