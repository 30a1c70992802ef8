//! A whole fleet for one test: broker, database, sandbox, ingress, workers.

use super::servers::{checkout, migrated, shared};
use super::wait::eventually;
use reqwest::{Method, Response, StatusCode};
use sandbox::Control;
use sandbox::LedgerQuery;
use sandbox::servers::{Postgres, PostgresOptions};
use serde_json::Value;
use sqlx::PgPool;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tranche::config::Config;
use tranche::ingress::Serving;
use tranche::store::outbox::Outbox;
use workers::dev::stack::{Options, Stack};
use workers::fleet::{FleetError, run_worker};

pub(crate) struct Fleet {
    pub(crate) stack: Stack,
    pub(crate) db: PgPool,
    pub(crate) http: reqwest::Client,
    pub(crate) nats: async_nats::Client,
    url: String,
    ingress: Option<Serving>,
    stop_ingress: CancellationToken,
    worker: Option<(JoinHandle<Result<(), FleetError>>, CancellationToken)>,
    finished: bool,
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

/// Times that suit a test: short leases and settling, a quick relay.
pub(crate) fn quick(config: &mut Config) {
    config.worker.lease_ms = 1_500;
    config.worker.ack_wait_ms = 1_500;
    config.worker.relay_ms = 25;
    config.worker.drain_ms = 10_000;
    config.postgres.max_connections = 8;
    config.dwolla.timeout_ms = 800;
    config.dwolla.settles_ms = 100;
    config.plaid.timeout_ms = 800;
    config.plaid.settles_ms = 100;
    config.ingress.session_cache_ms = 50;
    config.ingress.access_cache_ms = 50;
}

impl Fleet {
    /// Everything, with all workers in this process.
    pub(crate) async fn start() -> Self {
        let mut fleet = Self::without_workers().await;
        fleet.work();
        fleet.answering().await;
        fleet
    }

    /// Everything but workers.
    pub(crate) async fn without_workers() -> Self {
        Self::with(quick).await
    }

    /// Everything but workers, with a configuration of its own.
    pub(crate) async fn with(adjust: fn(&mut Config)) -> Self {
        let shared = shared();
        let database = shared.database().await;
        let config = checkout().join("config");
        let options = Options {
            durable: false,
            adjust,
        };
        let postgres = shared.postgres.clone();
        let stack = Stack::start(&shared.tools, postgres, &database, &config, &options).await;
        Self::on(stack.unwrap()).await
    }

    /// Everything but workers, with a database server that only this test uses, and may kill.
    pub(crate) async fn with_own_postgres(adjust: fn(&mut Config)) -> Self {
        Self::with_postgres(PostgresOptions::default(), adjust).await
    }

    /// Everything but workers, with a database server that writes every statement into its log.
    pub(crate) async fn with_logged_statements(adjust: fn(&mut Config)) -> Self {
        let options = PostgresOptions {
            settings: vec![("log_statement".into(), "all".into())],
            ..PostgresOptions::default()
        };
        Self::with_postgres(options, adjust).await
    }

    async fn with_postgres(options: PostgresOptions, adjust: fn(&mut Config)) -> Self {
        let tools = &shared().tools;
        let postgres = Arc::new(Postgres::start(tools, options).await.unwrap());
        migrated(&postgres, "own").await;
        let config = checkout().join("config");
        let options = Options {
            durable: false,
            adjust,
        };
        let stack = Stack::start(tools, postgres, "own", &config, &options).await;
        Self::on(stack.unwrap()).await
    }

    /// Takes new connections to the database, after its server came back.
    pub(crate) async fn reconnect(&mut self) {
        self.db = tranche::store::connect(&self.stack.config.postgres.url, 4)
            .await
            .unwrap();
    }

    /// Everything but workers, on surroundings of its own.
    pub(crate) async fn on(stack: Stack) -> Self {
        let db = tranche::store::connect(&stack.config.postgres.url, 4)
            .await
            .unwrap();
        let nats = async_nats::connect(&stack.config.nats.url).await.unwrap();
        let stop_ingress = CancellationToken::new();
        let ingress = stack.ingress(stop_ingress.clone()).await.unwrap();
        let url = format!("http://{}", ingress.address);
        let http = reqwest::Client::builder().build().unwrap();
        let (ingress, worker) = (Some(ingress), None);
        Self {
            stack,
            db,
            http,
            nats,
            url,
            ingress,
            stop_ingress,
            worker,
            finished: false,
        }
    }

    /// Starts all workers in this process.
    pub(crate) fn work(&mut self) {
        let stop = CancellationToken::new();
        let running = run_worker(self.stack.config.clone(), "*", stop.clone());
        self.worker = Some((tokio::spawn(running), stop));
    }

    /// Stops this process's workers, cleanly.
    pub(crate) async fn rest(&mut self) {
        if let Some((running, stop)) = self.worker.take() {
            stop.cancel();
            running.await.unwrap().unwrap();
        }
    }

    /// Waits until queries are answered.
    pub(crate) async fn answering(&self) {
        let unknown = format!("/operations/{}", uuid::Uuid::nil());
        eventually("workers answer queries", || async {
            self.get_as(&unknown, "operator").await.status == StatusCode::NOT_FOUND
        })
        .await;
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) fn config(&self) -> &Arc<Config> {
        &self.stack.config
    }

    pub(crate) fn sandbox(&self) -> Control {
        self.stack.sandbox.control()
    }

