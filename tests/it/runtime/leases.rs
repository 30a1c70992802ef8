//! Who may work on what: leases of operations and of entities.

use super::lab::{Lab, route, topic};
use crate::harness::{Fleet, Investor, Worker, eventually};
use futures::future::join_all;
use rustix::process::Signal;
use sandbox::{CallQuery, Fault, FaultSpec, Partner, When};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use subjects::spec::Topic;
use tokio::sync::watch;
use tranche::bus::ctx::Ctx;
use tranche::bus::route::Route;
use tranche::store::change::Change;
use uuid::Uuid;

/// When handlers began and ended, in order.
type Log = Arc<Mutex<Vec<(Uuid, bool)>>>;

/// A handler that takes its time and writes down when it runs.
fn slow(topic: &'static Topic, log: &Log, takes: Duration) -> Route {
    let log = log.clone();
    route(topic, move |ctx: Ctx, _: Value| {
        let log = log.clone();
        async move {
            log.lock().unwrap().push((ctx.operation(), true));
            tokio::time::sleep(takes).await;
            log.lock().unwrap().push((ctx.operation(), false));
            ctx.finish(Change::nothing(&json!({})))
                .await
                .map(Into::into)
        }
    })
}

#[tokio::test]
async fn operations_on_one_entity_never_overlap_and_all_complete() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let log = Log::default();
    // Longer in all than fifty deliveries of one message would take: waiting for an entity must not
    // use up what the broker gives to a message.
    let takes = Duration::from_millis(500);
    let buses = [0, 1].map(|_| lab.work(vec![slow(topic, &log, takes)]));
    let hot = join_all((0..20).map(|_| lab.order(topic, json!({ "entity": "wallet:hot" })))).await;
    let started = Instant::now();
    let cold: Vec<Uuid> =
        join_all((0..20).map(|n| lab.order(topic, json!({ "entity": format!("wallet:{n}") }))))
            .await;
    for id in &cold {
        lab.row_in(*id, "completed").await;
    }
    assert!(
        started.elapsed() < Duration::from_secs(6),
        "a hot wallet starves no other"
    );
    for id in &hot {
        lab.row_in(*id, "completed").await;
    }
    let log = log.lock().unwrap().clone();
    let hot_only: Vec<(Uuid, bool)> = log.into_iter().filter(|(id, _)| hot.contains(id)).collect();
    for pair in hot_only.chunks(2) {
        assert_eq!(
            (pair[0].0, pair[0].1, pair[1].1),
            (pair[1].0, true, false),
            "{hot_only:?}"
        );
    }
    assert_eq!(hot_only.len(), 40, "each ran once");
    for bus in buses {
        bus.stopped().await;
    }
    lab.fleet.finish().await;
}

#[tokio::test]
async fn operations_on_one_entity_run_in_the_order_in_which_they_were_opened() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let log = Log::default();
    let bus = lab.work(vec![slow(topic, &log, Duration::from_millis(60))]);
    let mut ordered = Vec::new();
    for _ in 0..20 {
        let id = lab.order(topic, json!({ "entity": "wallet:hot" })).await;
        eventually("it is opened", || async {
            lab.row(id).await["state"] != "absent"
        })
        .await;
        ordered.push(id);
    }
    for id in &ordered {
        lab.row_in(*id, "completed").await;
    }
    let began = log
        .lock()
        .unwrap()
        .iter()
        .filter(|(_, begins)| *begins)
        .map(|(id, _)| *id)
        .collect::<Vec<_>>();
    assert_eq!(began, ordered);
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn a_dead_workers_entity_is_free_after_its_lease() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let log = Log::default();
    let takes = Duration::from_millis(10);
    let dying = lab.work_until(vec![slow(topic, &log, takes)], "operation.opened");
    let first = lab.order(topic, json!({ "entity": "wallet:7" })).await;
    dying.crashed().await;
    let second = lab.order(topic, json!({ "entity": "wallet:7" })).await;
    let bus = lab.work(vec![slow(topic, &log, takes)]);
    lab.row_in(second, "completed").await;
    let row = lab.row_in(first, "completed").await;
    assert_eq!(row["attempt"], 2);
    assert_eq!(
        lab.row(second).await["attempt"],
        1,
        "waiting for an entity is no attempt"
    );
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn one_message_delivered_twice_at_once_runs_once() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let log = Log::default();
    let buses = [0, 1].map(|_| lab.work(vec![slow(topic, &log, Duration::from_millis(50))]));
    let ids: Vec<Uuid> = (0..20).map(|_| Uuid::now_v7()).collect();
    join_all(ids.iter().flat_map(|id| {
        let lab = &lab;
        (0..3).map(move |copy| async move {
            lab.deliver(topic, *id, &format!("{id}-{copy}"), json!({}))
                .await;
        })
    }))
    .await;
    for id in &ids {
        let row = lab.row_in(*id, "completed").await;
        assert_eq!(row["attempt"], 1);
    }
    eventually("the copies are gone", || async {
        lab.fleet.queued().await == 0
    })
    .await;
    let mut runs: HashMap<Uuid, usize> = HashMap::new();
    for (id, begins) in log.lock().unwrap().iter() {
        *runs.entry(*id).or_default() += usize::from(*begins);
    }
    assert!(runs.values().all(|runs| *runs == 1), "{runs:?}");
    for bus in buses {
        bus.stopped().await;
    }
    lab.fleet.finish().await;
}

