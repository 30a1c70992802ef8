//! `/webhook-subscriptions`: at most ten here, no topic filter, paused by hand or after 400 failures.

use std::sync::Arc;

use axum::extract::{Extension, Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::error::{Flaw, Refusal};
use super::super::gate::RequestKey;
use super::super::state::State;
use super::super::{Dwolla, hal};
use super::Subscription;
use crate::clock::iso;
use crate::http::Whole;
use crate::ledger::{Effect, Partner};

const MOST: usize = 10;
const NOT_FOUND: &str = "Webhook subscription not found.";

impl Subscription {
    fn resource(&self, state: &State) -> Value {
        let href = state.href("webhook-subscriptions", self.id);
        let links = hal::Links::default()
            .with("self", &href, "webhook-subscription")
            .with("webhooks", &format!("{href}/webhooks"), "webhook");
        json!({
            "_links": Value::from(links), "id": self.id, "url": self.url, "paused": self.paused,
            "created": iso(self.created),
        })
    }
}

/// `POST /webhook-subscriptions`.
pub(crate) async fn create(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Extension(RequestKey(key)): Extension<RequestKey>,
    Extension(Whole(body)): Extension<Whole>,
) -> Result<Response, Refusal> {
    let body = hal::object(&body)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let (address, secret) = (text("url"), text("secret"));
    let mut flaws = Vec::new();
    if !url::Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
        flaws.push(Flaw::new(
            "InvalidFormat",
            "Url must be a valid url.",
            "/url",
        ));
    }
    if secret.is_empty() {
        flaws.push(Flaw::new("Required", "Secret required.", "/secret"));
    } else if secret.chars().count() > 128 {
        let message = "Secret must be 128 or fewer characters.";
        flaws.push(Flaw::new("InvalidFormat", message, "/secret"));
    }
    if !flaws.is_empty() {
        return Err(Refusal::validation(&flaws));
    }
    dwolla.with(|state| {
        if state.hooks.subscriptions.len() >= MOST {
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "MaxNumberOfResources",
                "The maximum number of subscriptions has been reached.",
            ));
        }
        let (id, now) = (Uuid::new_v4(), state.now());
        state.hooks.subscriptions.push(Subscription {
            id,
            url: address.to_owned(),
            secret: secret.into(),
            paused: false,
            created: now,
            failures_in_a_row: 0,
            last_success: now,
        });
        let effect = Effect::new(Partner::Dwolla, "webhook_subscription.created", id);
        state.record(Effect {
            idempotency_key: key,
            ..effect
        });
        Ok(hal::created(&state.location("webhook-subscriptions", id)))
    })
}

/// `GET /webhook-subscriptions`.
pub(crate) async fn list(Shared(dwolla): Shared<Arc<Dwolla>>) -> Response {
    dwolla.with(|state| {
        let rows: Vec<Value> =
            state.hooks.subscriptions.iter().map(|row| row.resource(state)).collect();
        let href = format!("{}/webhook-subscriptions", state.base);
        let links = hal::Links::default().with("self", &href, "webhook-subscription");
        hal::ok(&json!({
            "_links": Value::from(links), "total": rows.len(), "_embedded": {"webhook-subscriptions": rows},
        }))
    })
}

/// `GET /webhook-subscriptions/{id}`; the secret is never shown.
pub(crate) async fn get(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = hal::path_id(&id, NOT_FOUND)?;
    dwolla.with(|state| {
        let found = state
            .hooks
            .subscription(id)
            .ok_or_else(|| Refusal::not_found(NOT_FOUND))?;
        Ok(hal::ok(&found.resource(state)))
    })
}

/// `POST /webhook-subscriptions/{id}`: pause and go on. What was missed is not sent by itself.
pub(crate) async fn update(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
    Extension(Whole(body)): Extension<Whole>,
) -> Result<Response, Refusal> {
    let id = hal::path_id(&id, NOT_FOUND)?;
    let Some(paused) = hal::object(&body)?.get("paused").and_then(Value::as_bool) else {
        return Err(Refusal::flaw("Required", "Paused required.", "/paused"));
    };
    dwolla.with(|state| {
        let found = state
            .hooks
            .subscription_mut(id)
            .ok_or_else(|| Refusal::not_found(NOT_FOUND))?;
        if found.paused != paused {
            found.paused = paused;
            found.failures_in_a_row = 0;
            let status = if paused { "paused" } else { "active" };
            let effect = Effect::new(Partner::Dwolla, "webhook_subscription.updated", id);
            state.record(Effect {
                status: Some(status),
                ..effect
            });
        }
        let found = state
            .hooks
            .subscription(id)
            .ok_or_else(|| Refusal::not_found(NOT_FOUND))?;
        Ok(hal::ok(&found.resource(state)))
    })
}

/// `DELETE /webhook-subscriptions/{id}`.
pub(crate) async fn delete(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = hal::path_id(&id, NOT_FOUND)?;
    dwolla.with(|state| {
        let list = &mut state.hooks.subscriptions;
        let place = list.iter().position(|row| row.id == id);
        let gone = list.remove(place.ok_or_else(|| Refusal::not_found(NOT_FOUND))?);
        state.record(Effect::new(
            Partner::Dwolla,
            "webhook_subscription.deleted",
            id,
        ));
        Ok(hal::ok(&gone.resource(state)))
    })
}
