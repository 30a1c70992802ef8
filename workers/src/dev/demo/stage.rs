//! Everything the story needs: servers, ingress, a worker, and the ways to speak with them.

use super::customers::Asker;
use super::processes::{Program, Worker};
use super::timeline::{Timeline, brief};
use crate::cli::Failure;
use crate::dev::checkout::Checkout;
use crate::dev::run;
use crate::dev::stack::Stack;
use reqwest::Method;
use sandbox::Control;
use serde_json::Value;
use sqlx::PgPool;
use std::time::Duration;
use subjects::registry::{QUERIES, TOPICS};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tranche::config::Config;
use tranche::ingress::Serving;
use uuid::Uuid;

/// The longest that the story waits for anything.
pub(super) const BOUND: Duration = Duration::from_secs(30);
/// How often it looks.
const PACE: Duration = Duration::from_millis(20);

/// An HTTP answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Value,
    /// The operation that answered, if one did.
    pub(super) operation: Option<Uuid>,
    sent: String,
}

impl Reply {
    /// The answer, if its status is this.
    pub(super) fn expect(self, status: u16) -> Result<Self, Failure> {
        if self.status == status {
            return Ok(self);
        }
        let (sent, found) = (&self.sent, self.status);
        Err(format!("expected {status} for {sent}, got {found}: {}", self.body).into())
    }
}

/// The whole system, running.
pub(super) struct Stage {
    pub(super) stack: Stack,
    pub(super) db: PgPool,
    nats: async_nats::Client,
    jetstream: async_nats::jetstream::Context,
    pub(super) program: Program,
    http: reqwest::Client,
    url: String,
    ingress: Serving,
    stop_ingress: CancellationToken,
    worker: Option<Worker>,
}

/// Times with which a killed worker's operation goes on after seconds, not minutes.
fn quick(config: &mut Config) {
    config.worker.lease_ms = 1_500;
    config.worker.ack_wait_ms = 1_500;
    config.worker.relay_ms = 50;
    config.worker.drain_ms = 10_000;
    config.dwolla.timeout_ms = 2_000;
    config.dwolla.settles_ms = 200;
    config.plaid.timeout_ms = 2_000;
    config.plaid.settles_ms = 200;
    config.ingress.session_cache_ms = 1_000;
    config.ingress.access_cache_ms = 1_000;
}

impl Stage {
    /// Starts everything, with one worker.
    pub(super) async fn open(checkout: &Checkout) -> Result<Self, Failure> {
        let stack = run::start(checkout, quick).await?;
        let db = tranche::store::connect(&stack.config.postgres.url, 4).await?;
        let nats = async_nats::connect(&stack.config.nats.url).await?;
        let stop_ingress = CancellationToken::new();
        let ingress = stack.ingress(stop_ingress.clone()).await?;
        let program = Program::this(checkout, &stack)?;
        let mut stage = Self {
            db,
            jetstream: async_nats::jetstream::new(nats.clone()),
            nats,
            program,
            http: reqwest::Client::builder().build()?,
            url: format!("http://{}", ingress.address),
            ingress,
            stop_ingress,
            worker: None,
            stack,
        };
        stage.work(None).await?;
        Ok(stage)
    }

    /// Starts a worker and waits until it answers; its process id.
    pub(super) async fn work(&mut self, kill_at: Option<&str>) -> Result<u32, Failure> {
        let worker = self.program.worker(kill_at)?;
        let pid = worker.pid();
        self.worker = Some(worker);
        // Whatever the answer to an empty question is: somebody gave it.
        for query in QUERIES {
            eventually("the worker answers", async || {
                let question = self.nats.request(query.subject(), "{}".into()).await;
                self.still_works()?;
                Ok(question.is_ok().then_some(()))
            })
            .await?;
        }
        Ok(pid)
    }

