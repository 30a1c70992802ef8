//! A process of the fleet: connects, checks that it may run, runs, and stops cleanly.
//!
//! One signal to stop means: take nothing new, give back what was not started, let running handlers
//! finish within a bound, publish what they committed. Work that does not finish in time is left to
//! its lease's end: it goes on from its journal in another process, and no attempt is counted twice.

use crate::router;
use crate::services::Services;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use subjects::spec::Topic;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tranche::bus::engine::Engine;
use tranche::bus::route::{QueryRoute, Route};
use tranche::bus::{consume, heartbeat, queries, relay, sweep, topology};
use tranche::config::Config;
use tranche::partners::Partners;
use tranche::seal::Sealer;
use tranche::store;

/// How often a process looks for subjects that belong to no topic.
const UNKNOWN_SUBJECTS: Duration = Duration::from_secs(30);

/// How long heartbeat and relay may take to notice that everything else has stopped.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Why a process does not run.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The database.
    #[error("the database is not ready")]
    Store(#[from] store::StoreError),
    /// The broker.
    #[error("the broker at {0} can not be reached")]
    Broker(String, #[source] async_nats::ConnectError),
    /// Streams or consumers differ from the registry, or can not be read.
    #[error(transparent)]
    Topology(#[from] topology::TopologyError),
    /// A partner's client can not be made.
    #[error("a partner's configuration does not fit")]
    Partners(#[from] tranche::partners::PartnersError),
    /// The sealing key.
    #[error(transparent)]
    Seal(#[from] tranche::seal::SealError),
    /// No topic of the registry fits the pattern.
    #[error("no topic fits {0:?}: write it like 'wallet.*' or 'wallet.transaction_create'")]
    NoTopic(String),
}

/// Connects to the broker; goes on trying for as long as the process lives.
pub async fn connect(config: &Config, name: &str) -> Result<async_nats::Client, FleetError> {
    let options = async_nats::ConnectOptions::new()
        .name(name)
        .max_reconnects(None);
    let options = options.reconnect_delay_callback(|attempt| {
        let attempt = u32::try_from(attempt).unwrap_or(u32::MAX).min(5);
        Duration::from_millis(50) * 2u32.pow(attempt)
    });
    let url = config.nats.url.clone();
    options
        .connect(url.clone())
        .await
        .map_err(|e| FleetError::Broker(url, e))
}

/// The topology's settings that are configuration.
pub fn topology_settings(config: &Config) -> topology::Settings {
    topology::Settings {
        replicas: config.nats.replicas,
        queue_max_bytes: config.nats.queue_max_bytes,
        ack_wait: config.worker.ack_wait(),
    }
}

/// An engine without consumers, for operators' tools.
pub async fn engine(config: &Config, name: &str) -> Result<(Arc<Engine>, PgPool), FleetError> {
    let pool = store::connect(&config.postgres.url, config.postgres.max_connections).await?;
    let client = connect(config, name).await?;
    let sealer = Sealer::new(&config.seal)?;
    Ok((
        Engine::new(&pool, client, config.worker.clone(), sealer, name),
        pool,
    ))
}

/// Runs the topics that fit `pattern` (`*`, `wallet.*`, `wallet.transaction_create`; several with
/// commas) until `stop`.
pub async fn run_worker(
    config: Arc<Config>,
    pattern: &str,
    stop: CancellationToken,
) -> Result<(), FleetError> {
    let name = format!("worker-{}", uuid::Uuid::new_v4().simple());
    let (engine, pool) = engine(&config, &name).await?;
    store::check_migrated(&pool).await?;
    let jetstream = async_nats::jetstream::new(engine.client().clone());
    topology::verify(&jetstream, &topology_settings(&config)).await?;
    let services = Arc::new(Services {
        db: pool,
        partners: Partners::new(&config)?,
        sealer: Sealer::new(&config.seal)?,
        config: config.clone(),
    });
    let routes: Vec<_> = router::routes(&services)
        .into_iter()
        .filter(|r| fits(pattern, r.topic))
        .collect();
    if routes.is_empty() {
        return Err(FleetError::NoTopic(pattern.to_owned()));
    }
    tracing::info!(worker = name, topics = pattern, "working");
    work(&engine, &config, routes, router::queries(&services), stop).await;
    tracing::info!(worker = name, "stopped");
    Ok(())
}

/// Works on these routes until `stop`, then takes nothing new, lets running handlers finish within
/// the configured bound, and publishes what they committed.
pub async fn work(
    engine: &Arc<Engine>,
    config: &Config,
    routes: Vec<Route>,
    queries: Vec<QueryRoute>,
    stop: CancellationToken,
) {
    // Signs of life and the relay go on while running handlers finish.
    let done = CancellationToken::new();
    let support = support(engine, &done);
    let (running, consumers) = (TaskTracker::new(), TaskTracker::new());
    for query in queries {
        let (client, stop) = (engine.client().clone(), stop.clone());
        consumers.spawn(async move {
            if let Err(error) = queries::answer(client, query, stop).await {
                tracing::error!(%error, "a query is not answered by this process");
            }
        });
    }
    for route in routes {
        let over = config.topics.get(&route.topic.path());
        if over.is_some_and(|o| o.paused) {
            tracing::warn!(topic = route.topic.path(), "paused by configuration");
            continue;
        }
        let hands = over
            .and_then(|o| o.concurrency)
            .unwrap_or(route.topic.concurrency);
        let (engine, running, stop) = (engine.clone(), running.clone(), stop.clone());
        consumers.spawn(consume::consume(engine, route, hands, running, stop));
    }
    stop.cancelled().await;
    let winding_down = async {
        consumers.close();
        consumers.wait().await;
        running.close();
        running.wait().await;
        engine.flush().await;
    };
    // The bound is for all of it: a broker or a database that is gone must not keep a process.
    if tokio::time::timeout(config.worker.drain(), winding_down)
        .await
        .is_err()
    {
        let left = running.len();
        tracing::warn!(
            left,
            "what is not done is left to its leases' end and to the relay"
        );
    }
    done.cancel();
    let _ = tokio::time::timeout(LAST_WORD, support.wait()).await;
}

/// What every process does besides its topics.
fn support(engine: &Arc<Engine>, done: &CancellationToken) -> TaskTracker {
    let tasks = TaskTracker::new();
    let every = UNKNOWN_SUBJECTS;
    tasks.spawn(heartbeat::beat(engine.clone(), done.clone()));
    tasks.spawn(relay::relay(engine.clone(), done.clone()));
    tasks.spawn(sweep::follow_advisories(engine.clone(), done.clone()));
    tasks.spawn(sweep::sweep_unknown(engine.clone(), every, done.clone()));
    tasks.close();
    tasks
}

/// Whether a topic fits a pattern.
fn fits(pattern: &str, topic: &Topic) -> bool {
    pattern.split(',').map(str::trim).any(|one| {
        let (service, name) = one.split_once(['.', '/']).unwrap_or((one, "*"));
        (service == "*" || service == topic.service) && (name == "*" || name == topic.name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_all_topics_a_service_or_one_topic() {
        let topic = subjects::registry::topic("wallet", "wallet_sync").unwrap();
        for pattern in [
            "*",
            "*.*",
            "wallet",
            "wallet.*",
            "wallet/wallet_sync",
            "kyc, wallet.*",
        ] {
            assert!(fits(pattern, topic), "{pattern}");
        }
        for pattern in ["kyc.*", "wallet.bank_delete", "", "directory"] {
            assert!(!fits(pattern, topic), "{pattern}");
        }
    }
}
