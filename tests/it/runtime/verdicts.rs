//! What a handler's words do to its row, its message and the dead letters.

use super::lab::{Lab, route, topic};
use super::partner::{Charge, Mood};
use crate::harness::eventually;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use subjects::envelope::Problem;
use subjects::spec::Retry;
use tranche::bus::ctx::Ctx;
use tranche::bus::fault::{Cause, Fault};
use tranche::bus::route::Finished;
use tranche::store::change::Change;

async fn done(ctx: &Ctx) -> Result<Finished, Fault> {
    ctx.finish(Change::nothing(&json!({ "done": true })))
        .await
        .map(Into::into)
}

fn cause() -> Cause {
    Cause::new("because", "of the test")
}

#[tokio::test]
async fn a_retry_waits_in_its_row_with_full_jitter_and_is_exhausted_in_the_end() {
    let lab = Lab::open().await;
    let slow = topic("wallet/wallet_sync", |topic| {
        topic.retry = Retry::exponential(Duration::from_mins(1), Duration::from_secs(90), 3);
    });
    let handler = |_: Ctx, _| async { Err(Fault::Retry(cause())) };
    let bus = lab.work(vec![route(slow, handler)]);
    let mut delays = Vec::new();
    for _ in 0..6 {
        let id = lab.order(slow, json!({})).await;
        let row = lab.waiting_after(id, 1).await;
        assert_eq!(row["faults"][0]["code"], "because");
        assert_eq!(row["faults"][0]["attempt"], 1);
        delays.push(row["wakes_in_ms"].as_i64().unwrap());
        lab.wake(id).await;
        let row = lab.waiting_after(id, 2).await;
        assert!(
            (0..=90_000).contains(&row["wakes_in_ms"].as_i64().unwrap()),
            "{row}"
        );
        lab.wake(id).await;
        let row = lab.row_in(id, "dead").await;
        assert_eq!(row["attempt"], 3);
        assert_eq!(row["problem"]["code"], "because");
        assert_eq!(row["faults"].as_array().unwrap().len(), 3);
    }
    assert!(
        delays.iter().all(|delay| (0..=60_000).contains(delay)),
        "{delays:?}"
    );
    let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
    assert!(
        most - least > 1_000,
        "jitter over the whole range, not around its middle: {delays:?}"
    );
    bus.stopped().await;
    lab.fleet.finish_with(&["exhausted"; 6]).await;
}

