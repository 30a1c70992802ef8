//! The fleet as processes of their own: NATS, PostgreSQL, sandbox, ingress, worker.

use crate::Failure;
use sandbox::servers::{NatsServer, Postgres, Reporter};
use secrecy::SecretString;
use sqlx::PgPool;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::{Child, Command};
use tranche::config::Config;
use workers::dev::stack::{self, Options, Stack};

const DATABASE: &str = "bench";
/// The token of the internal caller that the benchmark is.
pub(crate) const TOKEN: &str = "Bearer dev-operator-token";

pub(crate) struct Surroundings {
    stack: Stack,
    ingress: Child,
    worker: Option<Child>,
    /// Where the ingress listens.
    pub(crate) url: String,
    /// For preparing and checking.
    pub(crate) db: PgPool,
    /// Connections to the ingress.
    pub(crate) http: reqwest::Client,
    /// A connection to the broker.
    pub(crate) nats: async_nats::Client,
}

impl Surroundings {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let tools = stack::tools(&checkout, Reporter::new(crate::report::line)).await?;
        let postgres = stack::postgres(&tools, true).await?;
        postgres.create_database(DATABASE).await?;
        let url = SecretString::from(postgres.url(DATABASE));
        let db = tranche::store::connect(&url, 8).await?;
        tranche::store::migrate(&db).await?;
        let options = Options {
            durable: true,
            adjust,
        };
        let config = checkout.join("config");
        let stack = Stack::start(&tools, postgres, DATABASE, &config, &options).await?;
        let port = free_port()?;
        let ingress = role(&stack, &config, &["ingress"])
            .env("TRANCHE__INGRESS__LISTEN", format!("127.0.0.1:{port}"))
            .spawn()?;
        let url = format!("http://127.0.0.1:{port}");
        let http = reqwest::Client::builder()
            .pool_max_idle_per_host(256)
            .build()?;
        let nats = async_nats::connect(&stack.config.nats.url).await?;
        let this = Self {
            stack,
            ingress,
            worker: None,
            url,
            db,
            http,
            nats,
        };
        this.until(|| async { this.http.get(this.path("/readyz")).send().await.is_ok() })
            .await?;
        Ok(this)
    }

    /// Starts the one worker process.
    pub(crate) async fn start_worker(&mut self) -> Result<(), Failure> {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
        self.worker = Some(role(&self.stack, &config, &["worker"]).spawn()?);
        self.until(|| async {
            let unknown = self.path(&format!("/operations/{}", uuid::Uuid::nil()));
            let asked = self
                .http
                .get(unknown)
                .header("authorization", TOKEN)
                .send()
                .await;
            asked.is_ok_and(|reply| reply.status() == 404)
        })
        .await
    }

    /// Starts the worker process unless it runs.
    pub(crate) async fn start_worker_if_stopped(&mut self) -> Result<(), Failure> {
        if self.worker.is_none() {
            self.start_worker().await
        } else {
            Ok(())
        }
    }

    /// Ends the worker process, cleanly.
    pub(crate) async fn stop_worker(&mut self) -> Result<(), Failure> {
        if let Some(mut worker) = self.worker.take() {
            terminate(&worker);
            worker.wait().await?;
        }
        Ok(())
    }

    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) fn config(&self) -> &Arc<Config> {
        &self.stack.config
    }

    pub(crate) fn control(&self) -> sandbox::Control {
        self.stack.sandbox.control()
    }

    pub(crate) fn plaid_url(&self) -> String {
        self.stack.sandbox.plaid_url()
    }

    /// Waits until something is so, for five minutes at most.
    pub(crate) async fn until<F, R>(&self, mut look: F) -> Result<(), Failure>
    where
        F: FnMut() -> R,
        R: Future<Output = bool>,
    {
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        for _ in 0..60_000 {
            pace.tick().await;
            if look().await {
                return Ok(());
            }
        }
        Err("waited five minutes for a process to do its work".into())
    }

    /// Every process with its name; the sandbox shares this one.
    pub(crate) async fn processes(&self) -> Vec<(&'static str, u32)> {
        let nats: &NatsServer = &self.stack.nats;
        let postgres: &Postgres = &self.stack.postgres;
        let listed = [
            ("ingress", self.ingress.id()),
            ("worker", self.worker.as_ref().and_then(Child::id)),
            ("nats-server", nats.pid().await),
            (
                "postgres (main process; its children add up in CPU)",
                postgres.pid().await,
            ),
            ("sandbox and load generator", Some(std::process::id())),
        ];
        listed
            .into_iter()
            .filter_map(|(name, pid)| Some((name, pid?)))
            .collect()
    }

    pub(crate) async fn stop(mut self) {
        let _ = self.stop_worker().await;
        terminate(&self.ingress);
        let _ = self.ingress.wait().await;
    }
}

fn adjust(config: &mut Config) {
    config.ingress.requests_per_second = 1_000_000;
    config.dwolla.requests_per_second = 1_000_000;
    config.postgres.max_connections = 16;
}

fn role(stack: &Stack, config: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap_or_default());
    command
        .args(words)
        .arg("--config")
        .arg(config)
        .envs(stack.variables())
        .env("TRANCHE__INGRESS__REQUESTS_PER_SECOND", "1000000")
        .env("TRANCHE__DWOLLA__REQUESTS_PER_SECOND", "1000000")
        .env(
            "TRANCHE__INGRESS__SERVICE_TOKENS__OPERATOR",
            "dev-operator-token",
        )
        .env("TRANCHE_LOG", "error")
        .arg("--with-parent")
        .stdin(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn terminate(child: &Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}

fn free_port() -> Result<u16, Failure> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}