    /// The token of an internal caller.
    pub(crate) fn token(name: &str) -> String {
        format!("Bearer dev-{name}-token")
    }

    /// A request with a JSON body as an internal caller.
    pub(crate) async fn post_as(&self, path: &str, caller: &str, body: Value) -> Reply {
        let request = self
            .http
            .post(self.url(path))
            .header("authorization", Self::token(caller));
        Reply::of(
            request
                .header("prefer", "wait=10")
                .json(&body)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    pub(crate) async fn get_as(&self, path: &str, caller: &str) -> Reply {
        let request = self
            .http
            .get(self.url(path))
            .header("authorization", Self::token(caller));
        Reply::of(request.send().await.unwrap()).await
    }

    /// A command straight into its queue, waiting for its completion.
    pub(crate) async fn command(&self, topic: &str, body: Value) -> Reply {
        let caller = if topic.starts_with("directory/") {
            "directory"
        } else {
            "operator"
        };
        self.post_as(&format!("/queue/{topic}"), caller, body).await
    }

    /// A request as a signed-in person.
    pub(crate) async fn as_user(
        &self,
        cookie: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Reply {
        let mut request = self
            .http
            .request(method, self.url(path))
            .header("cookie", cookie);
        request = request.header("x-request-id", uuid::Uuid::new_v4().to_string());
        if let Some(body) = body {
            request = request.json(&body);
        }
        Reply::of(request.send().await.unwrap()).await
    }

    /// How many effects of a kind stand in the sandbox's ledger.
    pub(crate) fn effects(&self, kind: &str) -> usize {
        let query = LedgerQuery {
            kind: Some(kind.to_owned()),
            ..LedgerQuery::default()
        };
        self.sandbox().ledger(&query).len()
    }

    /// A single value from the database.
    pub(crate) async fn scalar<T>(&self, sql: &'static str) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        sqlx::query_scalar(sql).fetch_one(&self.db).await.unwrap()
    }

    /// How many messages wait in the queues.
    pub(crate) async fn queued(&self) -> u64 {
        let jetstream = async_nats::jetstream::new(self.nats.clone());
        let mut sum = 0;
        for service in ["DIRECTORY", "KYC", "WALLET"] {
            let stream = jetstream
                .get_stream(format!("QUEUE_{service}"))
                .await
                .unwrap();
            sum += stream.cached_info().state.messages;
        }
        sum
    }

    /// Waits until `look` says yes, and makes what waits due now and then, as an operator would by
    /// `tranche requeue`.
    pub(crate) async fn hurried<F, R>(&self, what: &str, mut look: F)
    where
        F: FnMut() -> R,
        R: Future<Output = bool>,
    {
        let (waiting, mut looks) = (Outbox::new(&self.db), 0);
        eventually(what, || {
            looks += 1;
            let (hurry, yes, waiting) = (looks % 25 == 0, look(), &waiting);
            async move {
                if hurry {
                    waiting.requeue().await.unwrap();
                }
                yes.await
            }
        })
        .await;
    }

    /// Ends the test: nothing may be left to do, the books must balance, and the dead letters must
    /// be exactly those expected, by class.
    pub(crate) async fn finish_with(mut self, dead_letters: &[&str]) {
        eventually("the queues are empty", || async {
            self.queued().await == 0
        })
        .await;
        eventually("every operation has ended", || async {
            self.scalar::<i64>(
                "select count(*) from operations where state in ('running', 'waiting')",
            )
            .await
                == 0
        })
        .await;
        eventually("everything committed is published", || async {
            self.scalar::<i64>("select count(*) from outbox where sent_at is null")
                .await
                == 0
        })
        .await;
        self.rest().await;
        let mut classes: Vec<String> =
            sqlx::query_scalar("select class from dead_letters where state = 'open'")
                .fetch_all(&self.db)
                .await
                .unwrap();
        classes.sort();
        assert_eq!(classes, dead_letters, "open dead letters");
        self.books_balance().await;
        self.stop_ingress.cancel();
        if let Some(serving) = self.ingress.take() {
            serving.finished().await.unwrap();
        }
        self.finished = true;
    }

    /// Ends the test, with no dead letters.
    pub(crate) async fn finish(self) {
        self.finish_with(&[]).await;
    }

    /// A wallet's amounts are the sums of its postings.
    async fn books_balance(&self) {
        let off: i64 = self
            .scalar(
                "select count(*) from wallets w
                 left join (select wallet, sum(balance) as b, sum(incoming) as i, sum(outgoing) as o
                            from postings group by wallet) p on p.wallet = w.id
                 where (w.balance, w.inc_balance, w.out_balance)
                    is distinct from (coalesce(p.b, 0), coalesce(p.i, 0), coalesce(p.o, 0))",
            )
            .await;
        assert_eq!(
            off, 0,
            "wallets whose amounts are not the sums of their postings"
        );
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        assert!(
            self.finished || std::thread::panicking(),
            "a test ends with fleet.finish()"
        );
    }
}

impl Reply {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Self {
            status,
            headers,
            body,
        }
    }

    /// The body, if the status is this.
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// The operation that answered.
    pub(crate) fn operation(&self) -> uuid::Uuid {
        let named = self.headers.get("tranche-operation");
        let named = named.unwrap_or_else(|| panic!("no operation: {} {}", self.status, self.body));
        named.to_str().unwrap().parse().unwrap()
    }
}
