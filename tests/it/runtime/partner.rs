//! A partner made for these tests: a real HTTP server with a ledger, which can lag, hold, fail before
//! or after the effect, and show what happened late; and the effect that calls it.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tranche::bus::effect::{Call, Effect, Found, IdempotencyKey, Outcome, Timing};
use tranche::bus::fault::{Cause, Fault};

/// How the partner treats the next call of a name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mood {
    /// Refuses with 500, having done nothing.
    FailBefore,
    /// Does it, and answers 500.
    FailAfter,
    /// Does it, and answers when the caller has long gone.
    AnswerLate,
    /// Does it long after the caller has gone.
    ActLate(Duration),
    /// Does it, answers, and shows it only after a while.
    ShowLate(Duration),
    /// Refuses for good.
    Refuse,
    /// Asks to come back after so many seconds.
    Busy(u64),
    /// Waits for [`Partner::release`], then does it.
    Hold,
}

/// One effect that really happened.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    pub(crate) name: String,
    pub(crate) reference: String,
    pub(crate) key: String,
    shown_from: Instant,
}

#[derive(Default)]
struct Books {
    ledger: Vec<Done>,
    moods: VecDeque<(String, Mood)>,
    calls: usize,
    looks_fail: bool,
}

struct World {
    books: Mutex<Books>,
    held: watch::Sender<usize>,
    released: watch::Sender<bool>,
}

#[derive(Clone)]
pub(crate) struct Partner {
    world: Arc<World>,
    url: String,
}

impl Partner {
    pub(crate) async fn start() -> Self {
        let world = Arc::new(World {
            books: Mutex::default(),
            held: watch::Sender::new(0),
            released: watch::Sender::new(false),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new()
            .route("/{name}/{reference}", post(charge).get(look))
            .with_state(world.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { world, url }
    }

    /// The next call of that name meets this mood; several follow one another.
    pub(crate) fn expect(&self, name: &str, mood: Mood) {
        self.books().moods.push_back((name.to_owned(), mood));
    }

    /// Whether looks fail from now on.
    pub(crate) fn looks_fail(&self, fail: bool) {
        self.books().looks_fail = fail;
    }

    /// What happened under a reference, oldest first.
    pub(crate) fn ledger(&self, reference: &str) -> Vec<Done> {
        let books = self.books();
        books
            .ledger
            .iter()
            .filter(|done| done.reference == reference)
            .cloned()
            .collect()
    }

    /// How many calls came in, whatever became of them.
    pub(crate) fn calls(&self) -> usize {
        self.books().calls
    }

    /// Waits until so many calls are held.
    pub(crate) async fn held(&self, count: usize) {
        let mut held = self.world.held.subscribe();
        held.wait_for(|held| *held >= count).await.unwrap();
    }

    /// Lets all held calls go, now and later.
    pub(crate) fn release(&self) {
        self.world.released.send_replace(true);
    }

    fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.world.books.lock().unwrap()
    }
}

async fn charge(
    State(world): State<Arc<World>>,
    Path((name, reference)): Path<(String, String)>,
    headers: HeaderMap,
) -> (StatusCode, HeaderMap, Json<Value>) {
    let mood = {
        let mut books = world.books.lock().unwrap();
        books.calls += 1;
        let at = books.moods.iter().position(|(of, _)| *of == name);
        at.and_then(|at| books.moods.remove(at))
            .map(|(_, mood)| mood)
    };
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let act = |shown_after: Duration| {
        let mut books = world.books.lock().unwrap();
        if books.ledger.iter().all(|done| done.key != key) {
            let shown_from = Instant::now() + shown_after;
            let (name, reference, key) = (name.clone(), reference.clone(), key.clone());
            books.ledger.push(Done {
                name,
                reference,
                key,
                shown_from,
            });
        }
    };
    let at_once = Duration::ZERO;
    let mut headers = HeaderMap::new();
    let status = match mood {
        None => {
            act(at_once);
            StatusCode::CREATED
        }
        Some(Mood::FailBefore) => StatusCode::INTERNAL_SERVER_ERROR,
        Some(Mood::FailAfter) => {
            act(at_once);
            StatusCode::INTERNAL_SERVER_ERROR
        }
        Some(Mood::AnswerLate) => {
            act(at_once);
            tokio::time::sleep(TIMEOUT * 4).await;
            StatusCode::CREATED
        }
        Some(Mood::ActLate(after)) => {
            // A server goes on although its client has hung up: the request is not this future.
            let (world, late) = (
                world.clone(),
                Done {
                    name: name.clone(),
                    reference: reference.clone(),
                    key: key.clone(),
                    shown_from: Instant::now() + after,
                },
            );
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                world.books.lock().unwrap().ledger.push(late);
            });
            tokio::time::sleep(TIMEOUT * 4).await;
            StatusCode::CREATED
        }
        Some(Mood::ShowLate(after)) => {
            act(after);
            StatusCode::CREATED
        }
        Some(Mood::Refuse) => StatusCode::UNPROCESSABLE_ENTITY,
        Some(Mood::Busy(seconds)) => {
            headers.insert("retry-after", seconds.into());
            StatusCode::TOO_MANY_REQUESTS
        }
        Some(Mood::Hold) => {
            world.held.send_modify(|held| *held += 1);
            world
                .released
                .subscribe()
                .wait_for(|released| *released)
                .await
                .unwrap();
            act(at_once);
            StatusCode::CREATED
        }
    };
    (status, headers, Json(json!({ "key": key })))
}