    fn still_works(&mut self) -> Result<(), Failure> {
        match self
            .worker
            .as_mut()
            .map(Worker::ended)
            .transpose()?
            .flatten()
        {
            Some(status) => Err(format!("expected a running worker, it ended: {status}").into()),
            None => Ok(()),
        }
    }

    /// Takes the worker, to stop it or to see it die.
    pub(super) fn take_worker(&mut self) -> Result<Worker, Failure> {
        Ok(self
            .worker
            .take()
            .ok_or("expected a running worker, got none")?)
    }

    /// The partners.
    pub(super) fn partners(&self) -> Control {
        self.stack.sandbox.control()
    }

    /// Sends a request over the public API, and shows it with its answer.
    pub(super) async fn ask(
        &self,
        timeline: &Timeline,
        asker: &Asker<'_>,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Reply, Failure> {
        let with_body = body.map_or(String::new(), |body| format!("  {}", brief(body)));
        let with_key = key.map_or(String::new(), |key| format!("  Idempotency-Key: {key}"));
        let who = asker.name();
        timeline.line(
            "request",
            &format!("{method} {path}{with_key}  ({who}){with_body}"),
        );
        let reply = self.send(asker, method, path, body, key).await?;
        timeline.line(
            "answer",
            &format!("{}  {}", reply.status, brief(&reply.body)),
        );
        Ok(reply)
    }

    /// The same without a word.
    pub(super) async fn send(
        &self,
        asker: &Asker<'_>,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Reply, Failure> {
        let sent = format!("{method} {path}");
        let request = self.http.request(method, format!("{}{path}", self.url));
        let mut request = asker.sign(request);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let response = request.send().await?;
        let operation = response.headers().get("tranche-operation");
        let operation = operation.and_then(|id| id.to_str().ok()?.parse().ok());
        let status = response.status().as_u16();
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Reply {
            status,
            body,
            operation,
            sent,
        })
    }

    /// Waits until nothing is under way any more: webhooks delivered, queues empty, operations
    /// ended, outbox sent.
    pub(super) async fn settled(&self) -> Result<(), Failure> {
        // What the first round ends may send webhooks of its own.
        for _ in 0..2 {
            self.partners().settle_webhooks().await?;
            eventually("everything under way ends", async || {
                let open = super::rows::unfinished(&self.db).await? + self.queued().await?;
                Ok((open == 0).then_some(()))
            })
            .await?;
        }
        Ok(())
    }

    /// How many messages are in the queues.
    pub(super) async fn queued(&self) -> Result<i64, Failure> {
        let mut services: Vec<&str> = TOPICS.iter().map(|topic| topic.service).collect();
        services.dedup();
        let mut sum = 0;
        for service in services {
            sum += self
                .stored(&format!("QUEUE_{}", service.to_uppercase()))
                .await?;
        }
        Ok(sum)
    }

    /// How many messages a stream holds.
    pub(super) async fn stored(&self, stream: &str) -> Result<i64, Failure> {
        let stream = self.jetstream.get_stream(stream).await?;
        Ok(i64::try_from(stream.cached_info().state.messages)?)
    }

    /// Stops everything, in order. What fails here is only said: the servers end in any case.
    pub(super) async fn close(self) {
        let Self {
            stack,
            db,
            ingress,
            stop_ingress,
            worker,
            ..
        } = self;
        if let Some(worker) = worker
            && let Err(error) = worker.stop().await
        {
            tracing::warn!(%error, "the worker did not stop by itself");
        }
        stop_ingress.cancel();
        if let Err(error) = ingress.finished().await {
            tracing::warn!(%error, "the ingress did not stop cleanly");
        }
        db.close().await;
        stack.sandbox.stop().await;
    }
}

/// Waits, within a bound, until `look` gives something.
pub(super) async fn eventually<T>(
    what: &str,
    mut look: impl AsyncFnMut() -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    let started = Instant::now();
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        if let Some(value) = look().await? {
            return Ok(value);
        }
        if started.elapsed() > BOUND {
            return Err(format!("expected within {BOUND:?}: {what}").into());
        }
    }
}
