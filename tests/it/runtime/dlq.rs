//! Dead letters: list, replay, discard, mark, in code and at the command line.

use super::lab::{Lab, route, topic};
use super::partner::{Charge, Mood};
use crate::harness::{Fleet, eventually, operator_tool};
use serde_json::{Value, json};
use std::time::Duration;
use subjects::spec::Topic;
use tranche::bus::ctx::Ctx;
use tranche::bus::route::Route;
use tranche::ops::dlq::{self, ActError};
use tranche::store::change::Change;
use tranche::store::dead_letters::{Act, Filter};
use uuid::Uuid;

fn act(letter: Uuid) -> Act<'static> {
    Act {
        letter,
        actor: "nora",
        reason: "the test says so",
    }
}

/// Sends a dead letter back, as an operator does.
pub(super) async fn replay(fleet: &Fleet, letter: Uuid) -> Result<(), ActError> {
    let (engine, _) = workers::fleet::engine(fleet.config(), "operator")
        .await
        .unwrap();
    dlq::replay(&engine, &act(letter)).await
}

/// A handler of one effect that fails as the partner does.
fn charging(lab: &Lab, topic: &'static Topic) -> Route {
    let partner = lab.partner.clone();
    route(topic, move |ctx: Ctx, _: Value| {
        let charge = Charge::new(&partner, "left");
        async move {
            let charged = ctx.effect("left", &charge).await?;
            ctx.finish(Change::nothing(&charged)).await.map(Into::into)
        }
    })
}

fn impatient() -> &'static Topic {
    topic("wallet/wallet_sync", |topic| {
        topic.patience = Duration::from_millis(300);
    })
}

/// An operation that stands in the dead letters as ambiguous; it happened if the mood says so.
async fn ambiguous(lab: &Lab, mood: Mood) -> (Uuid, Uuid) {
    lab.partner.expect("left", mood);
    lab.partner.looks_fail(true);
    let id = lab.order(impatient(), json!({})).await;
    lab.row_in(id, "dead").await;
    (
        id,
        lab.fleet
            .scalar("select id from dead_letters where state = 'open'")
            .await,
    )
}

