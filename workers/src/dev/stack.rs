//! The fleet's surroundings on one machine: NATS, PostgreSQL, the partners' sandbox, and a
//! configuration that points at them.
//!
//! `tranche dev`, `tranche demo`, the tests and the benchmarks all start the same way, so that what
//! works in one works in the others.

use reqwest::{Method, Response};
use sandbox::servers::{
    Durability, MissingTool, NatsOptions, NatsServer, Postgres, PostgresOptions, Reporter,
    ServerError, Tools, Workspace,
};
use sandbox::{Sandbox, SandboxConfig, SandboxError};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tranche::bus::topology;
use tranche::config::{Config, ConfigError};
use tranche::ingress::{self, IngressError, Serving};
use tranche::store;

use crate::fleet::{self, FleetError};

/// The secret that signs Dwolla's webhooks here.
pub const WEBHOOK_SECRET: &str = "dev-dwolla-webhook-secret";
/// The secret that the gateway would send here.
pub const GATEWAY_SECRET: &str = "dev-gateway-secret";
/// The tokens of internal callers here: name and token.
pub const SERVICE_TOKENS: [(&str, &str); 3] = [
    ("directory", "dev-directory-token"),
    ("kyc", "dev-kyc-token"),
    ("operator", "dev-operator-token"),
];

