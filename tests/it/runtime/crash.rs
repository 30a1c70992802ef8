//! A crash at every line of a handler with three steps and two effects: each step and each effect
//! happens once, and the operation completes.

use super::lab::{Lab, route, topic};
use super::partner::{Charge, Partner};
use crate::harness::eventually;
use futures::future::join_all;
use serde_json::{Value, json};
use tranche::bus::ctx::{Completed, Ctx};
use tranche::bus::fault::Fault;
use tranche::bus::route::Route;
use tranche::store::change::Change;
use uuid::Uuid;

/// Every line, with a topic for each so that their crashes do not meet; and the attempts that a
/// crash there makes.
const LINES: [(&str, &str, i64); 13] = [
    ("operation.opened", "wallet/bank_exchange", 2),
    ("step.committed:first", "wallet/bank_process", 2),
    ("effect.intended:left", "wallet/bank_delete", 2),
    ("effect.answered:left", "wallet/transaction_create", 2),
    ("effect.recorded:left", "wallet/transaction_cancel", 2),
    ("step.committed:second", "wallet/transaction_sync", 2),
    ("effect.intended:right", "wallet/investment_reserve", 2),
    ("effect.answered:right", "wallet/investment_pay", 2),
    ("effect.recorded:right", "wallet/investment_release", 2),
    ("step.committed:third", "wallet/wallet_create", 2),
    ("finish.committed", "wallet/wallet_recreate", 1),
    ("message.published", "wallet/wallet_retry", 1),
    ("message.acknowledged", "wallet/wallet_sync", 1),
];

/// Each step draws a number: were it done twice, the second draw would show.
pub(crate) async fn five_acts(ctx: Ctx, partner: Partner) -> Result<Completed<Value>, Fault> {
    let draw = || Change::nothing(&json!({ "drawn": Uuid::new_v4() }));
    let first: Value = ctx.step("first", draw()).await?;
    let left = ctx.effect("left", &Charge::new(&partner, "left")).await?;
    let second: Value = ctx.step("second", draw()).await?;
    let right = ctx.effect("right", &Charge::new(&partner, "right")).await?;
    let third: Value = ctx.step("third", draw()).await?;
    ctx.finish(Change::nothing(&json!([first, left, second, right, third])))
        .await
}

fn routed(path: &str, partner: &Partner) -> Route {
    let partner = partner.clone();
    route(topic(path, |_| {}), move |ctx, _| {
        let partner = partner.clone();
        async move { five_acts(ctx, partner).await.map(Into::into) }
    })
}

#[tokio::test]
async fn a_crash_at_any_line_repeats_no_step_and_no_effect() {
    let lab = Lab::open().await;
    join_all(LINES.map(|(line, path, attempts)| crash_at(&lab, line, path, attempts))).await;
    lab.fleet.finish().await;
}

async fn crash_at(lab: &Lab, line: &str, path: &str, attempts: i64) {
    let bus = lab.work_until(vec![routed(path, &lab.partner)], line);
    let topic = topic(path, |_| {});
    let id = lab.order(topic, json!({})).await;
    bus.crashed().await;
    let drawn = journal(lab, id).await;

    let successor = lab.work(vec![routed(path, &lab.partner)]);
    let row = lab.row_in(id, "completed").await;
    assert_eq!(row["attempt"], attempts, "{line}");
    let names: Vec<String> = lab
        .partner
        .ledger(&id.to_string())
        .into_iter()
        .map(|done| done.name)
        .collect();
    assert_eq!(names, ["left", "right"], "{line}: {row}");
    for (name, answer) in &drawn {
        let at = ["first", "left", "second", "right", "third"]
            .iter()
            .position(|n| n == name);
        assert_eq!(
            row["result"][at.unwrap()],
            *answer,
            "{line}: {name} was done again"
        );
    }
    let subject = format!("events.{}.completed", path.replace('/', "."));
    eventually(&format!("{line}: its completion is told"), || async {
        lab.messages("EVENTS", &subject).await == 1
    })
    .await;
    eventually(&format!("{line}: its message is acknowledged"), || async {
        lab.messages("QUEUE_WALLET", &topic.subject()).await == 0
    })
    .await;
    successor.stopped().await;
    assert_eq!(
        lab.messages("EVENTS", &subject).await,
        1,
        "{line}: told once"
    );
}

/// What the journal says was done.
async fn journal(lab: &Lab, id: Uuid) -> Vec<(String, Value)> {
    sqlx::query_as("select name, answer from journal where operation = $1 and state = 'done'")
        .bind(id)
        .fetch_all(&lab.fleet.db)
        .await
        .unwrap()
}