#[tokio::test]
async fn a_long_handler_keeps_its_lease_by_signs_of_life() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let log = Log::default();
    let buses = [0, 1].map(|_| lab.work(vec![slow(topic, &log, Duration::from_secs(4))]));
    let id = lab.order(topic, json!({ "entity": "wallet:7" })).await;
    let row = lab.row_in(id, "completed").await;
    assert_eq!(row["attempt"], 1);
    assert_eq!(log.lock().unwrap().len(), 2, "it ran once");
    for bus in buses {
        bus.stopped().await;
    }
    lab.fleet.finish().await;
}

#[tokio::test]
async fn a_second_attempt_in_one_process_keeps_its_own_signs_of_life() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let (begun, gate) = (watch::Sender::new(0), watch::Sender::new(false));
    let (begins, opened) = (begun.clone(), gate.clone());
    let bus = lab.work(vec![route(topic, move |ctx: Ctx, _: Value| {
        begins.send_replace(ctx.attempt());
        let mut opened = opened.subscribe();
        async move {
            if ctx.attempt() == 1 {
                opened.wait_for(|open| *open).await.unwrap();
            } else {
                // Longer than a lease: an attempt whose signs of life stop would lose it.
                tokio::time::sleep(Duration::from_millis(3_500)).await;
            }
            ctx.finish(Change::nothing(&json!(ctx.attempt())))
                .await
                .map(Into::into)
        }
    })]);
    let id = lab.order(topic, json!({})).await;
    begun
        .subscribe()
        .wait_for(|attempt| *attempt == 1)
        .await
        .unwrap();
    // The process slept for longer than its lease: another attempt begins beside the first one.
    lab.take_away(id).await;
    begun
        .subscribe()
        .wait_for(|attempt| *attempt == 2)
        .await
        .unwrap();
    gate.send_replace(true);
    let row = lab.row_in(id, "completed").await;
    assert_eq!((&row["attempt"], &row["result"]), (&json!(2), &json!(2)));
    eventually("its messages are gone", || async {
        lab.fleet.queued().await == 0
    })
    .await;
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn a_process_stopped_beyond_its_lease_sends_nothing_when_it_goes_on() {
    let mut fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    fleet.rest().await;
    let hold = Fault::Hold { when: When::After };
    // Held after the look that every attempt begins with; the transfer itself is not sent yet.
    let token = FaultSpec::once(Partner::Dwolla, "POST", "/token", hold);
    let fault = fleet.sandbox().arm(token);
    let asked = json!({ "type": "deposit", "amount": "12.00", "wallet_id": nora.wallet,
                        "funding_source_id": nora.bank });
    let sleeper = Worker::start(&fleet.stack, "wallet.transaction_create", None);
    let path = fleet.url("/queue/wallet/transaction_create");
    let sent = fleet
        .http
        .post(path)
        .header("authorization", Fleet::token("operator"));
    sent.header("prefer", "respond-async")
        .json(&asked)
        .send()
        .await
        .unwrap();
    fleet.sandbox().await_fired(fault, 1).await.unwrap();
    sleeper.signal(Signal::STOP);
    fleet.sandbox().release(fault).unwrap();
    fleet.work();
    eventually("another worker has done it", || async {
        fleet.effects("transfer.created") == 1
    })
    .await;
    eventually("and completed it", || async {
        fleet.scalar::<i64>("select count(*) from operations where topic = 'transaction_create' and state = 'completed'").await == 1
    })
    .await;
    let calls = || {
        let (partner, method) = (Some(Partner::Dwolla), Some("POST".to_owned()));
        let query = CallQuery {
            partner,
            method,
            path: Some("/transfers".to_owned()),
        };
        fleet.sandbox().calls(&query).len()
    };
    let before = (
        calls(),
        fleet
            .scalar::<Value>("select jsonb_agg(j) from journal j")
            .await,
    );
    sleeper.signal(Signal::CONT);
    sleeper.terminate().await;
    let after = (
        calls(),
        fleet
            .scalar::<Value>("select jsonb_agg(j) from journal j")
            .await,
    );
    assert_eq!(after, before, "it sent nothing and recorded nothing");
    assert_eq!(fleet.effects("transfer.created"), 1);
    fleet.finish().await;
}
