//! What was committed is published, once for its readers, and what is due comes back.

use super::lab::{Lab, route, topic};
use super::partner::{Charge, Mood};
use crate::harness::{Worker, eventually, operator_tool};
use serde_json::{Value, json};
use std::time::Duration;
use subjects::spec::Topic;
use tranche::bus::ctx::Ctx;
use tranche::bus::fault::{Cause, Fault};
use tranche::bus::route::Route;
use tranche::bus::topology;
use tranche::store::change::Change;
use uuid::Uuid;

fn trivial(topic: &'static Topic) -> Route {
    route(topic, |ctx: Ctx, _: Value| async move {
        ctx.finish(Change::nothing(&json!({})))
            .await
            .map(Into::into)
    })
}

#[tokio::test]
async fn a_completion_that_a_crash_left_is_published_once_by_whoever_comes() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let id = lab.order(topic, json!({})).await;
    lab.work_until(vec![trivial(topic)], "finish.committed")
        .crashed()
        .await;
    lab.row_in(id, "completed").await;
    let subject = "events.wallet.wallet_sync.completed";
    assert_eq!(lab.messages("EVENTS", subject).await, 0);
    // Several relays look at once, and each may send it: its id makes it one message.
    let buses = [0, 1, 2].map(|_| lab.work(vec![trivial(topic)]));
    eventually("it is noted as sent", || async {
        lab.fleet
            .scalar::<i64>("select count(*) from outbox where sent_at is null")
            .await
            == 0
    })
    .await;
    eventually("its message is gone", || async {
        lab.fleet.queued().await == 0
    })
    .await;
    for bus in buses {
        bus.stopped().await;
    }
    assert_eq!(lab.messages("EVENTS", subject).await, 1);
    lab.fleet.finish().await;
}

#[tokio::test]
async fn a_completion_that_was_sent_and_not_noted_is_one_message() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    lab.order(topic, json!({})).await;
    lab.work_until(vec![trivial(topic)], "message.published")
        .crashed()
        .await;
    let unsent = "select count(*) from outbox where sent_at is null";
    assert_eq!(lab.fleet.scalar::<i64>(unsent).await, 1);
    let bus = lab.work(vec![trivial(topic)]);
    eventually("it is sent again", || async {
        lab.fleet.scalar::<i64>(unsent).await == 0
    })
    .await;
    eventually("its message is gone", || async {
        lab.fleet.queued().await == 0
    })
    .await;
    assert_eq!(
        lab.messages("EVENTS", "events.wallet.wallet_sync.completed")
            .await,
        1
    );
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn an_operation_whose_worker_and_message_are_gone_comes_back_by_its_row() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let id = lab.order(topic, json!({})).await;
    lab.work_until(vec![trivial(topic)], "operation.opened")
        .crashed()
        .await;
    let jetstream = async_nats::jetstream::new(lab.fleet.nats.clone());
    let stream = jetstream.get_stream("QUEUE_WALLET").await.unwrap();
    let lost = stream
        .get_last_raw_message_by_subject(&topic.subject())
        .await
        .unwrap();
    stream.delete_message(lost.sequence).await.unwrap();
    let bus = lab.work(vec![trivial(topic)]);
    let row = lab.row_in(id, "completed").await;
    assert_eq!(row["attempt"], 2);
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn requeue_brings_back_every_opened_operation_after_the_streams_were_lost() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let partner = lab.partner.clone();
    let handler = move |topic| {
        let partner = partner.clone();
        route(topic, move |ctx: Ctx, body: Value| {
            let charge = Charge::new(&partner, "left");
            async move {
                ctx.effect("left", &charge).await?;
                if body["waits"] == true && ctx.attempt() == 1 {
                    let hour = Duration::from_hours(1);
                    return Err(Fault::RetryAfter(hour, Cause::new("later", "for the test")));
                }
                ctx.finish(Change::nothing(&json!({})))
                    .await
                    .map(Into::into)
            }
        })
    };
    // Ten wait for an hour, five are under way, one has ended, when everything is lost.
    let bus = lab.work(vec![handler(topic)]);
    let mut ids = vec![lab.order(topic, json!({})).await];
    lab.row_in(ids[0], "completed").await;
    for _ in 0..10 {
        let id = lab.order(topic, json!({ "waits": true })).await;
        lab.waiting_after(id, 1).await;
        ids.push(id);
    }
    for _ in 0..5 {
        lab.partner.expect("left", Mood::Hold);
        ids.push(lab.order(topic, json!({})).await);
    }
    lab.partner.held(5).await;
    bus.crash();
    let jetstream = async_nats::jetstream::new(lab.fleet.nats.clone());
    for service in ["WALLET", "KYC", "DIRECTORY"] {
        jetstream
            .delete_stream(format!("QUEUE_{service}"))
            .await
            .unwrap();
    }
    lab.partner.release();

    let settings = workers::fleet::topology_settings(lab.fleet.config());
    assert!(
        topology::apply(&jetstream, &settings)
            .await
            .unwrap()
            .undone
            .is_empty()
    );
    eventually("the dead worker's leases are over", || async {
        let held = "select count(*) from operations where state = 'running' and wake_at > now()";
        lab.fleet.scalar::<i64>(held).await == 0
    })
    .await;
    let (code, _) = operator_tool(&lab.fleet, &["requeue"]).await;
    assert_eq!(code, 0);
    let bus = lab.work(vec![handler(topic)]);
    for id in &ids {
        lab.row_in(*id, "completed").await;
        assert_eq!(
            lab.partner.ledger(&id.to_string()).len(),
            1,
            "each happened once"
        );
    }
    eventually("the queues are empty", || async {
        lab.fleet.queued().await == 0
    })
    .await;
    bus.stopped().await;
    let ended = lab
        .messages("EVENTS", "events.wallet.wallet_sync.completed")
        .await;
    assert_eq!(ended, ids.len(), "each ended once");
    lab.fleet.finish().await;
}

