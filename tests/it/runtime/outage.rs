//! Outages of the database and of a partner: nothing is lost, and nothing is used up by waiting.

use super::lab::{Lab, route, topic};
use super::partner::Partner;
use crate::harness::{Fleet, Investor, eventually, quick, settle_banks};
use sandbox::{Fault, FaultSpec, When};
use serde_json::{Value, json};
use std::time::Duration;
use tranche::bus::ctx::Ctx;
use tranche::store::change::Change;
use uuid::Uuid;

#[tokio::test]
async fn a_long_outage_of_the_database_uses_up_no_deliveries() {
    let fleet = Fleet::with_own_postgres(quick).await;
    let mut lab = Lab {
        fleet,
        partner: Partner::start().await,
    };
    let topic = topic("wallet/wallet_sync", |_| {});
    let jetstream = async_nats::jetstream::new(lab.fleet.nats.clone());
    let stream = jetstream.get_stream("QUEUE_WALLET").await.unwrap();
    let mut info = stream.consumer_info(topic.consumer()).await.unwrap();
    info.config.max_deliver = 3;
    stream.create_consumer(info.config).await.unwrap();
    let bus = lab.work(vec![route(topic, |ctx: Ctx, _: Value| async move {
        ctx.finish(Change::nothing(&json!({})))
            .await
            .map(Into::into)
    })]);
    let first = lab.order(topic, json!({})).await;
    lab.row_in(first, "completed").await;
    lab.fleet.stack.postgres.kill().await.unwrap();
    let mut ids = Vec::<Uuid>::new();
    for _ in 0..20 {
        ids.push(lab.order(topic, json!({})).await);
    }
    // Long enough for more deliveries than the broker would make, were they taken and handed back.
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    for _ in 0..9 {
        seconds.tick().await;
        let pending = stream.consumer_info(topic.consumer()).await.unwrap();
        assert_eq!(pending.num_pending + pending.num_ack_pending as u64, 20);
    }
    lab.fleet.stack.postgres.restart().await.unwrap();
    lab.fleet.reconnect().await;
    for id in ids {
        lab.row_in(id, "completed").await;
    }
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn while_dwolla_is_down_nobody_calls_it_and_no_operation_is_used_up() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let down = FaultSpec {
        partner: sandbox::Partner::Dwolla,
        method: None,
        path: "/".to_owned(),
        contains: None,
        fault: Fault::Status {
            status: 500,
            when: When::Before,
            retry_after: None,
        },
        times: 0,
    };
    fleet.sandbox().arm(down);
    for _ in 0..30 {
        nora.move_money(&fleet, "deposit", "1.00").await.expect(202);
    }
    let refused = "select count(*) from operations o where o.topic = 'transaction_create'
                   and exists (select from journal j where j.operation = o.id
                               and j.cause ->> 'code' = 'dwolla_unavailable')";
    eventually("the breaker is open", || async {
        fleet.scalar::<i64>(refused).await > 5
    })
    .await;
    // A probe each few seconds is all that reaches it, however many operations wait.
    let calls = || fleet.sandbox().call_count(sandbox::Partner::Dwolla);
    let before = calls();
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    for _ in 0..4 {
        seconds.tick().await;
    }
    assert!(calls() - before <= 3, "{} calls", calls() - before);
    let used = "select coalesce(max(attempt), 0) from operations
                where topic = 'transaction_create' and state in ('waiting', 'running')";
    assert!(
        fleet.scalar::<i32>(used).await <= 2,
        "waiting costs no attempts"
    );

    fleet.sandbox().clear_faults();
    fleet
        .hurried("all have their transfer", || async {
            let left = "select count(*) from transactions where dwolla_id is null";
            fleet.scalar::<i64>(left).await == 0
        })
        .await;
    assert_eq!(fleet.effects("transfer.created"), 30);
    fleet
        .hurried("all are processed", || async {
            settle_banks(&fleet).await;
            let left = "select count(*) from transactions where status <> 'processed'";
            fleet.scalar::<i64>(left).await == 0
        })
        .await;
    fleet.finish().await;
}
