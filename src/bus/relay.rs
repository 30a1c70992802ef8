//! What a crash left behind, and what is due.
//!
//! Each worker process runs a relay; several at once do no harm, because rows are taken with
//! `skip locked` and messages have ids of their own. It publishes outbox rows that their worker did
//! not, timers whose time has come, and makes operations due again whose worker and message are both
//! gone.

use super::engine::Engine;
use crate::store::StoreError;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The most rows of one look.
const BATCH: i64 = 500;

/// Relays until the process stops.
pub async fn relay(engine: Arc<Engine>, stop: CancellationToken) {
    let mut pace = tokio::time::interval(engine.settings.relay());
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut turn: u64 = 0;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = pace.tick() => {}
        }
        turn += 1;
        if let Err(error) = once(&engine, turn).await {
            tracing::warn!(%error, "the relay could not look");
        }
    }
}

async fn once(engine: &Engine, turn: u64) -> Result<(), StoreError> {
    for due in engine.outbox.timers(BATCH).await? {
        if let Err(error) = engine.publisher.wake(&due).await {
            tracing::warn!(%error, operation = %due.id, "the timer is published later");
        }
    }
    // Unsent rows exist only after a crash or while the broker is away: no need to look as often.
    if turn.is_multiple_of(5) {
        for posted in engine.outbox.due(BATCH).await? {
            if let Err(error) = engine.publisher.send(&posted).await {
                tracing::warn!(%error, "the message is published later");
                break;
            }
        }
        let silent = engine.settings.lease() + engine.settings.ack_wait() * 2;
        for operation in engine
            .outbox
            .abandoned(silent + Duration::from_secs(1))
            .await?
        {
            tracing::warn!(%operation, "its worker and its message are gone: it is due again");
        }
    }
    Ok(())
}
