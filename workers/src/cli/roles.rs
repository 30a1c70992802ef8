//! The roles of a process, and what prepares a deployment.

use super::{Failure, say};
use crate::fleet;
use clap::Subcommand;
use std::process::ExitCode;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tranche::bus::topology;
use tranche::config::Config;
use tranche::store;

/// What to do with the broker's streams and consumers.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Topology {
    /// Say what differs; exit status 1 when something does.
    Plan,
    /// Create what is missing and update what may be updated.
    Apply,
}

/// Ends with the first SIGTERM or Ctrl-C.
pub(crate) fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        let terminated = async {
            use tokio::signal::unix::{SignalKind, signal};
            match signal(SignalKind::terminate()) {
                Ok(mut terminate) => {
                    terminate.recv().await;
                }
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            () = terminated => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        token.cancel();
    });
    stop
}

pub(crate) async fn worker(
    config: Arc<Config>,
    topics: &str,
    stop: CancellationToken,
) -> Result<(), Failure> {
    Ok(fleet::run_worker(config, topics, stop).await?)
}

pub(crate) async fn ingress(config: Arc<Config>, stop: CancellationToken) -> Result<(), Failure> {
    let client = fleet::connect(&config, "ingress").await?;
    let serving = tranche::ingress::serve(config.clone(), client, stop.clone()).await?;
    tracing::info!(address = %serving.address, "listening");
    let mut finished = std::pin::pin!(serving.finished());
    tokio::select! {
        ended = &mut finished => return Ok(ended?),
        () = stop.cancelled() => {}
    }
    let drain = config.worker.drain();
    if let Ok(ended) = tokio::time::timeout(drain, finished).await {
        return Ok(ended?);
    }
    tracing::warn!("requests were still open after {drain:?}");
    Ok(())
}

pub(crate) async fn migrate(config: &Config) -> Result<(), Failure> {
    let pool = store::connect(&config.postgres.url, 1).await?;
    store::migrate(&pool).await?;
    say("the database is up to date");
    Ok(())
}

pub(crate) async fn topology(config: &Config, act: Topology) -> Result<ExitCode, Failure> {
    let client = fleet::connect(config, "topology").await?;
    let jetstream = async_nats::jetstream::new(client);
    let settings = fleet::topology_settings(config);
    let clean = match act {
        Topology::Plan => {
            let differences = topology::plan(&jetstream, &settings).await?;
            for difference in &differences {
                say(&difference.to_string());
            }
            differences.is_empty()
        }
        Topology::Apply => {
            let applied = topology::apply(&jetstream, &settings).await?;
            for done in &applied.done {
                say(&done.to_string());
            }
            for undone in &applied.undone {
                say(&undone.to_string());
            }
            applied.undone.is_empty()
        }
    };
    Ok(if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