#[tokio::test]
async fn a_worker_refuses_to_start_on_streams_that_are_not_those_of_its_release() {
    let lab = Lab::open().await;
    let jetstream = async_nats::jetstream::new(lab.fleet.nats.clone());
    let stream = jetstream.get_stream("QUEUE_WALLET").await.unwrap();
    let mut info = stream.consumer_info("dwolla").await.unwrap();
    info.config.max_ack_pending = 1;
    stream.create_consumer(info.config).await.unwrap();

    let worker = Worker::start(&lab.fleet.stack, "*", None);
    assert_eq!(worker.failed().await, 1);
    let (code, said) = operator_tool(&lab.fleet, &["topology", "plan"]).await;
    assert_eq!(code, 1);
    assert!(
        said.contains("max_ack_pending: expected 4096, found 1"),
        "{said}"
    );
    assert_eq!(operator_tool(&lab.fleet, &["topology", "apply"]).await.0, 0);
    assert_eq!(
        operator_tool(&lab.fleet, &["topology", "plan"]).await,
        (0, String::new())
    );
    lab.fleet.finish().await;
}

#[tokio::test]
async fn an_operation_that_waits_while_the_broker_is_away_comes_when_it_is_back() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let bus = lab.work(vec![route(topic, |ctx: Ctx, _: Value| async move {
        if ctx.attempt() == 1 {
            let soon = Duration::from_millis(700);
            return Err(Fault::RetryAfter(soon, Cause::new("later", "for the test")));
        }
        ctx.finish(Change::nothing(&json!({})))
            .await
            .map(Into::into)
    })]);
    let ids: Vec<Uuid> =
        futures::future::join_all((0..10).map(|_| lab.order(topic, json!({})))).await;
    for id in &ids {
        lab.waiting_after(*id, 1).await;
    }
    lab.fleet.stack.nats.kill().await.unwrap();
    eventually("they are due", || async {
        let due = "select count(*) from operations where wake_at < now()";
        lab.fleet.scalar::<i64>(due).await == 10
    })
    .await;
    lab.fleet.stack.nats.restart().await.unwrap();
    let back = std::time::Instant::now();
    for id in &ids {
        lab.row_in(*id, "completed").await;
    }
    assert!(
        back.elapsed() < Duration::from_secs(15),
        "{:?}",
        back.elapsed()
    );
    bus.stopped().await;
    lab.fleet.finish().await;
}
