//! How often an operation asks the database, counted in the database's own log.

use crate::harness::{Fleet, Investor, eventually, quick};
use serde_json::json;
use std::fs;
use uuid::Uuid;

/// How statements begin that are not part of an operation's way: signs of life, the relay, the notes
/// of what was sent (shared by many, and nobody waits for them), and reads for HTTP.
const ASIDE: [&str; 7] = [
    "-- Extends the leases",
    "-- Takes the timers",
    "-- What a crash left unsent",
    "-- Operations whose worker",
    "update outbox set sent_at",
    "select id, caller, service, topic, state",
    "select count(*)",
];

/// The first lines of the statements that the server has executed so far.
fn executed(fleet: &Fleet) -> Vec<String> {
    let log = fs::read_to_string(fleet.stack.postgres.log_path()).unwrap();
    log.lines()
        .filter_map(|line| line.split_once("LOG:  execute "))
        .filter_map(|(_, statement)| statement.split_once(": "))
        .map(|(_, statement)| statement.to_owned())
        .filter(|statement| !ASIDE.iter().any(|aside| statement.starts_with(aside)))
        .collect()
}

/// Waits until no operation is under way any more, those of webhooks included.
async fn quiet(fleet: &Fleet) {
    eventually("no operation is under way", || async {
        let open = "select count(*) from operations where state in ('running', 'waiting')";
        fleet.queued().await == 0 && fleet.scalar::<i64>(open).await == 0
    })
    .await;
}

/// The statements of `act`, which was done before to warm up.
async fn statements(fleet: &Fleet, act: impl AsyncFn()) -> Vec<String> {
    act().await;
    quiet(fleet).await;
    let before = executed(fleet).len();
    act().await;
    quiet(fleet).await;
    executed(fleet).split_off(before)
}

#[tokio::test]
async fn a_topic_without_effects_asks_twice_and_each_effect_twice_more() {
    let mut fleet = Fleet::with_logged_statements(quick).await;
    fleet.work();
    fleet.answering().await;
    let mut events = fleet.nats.subscribe("events.*.*.completed").await.unwrap();
    let upsert = async || {
        let id = i64::from(Uuid::new_v4().as_fields().0);
        let user = json!({ "id": id, "version": 1, "identity_id": Uuid::new_v4(),
                           "email": format!("{id}@mail.test"), "first_name": "Nora",
                           "last_name": "Example" });
        fleet
            .command("directory/user_upsert", user)
            .await
            .expect(200);
    };
    let made = statements(&fleet, upsert).await;
    assert_eq!(made.len(), 2, "open and finish: {made:#?}");

    let nora = Investor::with_bank(&fleet, "Checking").await;
    fleet.sandbox().settle_webhooks().await.unwrap();
    quiet(&fleet).await;
    fleet.sandbox().set_webhooks(sandbox::Weather {
        hold: true,
        ..sandbox::Weather::default()
    });
    let events = tokio::sync::Mutex::new(&mut events);
    let deposit = async || {
        use futures::StreamExt as _;
        let deposit = json!({ "type": "deposit", "amount": "1.00", "wallet_id": nora.wallet,
                              "funding_source_id": nora.bank });
        fleet
            .command("wallet/transaction_create", deposit)
            .await
            .expect(202);
        let mut events = events.lock().await;
        while let Some(event) = events.next().await {
            if event.subject.as_str() == "events.wallet.transaction_create.completed" {
                return;
            }
        }
    };
    let made = statements(&fleet, deposit).await;
    assert_eq!(
        made.len(),
        5,
        "open, reserve, intend, settle, finish: {made:#?}"
    );
    fleet.sandbox().set_webhooks(sandbox::Weather::default());
    fleet.sandbox().flush_webhooks(false).await;
    fleet.finish().await;
}