async fn look(
    State(world): State<Arc<World>>,
    Path((name, reference)): Path<(String, String)>,
) -> (StatusCode, Json<Value>) {
    let books = world.books.lock().unwrap();
    if books.looks_fail {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(Value::Null));
    }
    let now = Instant::now();
    let mut of = books
        .ledger
        .iter()
        .filter(|d| d.name == name && d.reference == reference);
    match of.find(|done| done.shown_from <= now) {
        Some(done) => (StatusCode::OK, Json(json!({ "key": done.key }))),
        None => (StatusCode::NOT_FOUND, Json(Value::Null)),
    }
}

/// How long the effect waits for an answer.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(400);
/// How long after that a look may still lag.
pub(crate) const SETTLES: Duration = Duration::from_millis(400);

/// Charges a reference at the test's partner.
#[derive(Clone)]
pub(crate) struct Charge {
    url: String,
    http: reqwest::Client,
    name: &'static str,
    pause: Option<Arc<Pause>>,
}

/// Stops a sender between its decision to send and the first byte.
pub(crate) struct Pause {
    pub(crate) reached: watch::Sender<bool>,
    pub(crate) over: watch::Sender<bool>,
}

impl Pause {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            reached: watch::Sender::new(false),
            over: watch::Sender::new(false),
        })
    }
}

impl Charge {
    pub(crate) fn new(partner: &Partner, name: &'static str) -> Self {
        Self {
            url: partner.url.clone(),
            http: reqwest::Client::builder().build().unwrap(),
            name,
            pause: None,
        }
    }

    pub(crate) fn pausing(self, pause: &Arc<Pause>) -> Self {
        Self {
            pause: Some(pause.clone()),
            ..self
        }
    }

    fn at(&self, key: &IdempotencyKey) -> String {
        format!("{}/{}/{}", self.url, self.name, key.operation)
    }
}

impl Effect for Charge {
    type Answer = Value;

    fn timing(&self) -> Timing {
        Timing {
            timeout: TIMEOUT,
            settles: SETTLES,
            key_lives: Duration::from_hours(1),
        }
    }

    fn request(&self) -> Value {
        json!({ "charge": self.name })
    }

    async fn perform(&self, call: &Call) -> Outcome<Value> {
        if let Some(pause) = &self.pause {
            pause.reached.send_replace(true);
            pause.over.subscribe().wait_for(|over| *over).await.unwrap();
        }
        if let Err(lost) = call.may_send() {
            return Outcome::NotDone(lost);
        }
        let sent = self
            .http
            .post(self.at(&call.key))
            .header("idempotency-key", call.key.value.to_string())
            .timeout(TIMEOUT)
            .send()
            .await;
        let reply = match sent {
            Ok(reply) => reply,
            Err(error) => return Outcome::Unknown(Cause::of("no_answer", &error)),
        };
        match reply.status().as_u16() {
            201 => Outcome::Done(json!({ "charged": call.key.value })),
            422 => Outcome::NotDone(Fault::Reject(subjects::envelope::Problem::new(
                424,
                "refused",
                "the partner says no",
            ))),
            429 => {
                let after = reply.headers()["retry-after"]
                    .to_str()
                    .unwrap()
                    .parse()
                    .unwrap();
                let cause = Cause::new("busy", "the partner asks to wait");
                Outcome::NotDone(Fault::RetryAfter(Duration::from_secs(after), cause))
            }
            status => Outcome::Unknown(Cause::new("broken", format!("status {status}"))),
        }
    }

    async fn find(&self, key: &IdempotencyKey) -> Found<Value> {
        let looked = self.http.get(self.at(key)).timeout(TIMEOUT).send().await;
        match looked.map(|reply| reply.status().as_u16()) {
            Ok(200) => Found::Yes(json!({ "charged": key.value })),
            Ok(404) => Found::No,
            Ok(status) => Found::Inconclusive(Cause::new("unclear", format!("status {status}"))),
            Err(error) => Found::Inconclusive(Cause::of("unclear", &error)),
        }
    }
}
