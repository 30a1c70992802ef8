//! The events of an operation after the one that was seen last.

use super::may_see;
use crate::handler::{Answerer, unavailable};
use crate::services::Services;
use subjects::envelope::{Event, Problem};
use subjects::operations::{Events, EventsAsk};
use tranche::store::{operations, outbox};

impl Answerer for EventsAsk {
    async fn answer(self, services: &Services) -> Result<Events, Problem> {
        let db = &services.db;
        let seen = operations::look_up(db, self.id)
            .await
            .map_err(|e| unavailable(&e))?;
        if !seen.is_some_and(|seen| may_see(&seen.caller, self.identity)) {
            return Ok(Events {
                known: false,
                events: Vec::new(),
            });
        }
        let rows = outbox::events(db, self.id, self.after)
            .await
            .map_err(|e| unavailable(&e))?;
        let events = rows.into_iter().map(|row| {
            let mut payload = row.message.payload;
            payload["id"] = row.message.id.into();
            serde_json::from_value(payload)
        });
        let events: Result<Vec<Event>, _> = events.collect();
        Ok(Events {
            known: true,
            events: events.map_err(|e| unavailable(&e))?,
        })
    }
}
