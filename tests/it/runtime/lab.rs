//! A laboratory for the runtime: handlers made for a test, run by the real runtime on the real broker
//! and database, in a process of their own as far as threads go, so that they can be stopped at any
//! line and never go on.

use super::partner::Partner;
use crate::harness::{Fleet, eventually_some};
use async_nats::HeaderMap;
use futures::FutureExt as _;
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};
use subjects::envelope::header;
use subjects::spec::{Retry, Topic};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::SubscriberExt as _;
use tranche::bus::ctx::Ctx;
use tranche::bus::fault::Fault;
use tranche::bus::route::{Finished, Route};
use tranche::config::Config;
use uuid::Uuid;

pub(crate) struct Lab {
    pub(crate) fleet: Fleet,
    pub(crate) partner: Partner,
}

impl Lab {
    pub(crate) async fn open() -> Self {
        Self {
            fleet: Fleet::without_workers().await,
            partner: Partner::start().await,
        }
    }

    /// Starts a worker with these routes.
    pub(crate) fn work(&self, routes: Vec<Route>) -> Bus {
        Bus::start(self.fleet.config(), routes, None)
    }

    /// Starts a worker that stands still for good at the boundary.
    pub(crate) fn work_until(&self, routes: Vec<Route>, boundary: &str) -> Bus {
        Bus::start(self.fleet.config(), routes, Some(boundary))
    }

    /// Publishes a command of a new operation.
    pub(crate) async fn order(&self, topic: &Topic, body: Value) -> Uuid {
        let id = Uuid::now_v7();
        self.deliver(topic, id, &id.to_string(), body).await;
        id
    }

    /// Publishes a message of an operation under a message id.
    pub(crate) async fn deliver(&self, topic: &Topic, id: Uuid, message_id: &str, body: Value) {
        let mut headers = HeaderMap::new();
        headers.insert(header::OPERATION, id.to_string());
        headers.insert(header::CALLER, r#"{"kind":"service","name":"lab"}"#);
        headers.insert(header::MESSAGE_ID, message_id);
        let jetstream = async_nats::jetstream::new(self.fleet.nats.clone());
        let body = body.to_string().into();
        let sent = jetstream
            .publish_with_headers(topic.subject(), headers, body)
            .await;
        sent.unwrap().await.unwrap();
    }

    /// The operation's row, without its payload; `wakes_in_ms` is when it goes on.
    pub(crate) async fn row(&self, id: Uuid) -> Value {
        let row = sqlx::query_scalar(
            "select to_jsonb(o) - 'payload' || jsonb_build_object('wakes_in_ms',
                 (extract(epoch from o.wake_at - o.updated_at) * 1000)::bigint)
             from operations o where id = $1",
        );
        let row: Option<Value> = row.bind(id).fetch_optional(&self.fleet.db).await.unwrap();
        row.unwrap_or_else(|| json!({ "state": "absent", "attempt": 0 }))
    }

    /// The row, once the operation is in that state.
    pub(crate) async fn row_in(&self, id: Uuid, state: &str) -> Value {
        eventually_some(&format!("operation {id} is {state}"), || async {
            Some(self.row(id).await).filter(|row| row["state"] == state)
        })
        .await
    }

    /// The row, once it has waited for its next attempt after `attempts` counted ones.
    pub(crate) async fn waiting_after(&self, id: Uuid, attempts: i64) -> Value {
        eventually_some(
            &format!("operation {id} waits after {attempts} attempts"),
            || async {
                let row = self.row(id).await;
                (row["state"] == "waiting" && row["attempt"] == attempts).then_some(row)
            },
        )
        .await
    }

    /// Takes a running operation away from its worker, as if that had given no sign for long; the
    /// next sign finds another token in the row.
    pub(crate) async fn take_away(&self, id: Uuid) {
        let taken = sqlx::query(
            "update operations set state = 'waiting', wake_at = now(), relayed_at = null,
                 lease_token = nextval('lease_tokens') where id = $1 and state = 'running'",
        );
        let taken = taken.bind(id).execute(&self.fleet.db).await.unwrap();
        assert_eq!(taken.rows_affected(), 1, "operation {id} runs");
    }

    /// Makes an operation that waits due now.
    pub(crate) async fn wake(&self, id: Uuid) {
        let wake = sqlx::query(
            "update operations set wake_at = now(), relayed_at = null
             where id = $1 and state = 'waiting'",
        );
        let woken = wake.bind(id).execute(&self.fleet.db).await.unwrap();
        assert_eq!(woken.rows_affected(), 1, "operation {id} waits");
    }

    /// How many messages of a stream have that subject.
    pub(crate) async fn messages(&self, stream: &str, subject: &str) -> usize {
        use futures::StreamExt as _;
        let jetstream = async_nats::jetstream::new(self.fleet.nats.clone());
        let stream = jetstream.get_stream(stream).await.unwrap();
        let subjects = stream.info_with_subjects(subject).await.unwrap();
        subjects
            .map(|entry| entry.unwrap().1)
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .sum()
    }
}

