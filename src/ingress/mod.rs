//! HTTP to NATS and back, nothing else.
//!
//! The ingress is responsible for five things: it knows who calls ([`auth`], [`webhook`]), refuses
//! what can not be meant ([`decode`], [`shape`], [`limit`], [`cors`]), names the operation and makes
//! it durable ([`publish`]), answers by one rule ([`answer`]), and tells browsers what happened
//! ([`operations`], [`sse`], [`socket`]). It is *not* responsible for anything that needs to know
//! what a command means: its routes come from the registry ([`routes`]), and a new topic is a new
//! row there and no line here.
//!
//! It holds no database and no partner's secret, except the one that verifies Dwolla's signatures.
//! What it must know (whose wallet is this, how does an operation stand, which key signs Plaid's
//! webhooks) it asks the workers over NATS ([`ask`]). The alternative, a connection to the database
//! in every ingress, was given up because the process that faces the internet would then hold what
//! an attacker wants, and because it could answer while the workers that do the work are gone.
//!
//! Nothing is accepted that JetStream has not acknowledged, and nothing that was acknowledged is
//! answered with an error: from then on the operation's address tells the truth. Core
//! subscriptions to all events ([`hub`]) wake whoever waits; they may miss some, so nothing depends
//! on them but the time that a caller waits.

mod answer;
mod ask;
mod auth;
mod cache;
mod context;
mod cors;
mod decode;
mod frames;
mod health;
mod hub;
mod limit;
mod observe;
mod operations;
mod problem;
mod publish;
mod queue;
mod routes;
mod serve;
mod shape;
mod socket;
mod sse;
mod webhook;

use crate::config::Config;
use auth::gateway::Gateway;
use auth::kratos::Kratos;
use auth::service::Services;
use axum::middleware::from_fn_with_state;
use axum::serve::ListenerExt as _;
use cache::Cache;
use cors::Origins;
use hub::Hub;
use limit::Limit;
use publish::{ACK_WITHIN, Recent};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use subjects::directory::Access;
use subjects::ids::{OperationId, UserId};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;

/// Ownership answers that are remembered.
const ACCESSES: usize = 16_384;
/// Webhook keys that are remembered, unknown ones included.
const PLAID_KEYS: usize = 1024;
/// Operations that are remembered until a worker opens them.
const RECENT: usize = 16_384;

/// Why the ingress does not serve.
#[derive(Debug, thiserror::Error)]
pub enum IngressError {
    /// The address can not be bound.
    #[error("could not listen on {address}: choose a free address in ingress.listen")]
    Listen {
        /// `ingress.listen`.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A setting makes no sense.
    #[error("{0}")]
    Senseless(&'static str),
    /// A row of the registry can not be served: a mistake in our code.
    #[error("the registry's row {row} can not be served: {reason}")]
    Registry {
        /// The topic, the query or the path.
        row: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The client that asks the identity service could not be made.
    #[error("could not make the client of the identity service")]
    Kratos(#[from] reqwest::Error),
    /// The broker did not let us listen to events.
    #[error(
        "could not subscribe to the events: check the NATS permissions for events.> and answers.>"
    )]
    Events(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Serving ended by itself.
    #[error("serving ended")]
    Ended(#[source] std::io::Error),
}

/// What every request of this process shares.
#[derive(Debug)]
struct Ingress {
    config: Arc<Config>,
    nats: async_nats::Client,
    jetstream: async_nats::jetstream::Context,
    hub: Arc<Hub>,
    origins: Origins,
    gateway: Gateway,
    services: Services,
    kratos: Kratos,
    limit: Limit,
    accesses: Cache<Access, UserId>,
    access_trust: Duration,
    plaid_keys: webhook::Keys,
    recent: Cache<OperationId, Recent>,
    longest_wait: Duration,
    sockets: TaskTracker,
    shutdown: CancellationToken,
}

/// An ingress that serves.
#[derive(Debug)]
pub struct Serving {
    /// Where it listens; the port is the real one when the configuration said 0.
    pub address: SocketAddr,
    task: JoinHandle<Result<(), IngressError>>,
}

impl Serving {
    /// Waits until everything has ended after a shutdown: requests are answered, streams and
    /// sockets closed. How long that may take is the caller's to bound.
    pub async fn finished(self) -> Result<(), IngressError> {
        let joined = self.task.await;
        joined.unwrap_or_else(|error| Err(IngressError::Ended(std::io::Error::other(error))))
    }
}

/// Binds `ingress.listen` and serves until `shutdown`.
///
/// From then on nothing new is accepted, waiting callers get their 202, streams and sockets end.
///
/// # Errors
/// Every [`IngressError`] but `Ended` comes before the first request.
pub async fn serve(
    config: Arc<Config>,
    nats: async_nats::Client,
    shutdown: CancellationToken,
) -> Result<Serving, IngressError> {
    let routes = routes::router()?;
    let listen = config.ingress.listen;
    let not_bound = |source| IngressError::Listen {
        address: listen,
        source,
    };
    let hub_stop = CancellationToken::new();
    let (hub, hub_task) = Hub::start(&nats, hub_stop.clone())
        .await
        .map_err(|error| IngressError::Events(Box::new(error)))?;
    // The subscription is at the broker before the first command can be.
    nats.flush()
        .await
        .map_err(|error| IngressError::Events(Box::new(error)))?;
    let ingress = Arc::new(Ingress::new(config, nats, hub, shutdown.clone())?);
    let listener = TcpListener::bind(listen).await.map_err(not_bound)?;
    let address = listener.local_addr().map_err(not_bound)?;
    let sockets = ingress.sockets.clone();
    let app = routes
        .layer(CatchPanicLayer::custom(observe::panicked))
        .layer(from_fn_with_state(Arc::clone(&ingress), observe::observe))
        .with_state(ingress)
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let task = tokio::spawn(async move {
        let served = axum::serve(listener, app).with_graceful_shutdown(shutdown.cancelled_owned());
        let served = served.await.map_err(IngressError::Ended);
        sockets.close();
        sockets.wait().await;
        hub_stop.cancel();
        let hub = hub_task
            .await
            .map_err(|error| IngressError::Ended(std::io::Error::other(error)));
        served.and(hub)
    });
    tracing::info!(%address, "the ingress serves");
    Ok(Serving { address, task })
}

impl Ingress {
    fn new(
        config: Arc<Config>,
        nats: async_nats::Client,
        hub: Arc<Hub>,
        shutdown: CancellationToken,
    ) -> Result<Self, IngressError> {
        let settings = &config.ingress;
        let too_few = "expected ingress.requests_per_second to be 1 or more, got 0";
        let per_second = NonZeroU32::new(settings.requests_per_second);
        let jetstream = async_nats::jetstream::context::ContextBuilder::new().timeout(ACK_WITHIN);
        Ok(Self {
            jetstream: jetstream.build(nats.clone()),
            hub,
            origins: Origins::new(&settings.cors_origins),
            gateway: Gateway::new(settings.gateway_secret.clone()),
            services: Services::new(&settings.service_tokens),
            kratos: Kratos::new(
                &settings.kratos_url,
                Duration::from_millis(settings.session_cache_ms),
            )?,
            limit: Limit::per_second(per_second.ok_or(IngressError::Senseless(too_few))?),
            accesses: Cache::new(ACCESSES),
            access_trust: Duration::from_millis(settings.access_cache_ms),
            plaid_keys: Cache::new(PLAID_KEYS),
            recent: Cache::new(RECENT),
            longest_wait: Duration::from_millis(settings.max_wait_ms),
            sockets: TaskTracker::new(),
            shutdown,
            nats,
            config,
        })
    }
}