/// Why the surroundings did not start.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// A server's program is missing and can not be obtained.
    #[error(transparent)]
    Missing(#[from] MissingTool),
    /// A server did not start.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The sandbox did not start.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The configuration does not load.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database was not prepared.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The broker was not prepared.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The broker's streams were not made.
    #[error(transparent)]
    Topology(#[from] topology::TopologyError),
    /// The ingress did not start.
    #[error(transparent)]
    Ingress(#[from] IngressError),
    /// The sandbox did not do what its account's holder asked.
    #[error("the sandbox did not answer the holder of its account")]
    Holder(#[from] reqwest::Error),
}

/// How the surroundings differ from one use to another.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether a power cut would lose nothing: for the demo and the benchmarks.
    pub durable: bool,
    /// Changes of the configuration.
    pub adjust: fn(&mut Config),
}

/// The surroundings. Dropped, everything ends and nothing is left.
pub struct Stack {
    /// The broker.
    pub nats: NatsServer,
    /// The database server, which several stacks may share.
    pub postgres: Arc<Postgres>,
    /// The partners.
    pub sandbox: Sandbox,
    /// The configuration that points at all of them.
    pub config: Arc<Config>,
}

/// Finds or fetches the servers' programs for the checkout around `folder`.
pub async fn tools(folder: &Path, reporter: Reporter) -> Result<Tools, StackError> {
    let folder: PathBuf = folder.to_owned();
    let obtain = move || {
        let workspace = Workspace::at(&folder)?;
        Ok::<_, StackError>(Tools::obtain(&workspace, &reporter)?)
    };
    match tokio::task::spawn_blocking(obtain).await {
        Ok(tools) => tools,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// A database server of its own.
pub async fn postgres(tools: &Tools, durable: bool) -> Result<Arc<Postgres>, StackError> {
    let durability = if durable {
        Durability::Durable
    } else {
        Durability::Fast
    };
    let options = PostgresOptions {
        durability,
        ..PostgresOptions::default()
    };
    Ok(Arc::new(Postgres::start(tools, options).await?))
}

impl Stack {
    /// Starts a broker and a sandbox beside a database that is migrated already, and creates the
    /// streams.
    pub async fn start(
        tools: &Tools,
        postgres: Arc<Postgres>,
        database: &str,
        config_folder: &Path,
        options: &Options,
    ) -> Result<Self, StackError> {
        let nats = NatsServer::start(tools, NatsOptions::default()).await?;
        let sandbox = Sandbox::start(SandboxConfig::default()).await?;
        let mut config = Config::load(config_folder, "local")?;
        point(&mut config, &nats, &postgres.url(database), &sandbox);
        (options.adjust)(&mut config);
        let config = Arc::new(config);
        let client = fleet::connect(&config, "topology").await?;
        let jetstream = async_nats::jetstream::new(client);
        topology::apply(&jetstream, &fleet::topology_settings(&config)).await?;
        Ok(Self {
            nats,
            postgres,
            sandbox,
            config,
        })
    }

    /// Starts an ingress in this process and subscribes it to Dwolla's webhooks.
    pub async fn ingress(&self, stop: CancellationToken) -> Result<Serving, StackError> {
        let client = fleet::connect(&self.config, "ingress").await?;
        let serving = ingress::serve(self.config.clone(), client, stop).await?;
        self.subscribe(serving.address).await?;
        Ok(serving)
    }

    async fn subscribe(&self, ingress: SocketAddr) -> Result<(), StackError> {
        let subscription = json!({
            "url": format!("http://{ingress}/hooks/dwolla"), "secret": WEBHOOK_SECRET,
        });
        let path = "webhook-subscriptions";
        self.dwolla(Method::POST, path, Some(&subscription)).await?;
        Ok(())
    }

    /// Lets Dwolla's banks settle what is pending. In Dwolla's own sandbox, too, nothing settles
    /// unless it is asked to.
    pub async fn settle_banks(&self) -> Result<(), StackError> {
        self.dwolla(Method::POST, "sandbox-simulations", None)
            .await?;
        Ok(())
    }

    /// What Dwolla says a balance holds, in dollars.
    pub async fn balance(&self, id: &str) -> Result<String, StackError> {
        let path = format!("funding-sources/{id}/balance");
        let balance: Value = self.dwolla(Method::GET, &path, None).await?.json().await?;
        let value = balance["balance"]["value"].as_str();
        Ok(value.unwrap_or_default().to_owned())
    }

    /// A request to Dwolla's sandbox as the holder of the account.
    async fn dwolla(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response, reqwest::Error> {
        let dwolla = self.sandbox.dwolla_url();
        let client = reqwest::Client::builder().build()?;
        let credentials = &self.config.dwolla;
        let token: Value = client
            .post(format!("{dwolla}/token"))
            .basic_auth(&credentials.key, Some(credentials.secret.expose_secret()))
            .form(&[("grant_type", "client_credentials")])
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let mut request = client
            .request(method, format!("{dwolla}/{path}"))
            .bearer_auth(token["access_token"].as_str().unwrap_or_default())
            .header("accept", "application/vnd.dwolla.v1.hal+json");
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await?.error_for_status()
    }

    /// The variables that give another process of the fleet the same configuration.
    pub fn variables(&self) -> Vec<(String, String)> {
        let config = &self.config;
        let set = |key: &str, value: &str| (format!("TRANCHE__{key}"), value.to_owned());
        vec![
            set("NATS__URL", &config.nats.url),
            set("POSTGRES__URL", config.postgres.url.expose_secret()),
            set(
                "POSTGRES__MAX_CONNECTIONS",
                &config.postgres.max_connections.to_string(),
            ),
            set("WORKER__LEASE_MS", &config.worker.lease_ms.to_string()),
            set(
                "WORKER__ACK_WAIT_MS",
                &config.worker.ack_wait_ms.to_string(),
            ),
            set("WORKER__RELAY_MS", &config.worker.relay_ms.to_string()),
            set("WORKER__DRAIN_MS", &config.worker.drain_ms.to_string()),
            set("DWOLLA__URL", config.dwolla.url.as_str()),
            set("DWOLLA__KEY", &config.dwolla.key),
            set("DWOLLA__SECRET", config.dwolla.secret.expose_secret()),
            set("DWOLLA__TIMEOUT_MS", &config.dwolla.timeout_ms.to_string()),
            set("DWOLLA__SETTLES_MS", &config.dwolla.settles_ms.to_string()),
            set("PLAID__URL", config.plaid.url.as_str()),
            set("PLAID__CLIENT_ID", &config.plaid.client_id),
            set("PLAID__SECRET", config.plaid.secret.expose_secret()),
            set("PLAID__TIMEOUT_MS", &config.plaid.timeout_ms.to_string()),
            set("PLAID__SETTLES_MS", &config.plaid.settles_ms.to_string()),
            set("INGRESS__KRATOS_URL", config.ingress.kratos_url.as_str()),
            set("INGRESS__DWOLLA_WEBHOOK_SECRET", WEBHOOK_SECRET),
            set("INGRESS__GATEWAY_SECRET", GATEWAY_SECRET),
        ]
    }
}

/// Points a configuration at these servers.
fn point(config: &mut Config, nats: &NatsServer, postgres: &str, sandbox: &Sandbox) {
    let partners = SandboxConfig::default();
    let url = |text: String| format!("{text}/").parse();
    config.nats.url = nats.url();
    config.postgres.url = SecretString::from(postgres);
    config.ingress.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.ingress.gateway_secret = GATEWAY_SECRET.into();
    config.ingress.dwolla_webhook_secret = WEBHOOK_SECRET.into();
    config.ingress.service_tokens = service_tokens();
    config.dwolla.key = partners.dwolla_key;
    config.dwolla.secret = partners.dwolla_secret.into();
    config.plaid.client_id = partners.plaid_client_id;
    config.plaid.secret = partners.plaid_secret.into();
    for (place, text) in [
        (&mut config.dwolla.url, sandbox.dwolla_url()),
        (&mut config.plaid.url, sandbox.plaid_url()),
        (&mut config.ingress.kratos_url, sandbox.kratos_url()),
    ] {
        if let Ok(parsed) = url(text) {
            *place = parsed;
        }
    }
}

fn service_tokens() -> BTreeMap<String, SecretString> {
    SERVICE_TOKENS
        .iter()
        .map(|(name, token)| ((*name).to_owned(), (*token).into()))
        .collect()
}
