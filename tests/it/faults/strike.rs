//! The faults: each strikes one run of a case, which must then end like the clean run.

use super::outcome::Outcome;
use super::stage::{Case, days_pass};
use crate::harness::{Fleet, Reply, Worker, eventually, quick};
use sandbox::{Fault, FaultSpec, Weather, When};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use subjects::envelope::header;
use tokio::sync::OnceCell;
use tranche::config::Config;
use uuid::Uuid;

/// A case whose stage is set: nobody works, the command is not sent yet.
struct Scene {
    fleet: Fleet,
    case: &'static Case,
    body: Value,
}

/// Short leases: whoever dies is succeeded soon.
fn hasty(config: &mut Config) {
    quick(config);
    config.worker.lease_ms = 700;
    config.worker.ack_wait_ms = 700;
}

/// The same, with partners that are waited for while something else goes down.
fn patient(config: &mut Config) {
    hasty(config);
    config.dwolla.timeout_ms = 15_000;
    config.plaid.timeout_ms = 15_000;
}

impl Scene {
    async fn set(case: &'static Case, adjust: fn(&mut Config)) -> Self {
        Self::on(case, Fleet::with(adjust).await).await
    }

    async fn on(case: &'static Case, mut fleet: Fleet) -> Self {
        let weather = Weather {
            duplicate: 2,
            shuffle: true,
            hold: false,
            seed: 7,
        };
        fleet.sandbox().set_webhooks(weather);
        fleet.work();
        fleet.answering().await;
        let body = (case.set)(&fleet).await;
        fleet.sandbox().settle_webhooks().await.unwrap();
        eventually("the stage is quiet", || async { fleet.queued().await == 0 }).await;
        fleet.rest().await;
        Self { fleet, case, body }
    }

    /// Sends the command; nobody waits for it.
    async fn send(&self) -> Uuid {
        let path = self
            .fleet
            .url(&format!("/queue/wallet/{}", self.case.topic));
        let sent = self
            .fleet
            .http
            .post(path)
            .header("authorization", Fleet::token("operator"))
            .header("prefer", "respond-async")
            .header("idempotency-key", "the-command")
            .json(&self.body);
        let reply = Reply::of(sent.send().await.unwrap()).await;
        let operation = reply.operation();
        reply.expect(202);
        operation
    }

    fn arm(&self, fault: Fault) -> Uuid {
        let (partner, path) = self.case.request;
        self.fleet
            .sandbox()
            .arm(FaultSpec::once(partner, "POST", path, fault))
    }

    /// Waits until the operation has ended, without waiting for its retries.
    async fn ended(&self, id: Uuid) -> String {
        let ended = "select state from operations
                     where id = $1 and state not in ('running', 'waiting')";
        let state = async || -> Option<String> {
            let state = sqlx::query_scalar(ended)
                .bind(id)
                .fetch_optional(&self.fleet.db);
            state.await.unwrap()
        };
        let what = format!("operation {id} has ended");
        self.fleet
            .hurried(&what, || async { state().await.is_some() })
            .await;
        state().await.unwrap()
    }

    /// The end that every fault but a lost answer must lead to: the clean one.
    async fn ends_clean(self, id: Uuid) {
        let clean = clean(self.case).await;
        let (outcome, state) = self.end(id, &[]).await;
        assert_eq!(state, "completed");
        outcome.must_equal(&clean);
    }

    /// The end after an answer that was lost on the way.
    async fn ends_found(self, id: Uuid) {
        if self.case.findable {
            return self.ends_clean(id).await;
        }
        let aged =
            "update journal set first_at = first_at - interval '1 hour' where operation = $1";
        self.fleet
            .hurried("nobody can tell whether it happened", || async {
                let age = sqlx::query(aged).bind(id).execute(&self.fleet.db);
                age.await.unwrap();
                let dead = "select count(*) from operations where state = 'dead'";
                self.fleet.scalar::<i64>(dead).await == 1
            })
            .await;
        let (outcome, state) = self.end(id, &["ambiguous"]).await;
        assert_eq!(state, "dead");
        let exchanged = outcome
            .ledger
            .iter()
            .filter(|e| e.contains("item.exchanged"))
            .count();
        assert!(exchanged <= 1, "{:?}", outcome.ledger);
    }

    async fn end(self, id: Uuid, dead: &[&str]) -> (Outcome, String) {
        let state = self.ended(id).await;
        days_pass(&self.fleet).await;
        self.fleet.sandbox().settle_webhooks().await.unwrap();
        self.fleet
            .hurried("nothing is left to do", || async {
                let open = "select count(*) from operations where state in ('running', 'waiting')";
                self.fleet.scalar::<i64>(open).await == 0 && self.fleet.queued().await == 0
            })
            .await;
        let outcome = Outcome::of(&self.fleet).await;
        let mut classes = [self.case.dead, dead].concat();
        classes.sort_unstable();
        self.fleet.finish_with(&classes).await;
        (outcome, state)
    }
}

/// Clean outcomes by the case's name.
type Clean = HashMap<&'static str, Arc<OnceCell<Outcome>>>;

/// The outcome of the clean run, made once for each case.
async fn clean(case: &'static Case) -> Outcome {
    static CLEAN: Mutex<Option<Clean>> = Mutex::new(None);
    let cell = {
        let mut all = CLEAN.lock().unwrap();
        all.get_or_insert_default()
            .entry(case.name)
            .or_default()
            .clone()
    };
    let run = || async {
        let mut scene = Scene::set(case, quick).await;
        let id = scene.send().await;
        scene.fleet.work();
        let (outcome, state) = scene.end(id, &[]).await;
        assert_eq!(state, "completed");
        outcome
    };
    cell.get_or_init(run).await.clone()
}

