//! What all topics of a process share.

use super::heartbeat::Heartbeats;
use super::publish::Publisher;
use crate::config::Worker;
use crate::seal::Sealer;
use crate::store::change::Committer;
use crate::store::dead_letters::DeadLetters;
use crate::store::journal::Journal;
use crate::store::operations::Operations;
use crate::store::outbox::Outbox;
use sqlx::PgPool;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often a database that is away is asked.
const AGAIN: Duration = Duration::from_millis(500);

/// The runtime's view of database and broker.
pub struct Engine {
    pub(crate) operations: Operations,
    pub(crate) journal: Journal,
    pub(crate) committer: Committer,
    pub(crate) outbox: Outbox,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) publisher: Publisher,
    pub(crate) heartbeats: Heartbeats,
    pub(crate) sealer: Sealer,
    pub(crate) jetstream: async_nats::jetstream::Context,
    pub(crate) client: async_nats::Client,
    pub(crate) settings: Worker,
    /// The database did not answer lately.
    failing: AtomicBool,
}

impl Engine {
    /// An engine on this pool and broker. `name` is this process's, in leases and faults.
    pub fn new(
        pool: &PgPool,
        client: async_nats::Client,
        settings: Worker,
        sealer: Sealer,
        name: &str,
    ) -> Arc<Self> {
        let jetstream = async_nats::jetstream::ContextBuilder::new()
            .timeout(Duration::from_secs(5))
            .build(client.clone());
        let outbox = Outbox::new(pool);
        Arc::new(Self {
            operations: Operations::new(pool, name, settings.lease()),
            journal: Journal::new(pool),
            committer: Committer::new(pool.clone()),
            publisher: Publisher::start(jetstream.clone(), outbox.clone()),
            dead_letters: DeadLetters::new(pool),
            heartbeats: Heartbeats::default(),
            outbox,
            sealer,
            jetstream,
            client,
            settings,
            failing: AtomicBool::new(false),
        })
    }

    /// Notes that the database did not answer.
    pub(crate) fn database_failed(&self) {
        self.failing.store(true, Ordering::Release);
    }

    /// Waits until the database answers, if it lately did not. Messages that are taken without it can
    /// only be handed back, and the broker counts that: a long outage would end in the dead letters.
    pub(crate) async fn database_answers(&self, stop: &CancellationToken) {
        while self.failing.load(Ordering::Acquire) && !stop.is_cancelled() {
            match self.operations.is_opened(Uuid::nil()).await {
                Ok(_) => self.failing.store(false, Ordering::Release),
                Err(error) => {
                    tracing::warn!(%error, "no messages are taken: the database is away");
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(AGAIN) => {}
                    }
                }
            }
        }
    }

    /// The connection to the broker.
    pub fn client(&self) -> &async_nats::Client {
        &self.client
    }

    /// Waits until everything that was committed here is with the broker, or given up to the relay.
    pub async fn flush(&self) {
        self.publisher.flushed().await;
        let _ = self.client.flush().await;
    }
}