/// A copy of a registered topic for a test: its stream and consumer, and quick retries.
pub(crate) fn topic(path: &str, adjust: impl FnOnce(&mut Topic)) -> &'static Topic {
    use std::time::Duration;
    let (service, name) = path.split_once('/').unwrap();
    let known = subjects::registry::topic(service, name).unwrap();
    let ms = Duration::from_millis;
    let mut copy = Topic {
        retry: Retry::exponential(ms(50), ms(200), 3),
        timeout: Duration::from_secs(10),
        patience: Duration::from_mins(1),
        concurrency: 16,
        pii: false,
        ..copied(known)
    };
    adjust(&mut copy);
    Box::leak(Box::new(copy))
}

fn copied(topic: &Topic) -> Topic {
    let Topic {
        service,
        name,
        doc,
        http,
        retry,
        timeout,
        patience,
        concurrency,
        reply_within,
        pii,
        effect,
        payload,
        completed,
        payload_schema,
        completed_schema,
        prepare,
    } = *topic;
    Topic {
        service,
        name,
        doc,
        http,
        retry,
        timeout,
        patience,
        concurrency,
        reply_within,
        pii,
        effect,
        payload,
        completed,
        payload_schema,
        completed_schema,
        prepare,
    }
}

/// A route to a handler; the payload's `entity` is the operation's.
pub(crate) fn route<F, R>(topic: &'static Topic, handler: F) -> Route
where
    F: Fn(Ctx, Value) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Finished, Fault>> + Send + 'static,
{
    Route {
        topic,
        entity: |body| {
            let body: Value = serde_json::from_slice(body)?;
            Ok(body["entity"].as_str().map(str::to_owned))
        },
        run: Arc::new(move |ctx, body| {
            handler(ctx, serde_json::from_slice(&body).unwrap()).boxed()
        }),
    }
}

/// A worker on threads of its own.
pub(crate) struct Bus {
    runtime: Option<Runtime>,
    stop: CancellationToken,
    done: watch::Receiver<bool>,
    reached: watch::Receiver<bool>,
}

impl Bus {
    fn start(config: &Arc<Config>, routes: Vec<Route>, stop_at: Option<&str>) -> Self {
        // With a single dispatcher, the interest in an event is asked of the thread that first meets
        // it, which may be another test's without one, and then nobody is told of it.
        static SECOND: OnceLock<tracing::Dispatch> = OnceLock::new();
        SECOND.get_or_init(|| tracing::Dispatch::new(tracing_subscriber::registry()));
        let (reach, reached) = watch::channel(false);
        let layer = stop_at.map(|at| StopAt {
            at: at.to_owned(),
            reach,
        });
        let watched = tracing_subscriber::registry().with(layer);
        let dispatch = tracing::Dispatch::new(watched);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .on_thread_start(move || {
                std::mem::forget(tracing::dispatcher::set_default(&dispatch));
            })
            .build()
            .unwrap();
        let stop = CancellationToken::new();
        let (finish, done) = watch::channel(false);
        let (config, token) = (config.clone(), stop.clone());
        runtime.spawn(async move {
            let name = format!("lab-{}", Uuid::new_v4().simple());
            let (engine, _) = workers::fleet::engine(&config, &name).await.unwrap();
            workers::fleet::work(&engine, &config, routes, Vec::new(), token).await;
            finish.send_replace(true);
        });
        Self {
            runtime: Some(runtime),
            stop,
            done,
            reached,
        }
    }

    /// Waits until the worker stands still at its boundary, and ends it there.
    pub(crate) async fn crashed(mut self) {
        let bound = std::time::Duration::from_secs(30);
        let reached = tokio::time::timeout(bound, self.reached.wait_for(|reached| *reached)).await;
        assert!(reached.is_ok(), "the worker reaches its boundary");
    }

    /// Ends it as a crash would: nothing that runs goes on.
    pub(crate) fn crash(self) {
        drop(self);
    }

    /// Asks it to stop; [`stopped`](Self::stopped) waits for it.
    pub(crate) fn ask_to_stop(&self) {
        self.stop.cancel();
    }

    /// Stops it cleanly.
    pub(crate) async fn stopped(mut self) {
        self.stop.cancel();
        self.done.wait_for(|done| *done).await.unwrap();
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Stops the thread that announces a boundary, for good.
struct StopAt {
    at: String,
    reach: watch::Sender<bool>,
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for StopAt {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().target() != tranche::telemetry::BOUNDARY {
            return;
        }
        let mut seen = Seen::default();
        event.record(&mut seen);
        if self.at == seen.0 || self.at == format!("{}:{}", seen.0, seen.1) {
            self.reach.send_replace(true);
            loop {
                std::thread::park();
            }
        }
    }
}

#[derive(Default)]
struct Seen(String, String);

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "boundary" => value.clone_into(&mut self.0),
            "name" => value.clone_into(&mut self.1),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
