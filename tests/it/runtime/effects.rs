//! Effects in doubt: what a late, lost or lagging answer leads to.

use super::lab::{Bus, Lab, route, topic};
use super::partner::{Charge, Mood, Pause, SETTLES, TIMEOUT};
use crate::harness::eventually;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use subjects::spec::Topic;
use tranche::bus::ctx::Ctx;
use tranche::bus::route::Route;
use tranche::store::change::Change;
use uuid::Uuid;

/// A handler of one effect.
fn charging(lab: &Lab, topic: &'static Topic, pause: Option<Arc<Pause>>) -> Route {
    let partner = lab.partner.clone();
    route(topic, move |ctx: Ctx, _: Value| {
        let mut charge = Charge::new(&partner, "left");
        if let Some(pause) = &pause {
            charge = charge.pausing(pause);
        }
        async move {
            let charged = ctx.effect("left", &charge).await?;
            ctx.finish(Change::nothing(&charged)).await.map(Into::into)
        }
    })
}

/// An operation whose first call meets this mood completes, having happened once.
async fn once_in(mood: Mood) -> Value {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    lab.partner.expect("left", mood);
    let bus = lab.work(vec![charging(&lab, topic, None)]);
    let id = lab.order(topic, json!({})).await;
    let row = lab.row_in(id, "completed").await;
    let ledger = lab.partner.ledger(&id.to_string());
    assert_eq!(ledger.len(), 1, "{mood:?}: {row}");
    assert_eq!(row["result"]["charged"], ledger[0].key, "{mood:?}");
    assert_eq!(row["attempt"], 1, "{mood:?}: doubt costs no attempt");
    bus.stopped().await;
    lab.fleet.finish().await;
    row
}

#[tokio::test]
async fn a_failure_before_the_effect_is_found_out_and_done_again() {
    once_in(Mood::FailBefore).await;
}

#[tokio::test]
async fn a_failure_after_the_effect_is_found_out_and_not_done_again() {
    once_in(Mood::FailAfter).await;
}

#[tokio::test]
async fn a_late_answer_is_not_a_second_effect() {
    once_in(Mood::AnswerLate).await;
}

#[tokio::test]
async fn an_effect_that_happens_after_the_caller_has_gone_is_waited_for() {
    once_in(Mood::ActLate(TIMEOUT + SETTLES / 2)).await;
}

#[tokio::test]
async fn a_look_that_lags_behind_is_not_believed_too_early() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    lab.partner
        .expect("left", Mood::ShowLate(TIMEOUT + SETTLES / 2));
    let routes = || vec![charging(&lab, topic, None)];
    let first = lab.work_until(routes(), "effect.answered");
    let id = lab.order(topic, json!({})).await;
    first.crashed().await;
    let bus = lab.work(routes());
    lab.row_in(id, "completed").await;
    assert_eq!(lab.partner.ledger(&id.to_string()).len(), 1);
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn a_no_after_a_doubt_is_a_dead_letter_only_when_nothing_is_found() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    lab.partner.expect("left", Mood::FailBefore);
    lab.partner.expect("left", Mood::Refuse);
    let bus = lab.work(vec![charging(&lab, topic, None)]);
    let id = lab.order(topic, json!({})).await;
    let row = lab.row_in(id, "dead").await;
    assert_eq!(row["problem"]["code"], "refused");
    assert!(lab.partner.ledger(&id.to_string()).is_empty());
    bus.stopped().await;
    lab.fleet.finish_with(&["rejected"]).await;
}

#[tokio::test]
async fn a_refused_effect_is_tried_under_a_new_key_after_a_replay() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    lab.partner.expect("left", Mood::Refuse);
    let bus = lab.work(vec![charging(&lab, topic, None)]);
    let id = lab.order(topic, json!({})).await;
    lab.row_in(id, "dead").await;
    let refused: Uuid = lab.fleet.scalar("select key from journal").await;
    let letter: Uuid = lab.fleet.scalar("select id from dead_letters").await;
    super::dlq::replay(&lab.fleet, letter).await.unwrap();
    lab.row_in(id, "completed").await;
    let ledger = lab.partner.ledger(&id.to_string());
    assert_eq!(ledger.len(), 1);
    assert_ne!(ledger[0].key, refused.to_string());
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn a_doubt_beyond_the_topics_patience_is_for_a_person() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |topic| {
        topic.patience = Duration::from_millis(600);
    });
    lab.partner.expect("left", Mood::FailAfter);
    lab.partner.looks_fail(true);
    let bus = lab.work(vec![charging(&lab, topic, None)]);
    let id = lab.order(topic, json!({})).await;
    let row = lab.row_in(id, "dead").await;
    assert_eq!(row["problem"]["code"], "unclear");
    assert_eq!(lab.partner.calls(), 1, "never a guess");
    bus.stopped().await;
    lab.fleet.finish_with(&["ambiguous"]).await;
}

#[tokio::test]
async fn a_paused_sender_that_lost_its_lease_sends_nothing_and_records_nothing() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let pause = Pause::new();
    let sleeper = lab.work(vec![charging(&lab, topic, Some(pause.clone()))]);
    let id = lab.order(topic, json!({})).await;
    pause
        .reached
        .subscribe()
        .wait_for(|reached| *reached)
        .await
        .unwrap();
    let token = lab.row(id).await["lease_token"].clone();
    lab.take_away(id).await;

    let other = lab.work(vec![charging(&lab, topic, None)]);
    let row = lab.row_in(id, "completed").await;
    assert_ne!(row["lease_token"], token);
    let after = lab.row(id).await;
    pause.over.send_replace(true);
    sleeper.stopped().await;
    assert_eq!(lab.partner.calls(), 1, "only the second worker called");
    assert_eq!(lab.partner.ledger(&id.to_string()).len(), 1);
    assert_eq!(
        lab.row(id).await,
        after,
        "the first worker recorded nothing"
    );
    eventually("its message is gone", || async {
        lab.fleet.queued().await == 0
    })
    .await;
    Bus::stopped(other).await;
    lab.fleet.finish().await;
}
