//! Stopping: what runs finishes, what was not started goes back at once, and nothing is counted.

use super::lab::{Lab, route, topic};
use crate::harness::eventually;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use subjects::spec::Topic;
use tokio::sync::watch;
use tranche::bus::ctx::Ctx;
use tranche::bus::route::Route;
use tranche::store::change::Change;

/// A handler that waits for the gate.
fn gated(topic: &'static Topic, begun: &watch::Sender<usize>, gate: &watch::Sender<bool>) -> Route {
    let (begun, gate) = (begun.clone(), gate.clone());
    route(topic, move |ctx: Ctx, _: Value| {
        begun.send_modify(|begun| *begun += 1);
        let mut gate = gate.subscribe();
        async move {
            gate.wait_for(|open| *open).await.unwrap();
            ctx.finish(Change::nothing(&json!({})))
                .await
                .map(Into::into)
        }
    })
}

#[tokio::test]
async fn a_stopping_worker_finishes_what_runs_and_hands_back_the_rest_at_once() {
    let lab = Lab::open().await;
    let narrow = topic("wallet/wallet_sync", |topic| topic.concurrency = 4);
    let (begun, gate) = (watch::Sender::new(0), watch::Sender::new(false));
    let stopping = lab.work(vec![gated(narrow, &begun, &gate)]);
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(lab.order(narrow, json!({})).await);
    }
    begun
        .subscribe()
        .wait_for(|begun| *begun == 4)
        .await
        .unwrap();
    stopping.ask_to_stop();

    let (_, open) = (watch::Sender::new(0), watch::Sender::new(true));
    let asked = Instant::now();
    let other = lab.work(vec![gated(narrow, &watch::Sender::new(0), &open)]);
    let done = "select count(*) from operations where state = 'completed'";
    eventually("another worker has done the rest", || async {
        lab.fleet.scalar::<i64>(done).await == 36
    })
    .await;
    let ack_wait = lab.fleet.config().worker.ack_wait();
    assert!(
        asked.elapsed() < ack_wait,
        "well before the broker would have missed them"
    );

    gate.send_replace(true);
    stopping.stopped().await;
    assert_eq!(
        lab.fleet.scalar::<i64>(done).await,
        40,
        "what ran has finished"
    );
    for id in ids {
        assert_eq!(lab.row(id).await["attempt"], 1);
    }
    other.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn a_handler_that_outlasts_the_drain_goes_on_elsewhere_from_its_journal() {
    let lab = Lab {
        fleet: crate::harness::Fleet::with(hurried).await,
        partner: super::partner::Partner::start().await,
    };
    let topic = topic("wallet/wallet_sync", |_| {});
    let (begun, gate) = (watch::Sender::new(0), watch::Sender::new(false));
    let stopping = lab.work(vec![gated(topic, &begun, &gate)]);
    let id = lab.order(topic, json!({})).await;
    begun
        .subscribe()
        .wait_for(|begun| *begun == 1)
        .await
        .unwrap();
    let asked = Instant::now();
    stopping.stopped().await;
    assert!(
        asked.elapsed() < Duration::from_secs(3),
        "the drain has a bound"
    );
    let bus = lab.work(vec![gated(topic, &begun, &watch::Sender::new(true))]);
    lab.row_in(id, "completed").await;
    bus.stopped().await;
    lab.fleet.finish().await;
}

fn hurried(config: &mut tranche::config::Config) {
    crate::harness::quick(config);
    config.worker.drain_ms = 200;
}
