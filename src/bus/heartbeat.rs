//! Signs of life: while a handler runs, the broker and the database are told that it does.
//!
//! One task for the whole process: leases of all running operations are extended in one statement,
//! messages by one small publish each. A lease that the database did not extend is revoked here, so
//! that the handler sends nothing more.

use super::engine::Engine;
use super::lease::Lease;
use async_nats::jetstream::{AckKind, message::Acker};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use subjects::ids::OperationId;
use tokio_util::sync::CancellationToken;

struct Running {
    lease: Lease,
    acker: Arc<Acker>,
}

/// An attempt: the operation and its fencing token. After a long pause of the process, two attempts at
/// one operation can run side by side here.
type Attempt = (OperationId, i64);

/// The attempts that run in this process.
#[derive(Clone, Default)]
pub struct Heartbeats {
    running: Arc<Mutex<HashMap<Attempt, Running>>>,
}

/// Ends an attempt's heartbeat when dropped.
pub(crate) struct Beating {
    all: Heartbeats,
    attempt: Attempt,
}

impl Drop for Beating {
    fn drop(&mut self) {
        self.all.map().remove(&self.attempt);
    }
}

impl Heartbeats {
    pub(crate) fn start(&self, operation: OperationId, lease: Lease, acker: Arc<Acker>) -> Beating {
        let attempt = (operation, lease.token());
        self.map().insert(attempt, Running { lease, acker });
        Beating {
            all: self.clone(),
            attempt,
        }
    }

    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<Attempt, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list(&self) -> Vec<(Attempt, Lease, Arc<Acker>)> {
        let all = self.map();
        all.iter()
            .filter(|(_, running)| !running.lease.is_revoked())
            .map(|(attempt, running)| (*attempt, running.lease.clone(), running.acker.clone()))
            .collect()
    }
}

/// Beats until the process stops.
pub async fn beat(engine: Arc<Engine>, stop: CancellationToken) {
    let shorter = engine.settings.lease().min(engine.settings.ack_wait());
    let mut pace = tokio::time::interval(shorter / 3);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = pace.tick() => once(&engine).await,
        }
    }
}

async fn once(engine: &Engine) {
    let running = engine.heartbeats.list();
    if running.is_empty() {
        return;
    }
    for (_, _, acker) in &running {
        // A sign of life that is lost costs a redelivery, which the row's lease answers.
        let _ = acker.ack_with(AckKind::Progress).await;
    }
    let asked = Instant::now();
    let held: Vec<Attempt> = running.iter().map(|(attempt, ..)| *attempt).collect();
    match engine
        .operations
        .heartbeat(&held, engine.settings.lease())
        .await
    {
        Ok(kept) => {
            for ((attempt, lease, _), kept) in running.iter().zip(kept) {
                if kept {
                    lease.extended(asked, engine.settings.lease());
                } else if engine.heartbeats.map().contains_key(attempt) {
                    tracing::warn!(operation = %attempt.0, "the lease was lost to another worker");
                    lease.revoke();
                }
            }
        }
        Err(error) => tracing::warn!(%error, "leases could not be extended"),
    }
}
