//! Configuration: `config/base.toml`, then `config/<environment>.toml`, then environment variables.
//!
//! `base.toml` holds every key with its meaning, and is the reference. A variable is named after its
//! key: `TRANCHE__DWOLLA__SECRET` sets `dwolla.secret`. Secrets have no value in a file; their
//! `Debug` prints nothing. An unknown key is an error, because a misspelt limit is a missing limit.

use secrecy::SecretString;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use url::Url;

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The message broker.
    pub nats: Nats,
    /// The database.
    pub postgres: Postgres,
    /// How workers run.
    pub worker: Worker,
    /// The HTTP side.
    pub ingress: Ingress,
    /// Fiat wallets.
    pub dwolla: Dwolla,
    /// Bank links.
    pub plaid: Plaid,
    /// What seals personal data at rest.
    pub seal: Seal,
    /// What operators may change of a topic: `[topics."wallet/transaction_create"]`.
    #[serde(default)]
    pub topics: BTreeMap<String, TopicOverride>,
}

/// The message broker.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nats {
    /// `nats://host:port`, several separated by commas.
    pub url: String,
    /// Copies of every stream: 3 in production.
    pub replicas: usize,
    /// The most that one service's queue may hold, in bytes. A full queue refuses, it never drops.
    pub queue_max_bytes: i64,
}

/// The database.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    /// `postgres://user:password@host:port/database`.
    pub url: SecretString,
    /// The most connections of one process.
    pub max_connections: u32,
}

/// How workers run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// How long an operation stays with a worker that gives no sign, in milliseconds.
    pub lease_ms: u64,
    /// How long the broker waits for a sign before it hands a message to another worker, in
    /// milliseconds.
    pub ack_wait_ms: u64,
    /// How often the relay looks for due timers and unsent events, in milliseconds.
    pub relay_ms: u64,
    /// How long a stopping process lets running handlers go on, in milliseconds.
    pub drain_ms: u64,
}

impl Worker {
    /// The lease's length.
    pub fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }

    /// The broker's patience.
    pub fn ack_wait(&self) -> Duration {
        Duration::from_millis(self.ack_wait_ms)
    }

    /// The relay's pace.
    pub fn relay(&self) -> Duration {
        Duration::from_millis(self.relay_ms)
    }

    /// The bound on draining.
    pub fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms)
    }
}

/// The HTTP side.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingress {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Ory Kratos' public address.
    pub kratos_url: Url,
    /// How long a session's answer is trusted, in milliseconds.
    pub session_cache_ms: u64,
    /// How long an ownership answer is trusted, in milliseconds.
    pub access_cache_ms: u64,
    /// The secret with which the gateway proves that `Authorization` is its own, in the header
    /// `X-Gateway-Secret`. Empty: the gateway's header is never believed.
    pub gateway_secret: SecretString,
    /// Tokens of internal callers: name = token.
    pub service_tokens: BTreeMap<String, SecretString>,
    /// Origins whose pages may call with credentials.
    pub cors_origins: Vec<String>,
    /// The largest body, in bytes.
    pub max_body_bytes: usize,
    /// Requests per second of one caller, with bursts of as many.
    pub requests_per_second: u32,
    /// The longest that a caller may ask to wait, in milliseconds.
    pub max_wait_ms: u64,
    /// The secret of Dwolla's webhook subscription.
    pub dwolla_webhook_secret: SecretString,
}

/// Fiat wallets.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dwolla {
    /// The API's address.
    pub url: Url,
    /// The application's key.
    pub key: String,
    /// The application's secret.
    pub secret: SecretString,
    /// How long one call may take, in milliseconds.
    pub timeout_ms: u64,
    /// How long after a call's timeout a look that finds nothing may still mean "not yet", in
    /// milliseconds: [`Timing::settles`](crate::bus::effect::Timing::settles).
    pub settles_ms: u64,
    /// The most calls per second of this process.
    pub requests_per_second: u32,
    /// The largest transfer that the agreement allows, in dollars.
    pub transfer_limit: subjects::money::Usd,
    /// Dwolla's classification of a sole proprietor's business.
    pub business_classification: String,
}

/// Bank links.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plaid {
    /// The API's address.
    pub url: Url,
    /// The client.
    pub client_id: String,
    /// The client's secret.
    pub secret: SecretString,
    /// How long one call may take, in milliseconds.
    pub timeout_ms: u64,
    /// How long after a call's timeout a look that finds nothing may still mean "not yet", in
    /// milliseconds: [`Timing::settles`](crate::bus::effect::Timing::settles).
    pub settles_ms: u64,
    /// The most calls per second of this process.
    pub requests_per_second: u32,
    /// The name that Plaid's dialog shows, at most 30 characters.
    pub client_name: String,
    /// Where Plaid posts events about a linked login.
    pub webhook_url: Url,
}

/// What seals personal data at rest.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// 32 bytes in hex.
    pub key: SecretString,
}

/// What operators may change of a topic. Retry policy is code, and reviewed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TopicOverride {
    /// How many messages one process works on at once.
    pub concurrency: Option<usize>,
    /// Take no messages of this topic.
    pub paused: bool,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file or a variable could not be read, or does not fit.
    #[error("the configuration does not fit: expected the keys of config/base.toml")]
    Invalid(#[from] config::ConfigError),
    /// It was read and makes no sense; every complaint is listed.
    #[error("the configuration makes no sense: {}", .0.join("; "))]
    Senseless(Vec<String>),
}

impl Config {
    /// Reads `base.toml` and `<environment>.toml` in `folder`, then the variables.
    pub fn load(folder: &Path, environment: &str) -> Result<Self, ConfigError> {
        let file = |name: &str| config::File::from(folder.join(format!("{name}.toml")));
        let source = config::Config::builder()
            .add_source(file("base"))
            .add_source(file(environment))
            .add_source(
                config::Environment::with_prefix("TRANCHE")
                    .prefix_separator("__")
                    .separator("__")
                    .try_parsing(true),
            );
        let config: Self = source.build()?.try_deserialize()?;
        config.validated()
    }

    /// Checks what types can not say.
    fn validated(self) -> Result<Self, ConfigError> {
        let mut complaints = Vec::new();
        for name in self.topics.keys() {
            let known = subjects::registry::TOPICS
                .iter()
                .any(|topic| topic.path() == *name);
            if !known {
                complaints.push(format!("topics.{name:?} is not a topic of the registry"));
            }
        }
        if self.worker.lease_ms < 500 {
            complaints.push("worker.lease_ms must be 500 or more".to_owned());
        }
        if self.worker.ack_wait_ms < 500 {
            complaints.push("worker.ack_wait_ms must be 500 or more".to_owned());
        }
        if complaints.is_empty() {
            Ok(self)
        } else {
            Err(ConfigError::Senseless(complaints))
        }
    }
}
