//! Webhooks: subscriptions, the record of what was sent, the signature, and the documented retries and pauses.

mod delivery;
mod records;
mod subscriptions;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
pub(crate) use delivery::Sealed;
pub(crate) use records::{get, list_of_subscription, retries, retry};
pub(crate) use subscriptions::{create, delete, get as get_subscription, list, update};
use uuid::Uuid;

use super::event::Event;
use super::state::State;
use crate::courier::Outcome;

/// How many webhook records are kept.
const KEPT: usize = 100_000;

/// One subscription: every event goes to it, as Dwolla has no topic filter.
pub(super) struct Subscription {
    id: Uuid,
    url: String,
    secret: Arc<str>,
    paused: bool,
    created: DateTime<Utc>,
    failures_in_a_row: u32,
    last_success: DateTime<Utc>,
}

/// The record of one webhook.
pub(super) struct Webhook {
    id: Uuid,
    subscription: Uuid,
    event: Arc<Event>,
    body: Arc<str>,
    attempts: Vec<(Uuid, Outcome)>,
    retries: Vec<(Uuid, DateTime<Utc>)>,
}

/// Subscriptions and the newest records.
#[derive(Default)]
pub(crate) struct Hooks {
    subscriptions: Vec<Subscription>,
    ring: VecDeque<Webhook>,
    dropped: usize,
    by_id: HashMap<Uuid, usize>,
}

impl Hooks {
    fn subscription(&self, id: Uuid) -> Option<&Subscription> {
        self.subscriptions
            .iter()
            .find(|subscription| subscription.id == id)
    }

    fn subscription_mut(&mut self, id: Uuid) -> Option<&mut Subscription> {
        self.subscriptions
            .iter_mut()
            .find(|subscription| subscription.id == id)
    }

    fn webhook_mut(&mut self, id: Uuid) -> Option<&mut Webhook> {
        let place = self.by_id.get(&id)?.checked_sub(self.dropped)?;
        self.ring.get_mut(place)
    }

    fn webhook(&self, id: Uuid) -> Option<&Webhook> {
        self.ring
            .get(self.by_id.get(&id)?.checked_sub(self.dropped)?)
    }

    fn push(&mut self, webhook: Webhook) {
        if self.ring.len() == KEPT
            && let Some(oldest) = self.ring.pop_front()
        {
            self.by_id.remove(&oldest.id);
            self.dropped += 1;
        }
        self.by_id
            .insert(webhook.id, self.dropped + self.ring.len());
        self.ring.push_back(webhook);
    }
}

/// Makes a webhook of an event for each subscription; one that is paused keeps the record and sends nothing.
pub(super) fn address(state: &mut State, event: &Arc<Event>) {
    if state.hooks.subscriptions.is_empty() {
        return;
    }
    let body: Arc<str> = event.webhook_body(state).into();
    let targets: Vec<(Uuid, bool)> = state
        .hooks
        .subscriptions
        .iter()
        .map(|subscription| (subscription.id, subscription.paused))
        .collect();
    for (subscription, paused) in targets {
        let id = Uuid::new_v4();
        if !paused {
            state.outbox.push(Sealed::first(
                id,
                subscription,
                event.topic,
                Arc::clone(&body),
            ));
        }
        state.hooks.push(Webhook {
            id,
            subscription,
            event: Arc::clone(event),
            body: Arc::clone(&body),
            attempts: Vec::new(),
            retries: Vec::new(),
        });
    }
}
