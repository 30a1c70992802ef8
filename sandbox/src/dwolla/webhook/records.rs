//! `/webhooks`: what was sent to whom with which answer, and sending again by hand.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as Shared};
use axum::response::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::error::Refusal;
use super::super::page::{Page, Window};
use super::super::state::State;
use super::super::{Dwolla, hal};
use super::{Sealed, Webhook};
use crate::clock::iso;
use crate::courier::Outcome;

const NOT_FOUND: &str = "Webhook not found.";

impl Webhook {
    fn resource(&self, state: &State) -> Value {
        let href = state.href("webhooks", self.id);
        let links = hal::Links::default()
            .with("self", &href, "webhook")
            .with(
                "subscription",
                &state.href("webhook-subscriptions", self.subscription),
                "webhook-subscription",
            )
            .with("retry", &format!("{href}/retries"), "retry")
            .with("event", &state.href("events", self.event.id), "event");
        let url = state
            .hooks
            .subscription(self.subscription)
            .map_or("", |row| &row.url);
        let attempts: Vec<Value> = self
            .attempts
            .iter()
            .map(|(id, outcome)| attempt(*id, outcome, url, &self.body))
            .collect();
        json!({
            "_links": Value::from(links), "id": self.id, "topic": self.event.topic,
            "accountId": state.master.id, "eventId": self.event.id, "subscriptionId": self.subscription,
            "attempts": attempts,
        })
    }
}

fn attempt(id: Uuid, outcome: &Outcome, url: &str, body: &str) -> Value {
    let headers: Vec<Value> = outcome
        .headers
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let mut shown = json!({
        "id": id,
        "request": {"timestamp": iso(outcome.sent_at), "url": url, "headers": headers, "body": body},
    });
    if let Some(status) = outcome.status {
        shown["response"] = json!({
            "timestamp": iso(outcome.ended_at), "headers": [], "statusCode": status, "body": outcome.body,
        });
    }
    shown
}

/// `GET /webhook-subscriptions/{id}/webhooks`, newest first.
pub(crate) async fn list_of_subscription(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let message = "Webhook subscription not found.";
    let id = hal::path_id(&id, message)?;
    let window = Window::parse(query.as_deref());
    let about = window
        .query
        .get("resourceId")
        .map(|id| Uuid::try_parse(id).unwrap_or_default());
    let (from, to) = (window.query.get("startDate"), window.query.get("endDate"));
    dwolla.with(|state| {
        state
            .hooks
            .subscription(id)
            .ok_or_else(|| Refusal::not_found(message))?;
        let wanted: Vec<&Webhook> = state
            .hooks
            .ring
            .iter()
            .rev()
            .filter(|row| row.subscription == id)
            .filter(|row| about.is_none_or(|about| row.event.subject.id == about))
            .filter(|row| {
                let day = row.event.created.date_naive().to_string();
                from.is_none_or(|from| &*day >= from) && to.is_none_or(|to| &*day <= to)
            })
            .collect();
        let rows = wanted.iter().skip(window.offset).take(window.limit);
        let rows = rows.map(|row| row.resource(state)).collect();
        let page = Page {
            collection: "webhooks",
            rows,
            total: wanted.len(),
        };
        let href = format!("{}/webhooks", state.href("webhook-subscriptions", id));
        Ok(hal::ok(&page.body(&href, &window)))
    })
}

/// `GET /webhooks/{id}`.
pub(crate) async fn get(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = hal::path_id(&id, NOT_FOUND)?;
    dwolla.with(|state| {
        let found = state
            .hooks
            .webhook(id)
            .ok_or_else(|| Refusal::not_found(NOT_FOUND))?;
        Ok(hal::ok(&found.resource(state)))
    })
}

/// `POST /webhooks/{id}/retries`: sends once more, now.
pub(crate) async fn retry(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = hal::path_id(&id, NOT_FOUND)?;
    dwolla.with(|state| {
        let (now, retry) = (state.now(), Uuid::new_v4());
        let found = state
            .hooks
            .webhook_mut(id)
            .ok_or_else(|| Refusal::not_found(NOT_FOUND))?;
        found.retries.push((retry, now));
        let body = Arc::clone(&found.body);
        let sealed = Sealed::again(id, found.subscription, found.event.topic, body);
        state.outbox.push(sealed);
        Ok(hal::created(&format!(
            "{}/retries/{retry}",
            state.href("webhooks", id)
        )))
    })
}

/// `GET /webhooks/{id}/retries`.
pub(crate) async fn retries(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = hal::path_id(&id, NOT_FOUND)?;
    dwolla.with(|state| {
        let found = state
            .hooks
            .webhook(id)
            .ok_or_else(|| Refusal::not_found(NOT_FOUND))?;
        let href = state.href("webhooks", id);
        let rows: Vec<Value> = found
            .retries
            .iter()
            .map(|(retry, at)| {
                let links = hal::Links::default()
                    .with("self", &format!("{href}/retries/{retry}"), "retry")
                    .with("webhook", &href, "webhook");
                json!({"_links": Value::from(links), "id": retry, "timestamp": iso(*at)})
            })
            .collect();
        let links = hal::Links::default().with("self", &format!("{href}/retries"), "retry");
        Ok(hal::ok(&json!({
            "_links": Value::from(links), "total": rows.len(), "_embedded": {"retries": rows},
        })))
    })
}
