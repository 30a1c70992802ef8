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
            .timeout(std::time::Duration::from_secs(5))
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
        })
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