#[tokio::test]
async fn a_partners_retry_after_is_a_lower_bound_in_the_row() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let partner = lab.partner.clone();
    let bus = lab.work(vec![route(topic, move |ctx, _| {
        let charge = Charge::new(&partner, "left");
        async move {
            ctx.effect("left", &charge).await?;
            done(&ctx).await
        }
    })]);
    lab.partner.expect("left", Mood::Busy(77));
    let id = lab.order(topic, json!({})).await;
    let row = lab.waiting_after(id, 1).await;
    assert_eq!(row["wakes_in_ms"], 77_000);
    assert_eq!(row["faults"][0]["kind"], "retry_after");
    lab.wake(id).await;
    lab.row_in(id, "completed").await;
    assert_eq!(lab.partner.ledger(&id.to_string()).len(), 1);
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn a_snooze_costs_no_attempt_however_often() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let looks = Arc::new(AtomicI64::new(0));
    let seen = looks.clone();
    let bus = lab.work(vec![route(topic, move |ctx, _| {
        let look = seen.fetch_add(1, Ordering::Relaxed);
        async move {
            if look < 5 {
                return Err(Fault::Snooze(Duration::from_millis(20), cause()));
            }
            done(&ctx).await
        }
    })]);
    let id = lab.order(topic, json!({})).await;
    let row = lab.row_in(id, "completed").await;
    assert_eq!(looks.load(Ordering::Relaxed), 6);
    assert_eq!(row["attempt"], 1);
    assert_eq!(row["faults"], json!([]));
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn a_refusal_ends_the_operation_and_leaves_no_dead_letter() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let handler = |_: Ctx, _| async { Err(Fault::refuse(409, "not_now", "our rules say no")) };
    let bus = lab.work(vec![route(topic, handler)]);
    let id = lab.order(topic, json!({})).await;
    let row = lab.row_in(id, "refused").await;
    assert_eq!(row["problem"]["code"], "not_now");
    assert!(row["wake_at"].is_null());
    eventually("the refusal is told", || async {
        lab.messages("EVENTS", "events.wallet.wallet_sync.refused")
            .await
            == 1
    })
    .await;
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn a_rejection_is_in_the_row_and_in_the_dlq_before_its_message_is_gone() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let handler = |_: Ctx, _: Value| async {
        Err(Fault::Reject(Problem::new(
            422,
            "never",
            "it can not succeed",
        )))
    };
    let id = lab.order(topic, json!({ "note": "kept" })).await;
    // The letter's row is committed; the message is still there when the worker dies.
    lab.work_until(vec![route(topic, handler)], "letter.committed")
        .crashed()
        .await;
    assert_eq!(lab.messages("QUEUE_WALLET", &topic.subject()).await, 1);
    assert_eq!(lab.messages("DLQ", &topic.dead_subject()).await, 0);
    lab.row_in(id, "dead").await;

    let bus = lab.work(vec![route(topic, handler)]);
    eventually("the letter is in the DLQ", || async {
        lab.messages("DLQ", &topic.dead_subject()).await == 1
    })
    .await;
    let jetstream = async_nats::jetstream::new(lab.fleet.nats.clone());
    let dlq = jetstream.get_stream("DLQ").await.unwrap();
    let letter = dlq
        .get_last_raw_message_by_subject(&topic.dead_subject())
        .await
        .unwrap();
    let letter: Value = serde_json::from_slice(&letter.payload).unwrap();
    assert_eq!(letter["class"], "rejected");
    assert_eq!(letter["code"], "never");
    assert_eq!(letter["operation"], id.to_string());
    assert_eq!(letter["faults"][0]["attempt"], 1);
    assert_eq!(letter["subject"], topic.subject());
    let kept: Vec<u8> = lab.fleet.scalar("select body from dead_letters").await;
    assert_eq!(
        serde_json::from_slice::<Value>(&kept).unwrap(),
        json!({ "note": "kept" })
    );
    eventually("its message is gone", || async {
        lab.messages("QUEUE_WALLET", &topic.subject()).await == 0
    })
    .await;
    bus.stopped().await;
    assert_eq!(lab.messages("DLQ", &topic.dead_subject()).await, 1);
    lab.fleet.finish_with(&["rejected"]).await;
}

async fn wild() -> Result<Finished, Fault> {
    tokio::task::yield_now().await;
    std::panic::resume_unwind(Box::new("out of the blue"))
}

#[tokio::test]
async fn a_panic_is_a_bug_that_is_tried_once_more() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let bus = lab.work(vec![route(topic, |_: Ctx, _: Value| wild())]);
    let id = lab.order(topic, json!({})).await;
    let row = lab.row_in(id, "dead").await;
    assert_eq!(row["attempt"], 2);
    assert_eq!(row["problem"]["code"], "panic");
    let first = row["faults"][0]["message"].as_str().unwrap();
    assert!(first.contains("out of the blue"), "{first}");
    bus.stopped().await;
    lab.fleet.finish_with(&["bug"]).await;
}

#[tokio::test]
async fn a_handler_over_its_time_is_stopped_and_tried_again() {
    let lab = Lab::open().await;
    let short = topic("wallet/wallet_sync", |topic| {
        topic.timeout = Duration::from_millis(300);
    });
    let bus = lab.work(vec![route(short, |ctx: Ctx, _| async move {
        if ctx.attempt() == 1 {
            std::future::pending::<()>().await;
        }
        done(&ctx).await
    })]);
    let id = lab.order(short, json!({})).await;
    let row = lab.row_in(id, "completed").await;
    assert_eq!(row["attempt"], 2);
    assert_eq!(row["faults"][0]["code"], "attempt_timed_out");
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn an_operation_that_kills_every_worker_is_exhausted_and_kills_no_more() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |topic| {
        topic.retry = Retry::exponential(Duration::from_millis(50), Duration::from_millis(50), 2);
    });
    let handler = |ctx: Ctx, _: Value| async move {
        ctx.step::<Value>("poison", Change::nothing(&json!({})))
            .await?;
        std::future::pending::<Result<Finished, Fault>>().await
    };
    let id = lab.order(topic, json!({})).await;
    lab.work_until(vec![route(topic, handler)], "operation.opened")
        .crashed()
        .await;
    lab.work_until(vec![route(topic, handler)], "operation.opened")
        .crashed()
        .await;
    let bus = lab.work(vec![route(topic, handler)]);
    let row = lab.row_in(id, "dead").await;
    assert_eq!(row["problem"]["code"], "worker_lost");
    bus.stopped().await;
    lab.fleet.finish_with(&["exhausted"]).await;
}
