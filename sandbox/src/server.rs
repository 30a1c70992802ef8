//! Starting and stopping a sandbox: one HTTP server for all partners, each under its prefix.

use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::SandboxConfig;
use crate::control::{self, Control};
use crate::error::SandboxError;
use crate::http::Frame;
use crate::ledger::Partner;
use crate::wire::{Caller, Wire};
use crate::world::World;
use crate::{dwolla, kratos, plaid};

/// A running sandbox. Dropping it stops it as well, without waiting.
pub struct Sandbox {
    world: Arc<World>,
    stop: CancellationToken,
    server: JoinHandle<()>,
    courier: JoinHandle<()>,
}

impl Sandbox {
    /// Listens and serves. Everything is in memory and empty, but for our master account at Dwolla.
    pub async fn start(config: SandboxConfig) -> Result<Self, SandboxError> {
        // An HTTP client wants a TLS provider even for plain HTTP; another part of the process may have installed one.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let refused = |source| SandboxError::Listen {
            addr: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(refused)?;
        let addr = listener.local_addr().map_err(refused)?;
        let world = World::new(&config, format!("http://{addr}"))?;
        let stop = CancellationToken::new();
        let service = router(&world).into_make_service_with_connect_info::<Caller>();
        let until = stop.clone().cancelled_owned();
        let server = tokio::spawn(async move {
            let serving = axum::serve(Wire(listener), service).with_graceful_shutdown(until);
            if let Err(error) = serving.await {
                tracing::error!(%error, "the sandbox stopped serving");
            }
        });
        let courier = tokio::spawn(Arc::clone(&world.courier).run(stop.clone()));
        Ok(Self {
            world,
            stop,
            server,
            courier,
        })
    }

    /// The root, such as `http://127.0.0.1:4010`; the control API is under `/_sandbox`.
    pub fn url(&self) -> &str {
        &self.world.base
    }

    /// Base URL of Dwolla's API.
    pub fn dwolla_url(&self) -> String {
        format!("{}/dwolla", self.world.base)
    }

    /// Base URL of Plaid's API.
    pub fn plaid_url(&self) -> String {
        format!("{}/plaid", self.world.base)
    }

    /// Base URL of Kratos' public API.
    pub fn kratos_url(&self) -> String {
        format!("{}/kratos", self.world.base)
    }

    /// The control verbs, in process.
    pub fn control(&self) -> Control {
        Control(Arc::clone(&self.world))
    }

    /// Lets go whoever is held, takes no more requests, and ends. Requests under way get a moment to finish.
    pub async fn stop(mut self) {
        self.world.faults.clear();
        self.stop.cancel();
        let moment = std::time::Duration::from_secs(2);
        if tokio::time::timeout(moment, &mut self.server)
            .await
            .is_err()
        {
            self.server.abort();
        }
        self.courier.abort();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn router(world: &Arc<World>) -> Router {
    let frame = |partner| Frame {
        partner,
        calls: Arc::clone(&world.calls),
        clock: world.clock.clone(),
    };
    Router::new()
        .nest_service(
            "/dwolla",
            dwolla::routes(Arc::clone(&world.dwolla), frame(Partner::Dwolla)),
        )
        .nest_service(
            "/plaid",
            plaid::routes(Arc::clone(&world.plaid), frame(Partner::Plaid)),
        )
        .nest_service(
            "/kratos",
            kratos::routes(Arc::clone(&world.kratos), frame(Partner::Kratos)),
        )
        .nest_service("/_sandbox", control::routes(Control(Arc::clone(world))))
}
