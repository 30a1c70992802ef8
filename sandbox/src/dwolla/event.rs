//! Events: what happened, one per party, kept in a bounded ring; each becomes a webhook for every subscription.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as Shared};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::error::Refusal;
use super::page::{Page, Window};
use super::state::{Owner, State};
use super::{Dwolla, hal};
use crate::clock::iso;

/// The real service keeps 30 days; the sandbox keeps the newest.
const KEPT: usize = 100_000;

/// What an event is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject {
    /// The collection in its URL.
    pub(crate) collection: &'static str,
    pub(crate) resource_type: &'static str,
    pub(crate) id: Uuid,
}

impl Subject {
    pub(crate) fn customer(id: Uuid) -> Self {
        Self {
            collection: "customers",
            resource_type: "customer",
            id,
        }
    }

    pub(crate) fn source(id: Uuid) -> Self {
        Self {
            collection: "funding-sources",
            resource_type: "funding-source",
            id,
        }
    }

    pub(crate) fn transfer(id: Uuid) -> Self {
        Self {
            collection: "transfers",
            resource_type: "transfer",
            id,
        }
    }
}

/// One event.
pub(crate) struct Event {
    pub(crate) id: Uuid,
    pub(crate) topic: &'static str,
    pub(crate) subject: Subject,
    owner: Owner,
    pub(crate) created: DateTime<Utc>,
    correlation: Option<Arc<str>>,
}

impl Event {
    /// As `GET /events/{id}` shows it: with `created` and without `timestamp`.
    fn resource(&self, state: &State) -> Map<String, Value> {
        let Subject {
            collection,
            resource_type,
            id,
        } = self.subject;
        let mut links = hal::Links::default()
            .with("self", &state.location("events", self.id), "event")
            .with(
                "account",
                &state.location("accounts", state.master.id),
                "account",
            )
            .with("resource", &state.location(collection, id), resource_type);
        if let Owner::Customer(customer) = self.owner {
            links = links.with(
                "customer",
                &state.location("customers", customer),
                "customer",
            );
        }
        let mut map = Map::new();
        map.insert("id".to_owned(), state.spell(self.id).into());
        map.insert("resourceId".to_owned(), state.spell(id).into());
        map.insert("topic".to_owned(), self.topic.into());
        map.insert("_links".to_owned(), links.into());
        map.insert("created".to_owned(), iso(self.created).into());
        if let Some(correlation) = &self.correlation {
            map.insert("correlationId".to_owned(), (&**correlation).into());
        }
        map
    }

    /// As a webhook carries it: one line, `timestamp` and `created` with the same value.
    pub(crate) fn webhook_body(&self, state: &State) -> String {
        let mut map = self.resource(state);
        map.insert("timestamp".to_owned(), iso(self.created).into());
        Value::Object(map).to_string()
    }
}

/// The ring of the newest events.
#[derive(Default)]
pub(crate) struct Events {
    ring: VecDeque<Arc<Event>>,
    dropped: usize,
    by_id: HashMap<Uuid, usize>,
}

impl Events {
    fn push(&mut self, event: Arc<Event>) {
        if self.ring.len() == KEPT
            && let Some(oldest) = self.ring.pop_front()
        {
            self.by_id.remove(&oldest.id);
            self.dropped += 1;
        }
        self.by_id.insert(event.id, self.dropped + self.ring.len());
        self.ring.push_back(event);
    }

    pub(crate) fn get(&self, id: Uuid) -> Option<&Arc<Event>> {
        self.ring
            .get(self.by_id.get(&id)?.checked_sub(self.dropped)?)
    }
}

/// Writes an event down and addresses it to every subscription.
pub(crate) fn emit(
    state: &mut State,
    topic: &'static str,
    subject: Subject,
    owner: Owner,
    correlation: Option<Arc<str>>,
) {
    let created = state.now();
    let event = Arc::new(Event {
        id: Uuid::new_v4(),
        topic,
        subject,
        owner,
        created,
        correlation,
    });
    super::webhook::address(state, &event);
    state.events.push(event);
}

/// `GET /events`, newest first.
pub(crate) async fn list(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    RawQuery(query): RawQuery,
) -> Response {
    let window = Window::parse(query.as_deref());
    dwolla.with(|state| {
        let rows = state
            .events
            .ring
            .iter()
            .rev()
            .skip(window.offset)
            .take(window.limit);
        let rows = rows
            .map(|event| Value::Object(event.resource(state)))
            .collect();
        let page = Page {
            collection: "events",
            rows,
            total: state.events.ring.len(),
        };
        hal::ok(&page.body(&format!("{}/events", state.base), &window))
    })
}

/// `GET /events/{id}`.
pub(crate) async fn get(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let message = "Event not found.";
    let id = hal::path_id(&id, message)?;
    dwolla.with(|state| {
        let event = state
            .events
            .get(id)
            .ok_or_else(|| Refusal::not_found(message))?;
        Ok(hal::ok(&json!(event.resource(state))))
    })
}
