//! Messages that can not become operations, and messages that come again.

use super::lab::{Lab, route, topic};
use crate::harness::eventually;
use async_nats::HeaderMap;
use async_nats::jetstream::{self, consumer};
use futures::StreamExt as _;
use serde_json::{Value, json};
use subjects::envelope::header;
use subjects::spec::Topic;
use tranche::bus::ctx::Ctx;
use tranche::bus::route::Route;
use tranche::store::change::Change;
use uuid::Uuid;

fn trivial(topic: &'static Topic) -> Route {
    route(topic, |ctx: Ctx, _: Value| async move {
        ctx.finish(Change::nothing(&json!({ "done": true })))
            .await
            .map(Into::into)
    })
}

async fn publish(lab: &Lab, subject: &str, headers: HeaderMap, body: &'static str) {
    let jetstream = jetstream::new(lab.fleet.nats.clone());
    let sent = jetstream
        .publish_with_headers(subject.to_owned(), headers, body.into())
        .await;
    sent.unwrap().await.unwrap();
}

fn envelope(id: Uuid) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::OPERATION, id.to_string());
    headers.insert(header::CALLER, r#"{"kind":"service","name":"lab"}"#);
    headers
}

/// The dead letters, by class, and how many messages the DLQ has of each topic.
async fn letters(lab: &Lab) -> Vec<(String, String, String)> {
    sqlx::query_as(
        "select class, topic, convert_from(body, 'UTF8') from dead_letters order by 1, 2",
    )
    .fetch_all(&lab.fleet.db)
    .await
    .unwrap()
}

#[tokio::test]
async fn what_does_not_decode_is_one_dead_letter_however_often_it_is_delivered() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let mut wild = envelope(Uuid::now_v7());
    wild.insert(header::OPERATION, "seven");
    for _ in 0..2 {
        publish(&lab, &topic.subject(), HeaderMap::new(), "no envelope").await;
        publish(&lab, &topic.subject(), wild.clone(), "{}").await;
        publish(&lab, &topic.subject(), envelope(Uuid::nil()), "{ not json").await;
    }
    let bus = lab.work(vec![trivial(topic)]);
    eventually("all are gone", || async { lab.fleet.queued().await == 0 }).await;
    let of = |body: &str| ("undecodable".into(), "wallet_sync".into(), body.to_owned());
    let mut expected = [of("no envelope"), of("{}"), of("{ not json")];
    let mut found = letters(&lab).await;
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(lab.messages("DLQ", &topic.dead_subject()).await, 3);
    bus.stopped().await;
    lab.fleet.finish_with(&["undecodable"; 3]).await;
}

#[tokio::test]
async fn a_subject_that_no_topic_has_ends_in_the_dead_letters() {
    let lab = Lab::open().await;
    for n in 0..3 {
        let mut headers = envelope(Uuid::now_v7());
        headers.insert(header::MESSAGE_ID, n.to_string());
        publish(&lab, "queue.wallet.teleport", headers, "{}").await;
    }
    let bus = lab.work(vec![trivial(topic("wallet/wallet_sync", |_| {}))]);
    eventually("all are gone", || async { lab.fleet.queued().await == 0 }).await;
    assert_eq!(letters(&lab).await.len(), 3);
    assert_eq!(lab.messages("DLQ", "dlq.wallet.teleport").await, 3);
    bus.stopped().await;
    lab.fleet.finish_with(&["unknown_topic"; 3]).await;
}

#[tokio::test]
async fn a_message_that_the_broker_gives_up_is_found_by_the_sweeper_with_its_body() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let jetstream = jetstream::new(lab.fleet.nats.clone());
    let stream = jetstream.get_stream("QUEUE_WALLET").await.unwrap();
    let mut info = stream.consumer_info(topic.consumer()).await.unwrap();
    info.config.max_deliver = 2;
    stream.create_consumer(info.config).await.unwrap();
    let id = lab.order(topic, json!({ "body": "kept" })).await;
    // Two workers took it and died before they opened it: nobody answers for these deliveries.
    let puller: consumer::PullConsumer = stream.get_consumer(topic.consumer()).await.unwrap();
    for _ in 0..2 {
        let mut taken = puller.messages().await.unwrap();
        assert_eq!(
            taken.next().await.unwrap().unwrap().subject.as_str(),
            topic.subject()
        );
    }
    // The advisory comes when a third delivery would be due.
    let bus = lab.work(vec![trivial(topic)]);
    eventually("it is gone", || async { lab.fleet.queued().await == 0 }).await;
    let letter = (
        "max_deliveries".to_owned(),
        "wallet_sync".to_owned(),
        r#"{"body":"kept"}"#.to_owned(),
    );
    assert_eq!(letters(&lab).await, [letter]);
    assert_eq!(lab.row(id).await["state"], "absent");

    let letter: Uuid = lab.fleet.scalar("select id from dead_letters").await;
    super::dlq::replay(&lab.fleet, letter).await.unwrap();
    lab.row_in(id, "completed").await;
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn a_finished_operations_message_that_comes_again_is_acknowledged_and_changes_nothing() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let id = lab.order(topic, json!({})).await;
    // The acknowledgement is lost: the worker dies on the line before it.
    lab.work_until(vec![trivial(topic)], "finish.committed")
        .crashed()
        .await;
    let row = lab.row_in(id, "completed").await;
    assert_eq!(lab.messages("QUEUE_WALLET", &topic.subject()).await, 1);
    let bus = lab.work(vec![trivial(topic)]);
    eventually("it is gone", || async { lab.fleet.queued().await == 0 }).await;
    assert_eq!(lab.row(id).await, row);
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn an_early_message_of_a_waiting_operation_does_not_start_it() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let bus = lab.work(vec![route(topic, |ctx: Ctx, _: Value| async move {
        if ctx.attempt() == 1 {
            let cause = tranche::bus::fault::Cause::new("later", "for the test");
            let hour = std::time::Duration::from_hours(1);
            return Err(tranche::bus::fault::Fault::RetryAfter(hour, cause));
        }
        ctx.finish(Change::nothing(&json!({})))
            .await
            .map(Into::into)
    })]);
    let id = lab.order(topic, json!({})).await;
    let row = lab.waiting_after(id, 1).await;
    lab.deliver(topic, id, "again", json!({})).await;
    eventually("it is gone", || async { lab.fleet.queued().await == 0 }).await;
    assert_eq!(lab.row(id).await, row);
    lab.wake(id).await;
    lab.row_in(id, "completed").await;
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn a_key_with_another_request_is_a_conflict_and_leaves_the_first_alone() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let mut answers = lab.fleet.nats.subscribe("answers.>").await.unwrap();
    let bus = lab.work(vec![trivial(topic)]);
    let id = lab.order(topic, json!({ "n": 1 })).await;
    let row = lab.row_in(id, "completed").await;
    lab.deliver(topic, id, "another", json!({ "n": 2 })).await;
    let answer: Value = serde_json::from_slice(&answers.next().await.unwrap().payload).unwrap();
    assert_eq!(answer["outcome"], "conflict");
    assert_eq!(lab.row(id).await, row);
    bus.stopped().await;
    lab.fleet.finish().await;
}