/// A worker dies on the very line of a boundary; another one takes over.
pub(super) async fn killed(case: &'static Case, boundary: &str) {
    let mut scene = Scene::set(case, hasty).await;
    let id = scene.send().await;
    let topic = format!("wallet.{}", case.topic);
    Worker::start(&scene.fleet.stack, &topic, Some(boundary))
        .died()
        .await;
    scene.fleet.work();
    if boundary.starts_with("effect.intended") || boundary.starts_with("effect.answered") {
        scene.ends_found(id).await;
    } else {
        scene.ends_clean(id).await;
    }
}

/// The same message stands in the queue twice.
pub(super) async fn doubled(case: &'static Case) {
    let mut scene = Scene::set(case, hasty).await;
    let id = scene.send().await;
    let jetstream = async_nats::jetstream::new(scene.fleet.nats.clone());
    let stream = jetstream.get_stream("QUEUE_WALLET").await.unwrap();
    let subject = format!("queue.wallet.{}", case.topic);
    let sent = stream
        .get_last_raw_message_by_subject(&subject)
        .await
        .unwrap();
    let mut headers = sent.headers;
    headers.insert(header::MESSAGE_ID, "another-id");
    let again = jetstream
        .publish_with_headers(subject, headers, sent.payload)
        .await;
    again.unwrap().await.unwrap();
    scene.fleet.work();
    scene.ends_clean(id).await;
}

async fn struck(case: &'static Case, fault: Fault) -> (Scene, Uuid) {
    let mut scene = Scene::set(case, hasty).await;
    let armed = scene.arm(fault);
    let id = scene.send().await;
    scene.fleet.work();
    scene.fleet.sandbox().await_fired(armed, 1).await.unwrap();
    (scene, id)
}

/// The partner asks to be left alone for a second.
pub(super) async fn busy(case: &'static Case) {
    let fault = Fault::Status {
        status: 429,
        when: When::Before,
        retry_after: Some(1),
    };
    let (scene, id) = struck(case, fault).await;
    scene.ends_clean(id).await;
}

/// The partner answers 500 and has done nothing.
pub(super) async fn failed_before(case: &'static Case) {
    let fault = Fault::Status {
        status: 500,
        when: When::Before,
        retry_after: None,
    };
    let (scene, id) = struck(case, fault).await;
    scene.ends_found(id).await;
}

/// The partner answers 500 and has done it.
pub(super) async fn failed_after(case: &'static Case) {
    let fault = Fault::Status {
        status: 500,
        when: When::After,
        retry_after: None,
    };
    let (scene, id) = struck(case, fault).await;
    scene.ends_found(id).await;
}

/// The partner has done it, and the connection breaks before it can say so.
pub(super) async fn cut_after(case: &'static Case) {
    let (scene, id) = struck(case, Fault::Reset { when: When::After }).await;
    scene.ends_found(id).await;
}

/// A scene whose effect is under way and stands still.
async fn held(scene: &mut Scene) -> (Uuid, Uuid) {
    let hold = scene.arm(Fault::Hold { when: When::Before });
    let id = scene.send().await;
    scene.fleet.work();
    scene.fleet.sandbox().await_fired(hold, 1).await.unwrap();
    (hold, id)
}

/// The broker dies while the effect is under way, and comes back.
pub(super) async fn broker_restarted(case: &'static Case) {
    let mut scene = Scene::set(case, patient).await;
    let (hold, id) = held(&mut scene).await;
    scene.fleet.stack.nats.kill().await.unwrap();
    scene.fleet.stack.nats.restart().await.unwrap();
    scene.fleet.sandbox().release(hold).unwrap();
    scene.ends_clean(id).await;
}

/// The database dies while the effect is under way, and comes back.
pub(super) async fn database_restarted(case: &'static Case) {
    let mut scene = Scene::on(case, Fleet::with_own_postgres(patient).await).await;
    let (hold, id) = held(&mut scene).await;
    scene.fleet.stack.postgres.kill().await.unwrap();
    scene.fleet.stack.postgres.restart().await.unwrap();
    scene.fleet.reconnect().await;
    scene.fleet.sandbox().release(hold).unwrap();
    scene.ends_clean(id).await;
}

/// A worker is asked to stop while the effect is under way: it finishes, and only then ends.
pub(super) async fn drained(case: &'static Case) {
    let mut scene = Scene::set(case, patient).await;
    let hold = scene.arm(Fault::Hold { when: When::Before });
    let id = scene.send().await;
    let worker = Worker::start(&scene.fleet.stack, &format!("wallet.{}", case.topic), None);
    scene.fleet.sandbox().await_fired(hold, 1).await.unwrap();
    worker.signal(rustix::process::Signal::TERM);
    scene.fleet.sandbox().release(hold).unwrap();
    worker.ended().await;
    let attempts = "select attempt from operations where state = 'completed' and id = $1";
    let attempts: i32 = sqlx::query_scalar(attempts)
        .bind(id)
        .fetch_one(&scene.fleet.db)
        .await
        .unwrap();
    assert_eq!(attempts, 1, "the running handler finished");
    scene.fleet.work();
    scene.ends_clean(id).await;
}