#[tokio::test]
async fn a_replay_keeps_the_operation_and_its_keys_and_leaves_an_audit_row() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let partner = lab.partner.clone();
    let bus = lab.work(vec![route(topic, move |ctx: Ctx, body: Value| {
        let charge = Charge::new(&partner, "left");
        async move {
            ctx.effect("left", &charge).await?;
            // A rule that is mended before the replay.
            let mended = std::env::temp_dir().join(body["mended"].as_str().unwrap());
            if !mended.exists() {
                let no = subjects::envelope::Problem::new(422, "not_mended", "not yet");
                return Err(tranche::bus::fault::Fault::Reject(no));
            }
            ctx.finish(Change::nothing(&json!({})))
                .await
                .map(Into::into)
        }
    })]);
    let mended = format!("tranche-mended-{}", Uuid::new_v4());
    let id = lab.order(topic, json!({ "mended": mended })).await;
    lab.row_in(id, "dead").await;
    let key: Uuid = lab.fleet.scalar("select key from journal").await;
    let letter: Uuid = lab.fleet.scalar("select id from dead_letters").await;
    let mended = std::env::temp_dir().join(mended);
    std::fs::write(&mended, "").unwrap();
    replay(&lab.fleet, letter).await.unwrap();
    let row = lab.row_in(id, "completed").await;
    assert_eq!(row["attempt"], 1, "attempts count anew");
    let ledger = lab.partner.ledger(&id.to_string());
    assert_eq!(ledger.len(), 1, "what was done stays done");
    assert_eq!(ledger[0].key, key.to_string());
    let audit: Value = lab.fleet.scalar("select to_jsonb(a) from audit a").await;
    assert_eq!(audit["actor"], "nora");
    assert_eq!(audit["action"], "replay");
    assert_eq!(audit["reason"], "the test says so");
    assert_eq!(audit["operation"], id.to_string());
    let again = replay(&lab.fleet, letter).await.unwrap_err();
    assert!(again.to_string().contains("replayed already"), "{again}");
    std::fs::remove_file(mended).unwrap();
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn an_ambiguous_letter_is_replayed_only_after_someone_found_out() {
    let lab = Lab::open().await;
    let bus = lab.work(vec![charging(&lab, impatient())]);
    let (id, letter) = ambiguous(&lab, Mood::FailAfter).await;
    let refused = replay(&lab.fleet, letter).await.unwrap_err();
    assert!(refused.to_string().contains("in doubt"), "{refused}");

    let (engine, _) = workers::fleet::engine(lab.fleet.config(), "operator")
        .await
        .unwrap();
    let answer = json!({ "charged": "seen at the partner" });
    dlq::mark(&engine, &act(letter), "left", Some(&answer))
        .await
        .unwrap();
    dlq::replay(&engine, &act(letter)).await.unwrap();
    let row = lab.row_in(id, "completed").await;
    assert_eq!(row["result"], answer);
    assert_eq!(
        lab.partner.calls(),
        1,
        "what was marked as done is not done again"
    );
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn an_effect_marked_as_not_done_is_done_by_the_replay() {
    let lab = Lab::open().await;
    let bus = lab.work(vec![charging(&lab, impatient())]);
    let (id, letter) = ambiguous(&lab, Mood::FailBefore).await;
    let (engine, _) = workers::fleet::engine(lab.fleet.config(), "operator")
        .await
        .unwrap();
    let unknown = dlq::mark(&engine, &act(letter), "right", None)
        .await
        .unwrap_err();
    assert!(
        unknown.to_string().contains("no effect of that name"),
        "{unknown}"
    );
    dlq::mark(&engine, &act(letter), "left", None)
        .await
        .unwrap();
    dlq::replay(&engine, &act(letter)).await.unwrap();
    lab.row_in(id, "completed").await;
    assert_eq!(lab.partner.ledger(&id.to_string()).len(), 1);
    let audited: i64 = lab.fleet.scalar("select count(*) from audit").await;
    assert_eq!(audited, 2);
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn a_discarded_letter_ends_its_operation_for_good() {
    let lab = Lab::open().await;
    let bus = lab.work(vec![charging(&lab, impatient())]);
    let (id, letter) = ambiguous(&lab, Mood::FailAfter).await;
    let (engine, _) = workers::fleet::engine(lab.fleet.config(), "operator")
        .await
        .unwrap();
    dlq::discard(&engine, &act(letter)).await.unwrap();
    assert_eq!(lab.row(id).await["state"], "discarded");
    let refused = dlq::replay(&engine, &act(letter)).await.unwrap_err();
    assert!(
        refused.to_string().contains("discarded already"),
        "{refused}"
    );
    assert!(
        dlq::list(
            &engine,
            &Filter {
                limit: 9,
                ..Filter::default()
            }
        )
        .await
        .unwrap()
        .is_empty()
    );
    bus.stopped().await;
    lab.fleet.finish().await;
}

#[tokio::test]
async fn letters_are_listed_by_topic_class_and_state_newest_first() {
    let lab = Lab::open().await;
    let (sync, detail) = (
        topic("wallet/wallet_sync", |_| {}),
        topic("kyc/approved", |_| {}),
    );
    let bus = lab.work(vec![charging(&lab, sync), charging(&lab, detail)]);
    for topic in [sync, detail, sync] {
        lab.partner.expect("left", Mood::Refuse);
        let id = lab.order(topic, json!({})).await;
        lab.row_in(id, "dead").await;
    }
    let (engine, _) = workers::fleet::engine(lab.fleet.config(), "operator")
        .await
        .unwrap();
    let list = async |topic: Option<&str>, class: Option<&str>, limit| {
        let (topic, class) = (topic.map(str::to_owned), class.map(str::to_owned));
        let filter = Filter {
            topic,
            class,
            state: None,
            limit,
        };
        let letters = dlq::list(&engine, &filter).await.unwrap();
        letters
            .into_iter()
            .map(|letter| letter.topic)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        list(None, None, 9).await,
        ["wallet_sync", "approved", "wallet_sync"]
    );
    assert_eq!(list(None, None, 1).await, ["wallet_sync"]);
    assert_eq!(
        list(Some("wallet/*"), None, 9).await,
        ["wallet_sync", "wallet_sync"]
    );
    assert_eq!(
        list(Some("kyc/approved"), Some("rejected"), 9).await,
        ["approved"]
    );
    assert!(list(None, Some("bug"), 9).await.is_empty());
    bus.stopped().await;
    lab.fleet.finish_with(&["rejected"; 3]).await;
}

#[tokio::test]
async fn the_command_line_lists_shows_and_replays() {
    let lab = Lab::open().await;
    let topic = topic("wallet/wallet_sync", |_| {});
    let bus = lab.work(vec![charging(&lab, topic)]);
    assert_eq!(
        operator_tool(&lab.fleet, &["dlq", "list"]).await,
        (0, "no dead letters\n".into())
    );
    lab.partner.expect("left", Mood::Refuse);
    let id = lab.order(topic, json!({})).await;
    lab.row_in(id, "dead").await;
    let letter: Uuid = lab.fleet.scalar("select id from dead_letters").await;

    let (code, listed) = operator_tool(&lab.fleet, &["dlq", "list"]).await;
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!((code, lines.len()), (0, 2), "{listed}");
    let titles: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(titles, ["ID", "SINCE", "(UTC)", "TOPIC", "CLASS", "REASON"]);
    assert!(lines[1].starts_with(&letter.to_string()), "{listed}");
    assert!(lines[1].contains("wallet/wallet_sync"), "{listed}");
    assert!(lines[1].contains("rejected"), "{listed}");

    let (_, one) = operator_tool(&lab.fleet, &["dlq", "list", "--json"]).await;
    let one: Value = serde_json::from_str(&one).unwrap();
    assert_eq!(one["operation"], id.to_string());
    let (code, shown) = operator_tool(&lab.fleet, &["dlq", "show", &letter.to_string()]).await;
    assert!(code == 0 && shown.contains("refused"), "{shown}");

    let words = [
        "dlq",
        "replay",
        &letter.to_string(),
        "--reason",
        "the partner is well again",
    ];
    let (code, said) = operator_tool(&lab.fleet, &words).await;
    assert_eq!((code, said), (0, format!("{letter} is sent back\n")));
    lab.row_in(id, "completed").await;
    let (code, _) = operator_tool(&lab.fleet, &words).await;
    assert_eq!(code, 1, "a letter is replayed once");
    eventually("its message is gone", || async {
        lab.fleet.queued().await == 0
    })
    .await;
    bus.stopped().await;
    lab.fleet.finish().await;
}
