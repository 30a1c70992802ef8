//! What a crash left behind, and what is due.
//!
//! Each worker process runs a relay; several at once do no harm, because rows are taken with
//! `skip locked` and messages have ids of their own. It publishes outbox rows that their worker did
//! not, timers whose time has come, and makes operations due again whose worker and message are both
//! gone.

use super::engine::Engine;
use crate::store::StoreError;
use crate::store::outbox::Due;
use async_nats::connection::State;
use futures::{StreamExt as _, stream};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The most rows of one look.
const BATCH: i64 = 500;
/// Timers on their way to the broker at once.
const IN_FLIGHT: usize = 64;

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
    if engine.client.connection_state() != State::Connected {
        return Ok(());
    }
    wake(engine).await?;
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

/// Publishes what is due. What the broker did not take is due again at once.
async fn wake(engine: &Engine) -> Result<(), StoreError> {
    let publish = async |due: Due| match engine.publisher.wake(&due).await {
        Ok(()) => None,
        Err(error) => {
            tracing::warn!(%error, operation = %due.id, "the timer is published later");
            Some(due.id)
        }
    };
    let due = stream::iter(engine.outbox.timers(BATCH).await?);
    let failed: Vec<_> = due
        .map(publish)
        .buffered(IN_FLIGHT)
        .filter_map(async |failed| failed)
        .collect()
        .await;
    if failed.is_empty() {
        Ok(())
    } else {
        engine.outbox.untaken(&failed).await
    }
}
