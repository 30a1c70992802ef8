//! The one answer rule: done in time, not yet, refused, and the same again.

use super::{assert_refused, deposit, movements, request, send};
use crate::harness::{Fleet, Investor, Reply, eventually_some, quick};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tranche::config::Config;

/// How an operation stands, once it is final.
async fn ended(fleet: &Fleet, operation: uuid::Uuid) -> Value {
    let path = format!("/operations/{operation}");
    eventually_some("the operation has ended", || async {
        let seen = fleet.get_as(&path, "operator").await.body;
        let status = seen["status"].as_str().unwrap_or_default();
        ["completed", "refused", "dead"]
            .contains(&status)
            .then_some(seen)
    })
    .await
}

/// Checks a 202 without an outcome: the operation, and where it is found.
#[track_caller]
fn assert_open(reply: &Reply) {
    let operation = reply.operation().to_string();
    assert_eq!(reply.status, 202, "{}", reply.body);
    assert_eq!(
        reply.headers["location"],
        format!("/operations/{operation}")
    );
    assert_eq!(reply.body["operation"], operation);
    assert_eq!(reply.body["status"], "accepted");
    assert!(reply.body["request_id"].is_string() && reply.body["message_id"].is_string());
}

#[tokio::test]
async fn what_is_done_in_time_is_answered_with_its_result() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let path = format!("/wallet/auth/linkaccount/{}", nora.profile);
    let delete = request(&fleet, &nora, Method::DELETE, &path);
    let deleted = send(delete.json(&json!({ "funding_source_id": nora.bank }))).await;
    let operation = deleted.operation();
    let expected = json!({ "funding_source_id": nora.bank, "status": "removed" });
    assert_eq!(deleted.expect(200), expected);
    let seen = ended(&fleet, operation).await;
    assert_eq!(
        (&seen["status"], &seen["result"]),
        (&json!("completed"), &expected)
    );
    fleet.finish().await;
}

#[tokio::test]
async fn who_prefers_not_to_wait_is_answered_at_once_and_the_work_is_done() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let asked = request(&fleet, &nora, Method::POST, &movements(&nora));
    let asked = asked
        .header("prefer", "respond-async")
        .header("x-request-id", "r-1");
    let asked = send(asked.json(&deposit(&nora, "25.00"))).await;
    assert_open(&asked);
    assert_eq!(
        (&asked.body["request_id"], &asked.headers["x-request-id"]),
        (&json!("r-1"), &"r-1".parse().unwrap())
    );
    let seen = ended(&fleet, asked.operation()).await;
    assert_eq!(
        (&seen["status"], seen["result"]["amount"].as_f64()),
        (&json!("completed"), Some(25.0))
    );
    assert_eq!(fleet.effects("transfer.created"), 1);
    fleet.finish().await;
}

#[tokio::test]
async fn an_early_answer_is_a_row_that_the_next_request_reads() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    for amount in ["11.00", "12.00", "13.00"] {
        let asked = nora.move_money(&fleet, "deposit", amount).await;
        let location = format!("/operations/{}", asked.operation());
        assert_eq!(asked.headers["location"], location);
        let row = asked.expect(202);
        assert_eq!(
            (&row["status"], &row["type"]),
            (&json!("pending"), &json!("deposit"))
        );
        assert_eq!(
            (&row["source_wallet_id"], &row["dest_wallet_id"]),
            (&json!(0), &json!(nora.wallet))
        );
        let newest = nora.transactions(&fleet).await.remove(0);
        assert_eq!(
            (&newest["id"], newest["amount"].as_f64()),
            (&row["id"], row["amount"].as_f64())
        );
    }
    fleet.finish().await;
}

#[tokio::test]
async fn what_our_rules_refuse_is_answered_with_their_status_and_fields() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let too_much = nora.move_money(&fleet, "withdrawal", "5.00").await;
    let fields = json!({ "amount": ["less than or equal to 0.00"] });
    let text = "the amount is above what is available";
    assert_refused("withdrawal", &too_much, 400, text, &fields);
    let seen = ended(&fleet, too_much.operation()).await;
    assert_eq!(
        (&seen["status"], &seen["problem"]["code"]),
        (&json!("refused"), &json!("insufficient_funds"))
    );

    let above = nora.move_money(&fleet, "deposit", "10000.01").await;
    let fields = json!({ "amount": ["less than or equal to 10000.00"] });
    let text = "the amount is above the limit of one transfer";
    assert_refused("limit", &above, 400, text, &fields);

    let otto = Investor::with_wallet(&fleet, "retry", "error_retry").await;
    let text = "the wallet is not verified: it can not move money yet";
    let unverified = otto.ask(&fleet, deposit(&nora, "5.00"), None).await;
    assert_refused("unverified", &unverified, 412, text, &json!({}));
    assert_eq!(fleet.effects("transfer.created"), 0);
    assert!(nora.transactions(&fleet).await.is_empty());
    fleet.finish().await;
}

#[tokio::test]
async fn one_key_is_one_transfer_however_often_and_however_fast_it_comes() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let ask = |key| nora.ask(&fleet, deposit(&nora, "30.00"), Some(key));

    let first = ask("once").await;
    for again in [ask("once").await, ask("once").await] {
        assert_eq!(again.operation(), first.operation());
        assert!(again.status.is_success(), "{}", again.status);
        assert_eq!(again.body["id"], first.body["id"]);
    }
    let together = futures::future::join_all((0..8).map(|_| ask("together"))).await;
    for one in &together {
        assert_eq!(one.operation(), together[0].operation());
        assert!(one.status.is_success(), "{}", one.status);
        assert_eq!(one.body["id"], together[0].body["id"], "{}", one.body);
    }
    let mut in_body = deposit(&nora, "30.00");
    in_body["idempotency_key"] = json!("once");
    let again = nora.ask(&fleet, in_body, None).await;
    assert_eq!(
        again.operation(),
        first.operation(),
        "the key in the body is the same key"
    );

    assert_eq!(nora.transactions(&fleet).await.len(), 2);
    ended(&fleet, first.operation()).await;
    ended(&fleet, together[0].operation()).await;
    assert_eq!(fleet.effects("transfer.created"), 2);
    let done = ask("once").await;
    assert_eq!(
        (done.operation(), &done.body["id"]),
        (first.operation(), &first.body["id"])
    );
    fleet.finish().await;
}

#[tokio::test]
async fn a_key_of_another_request_is_a_conflict_and_of_another_person_another_operation() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let otto = Investor::with_bank(&fleet, "Savings").await;
    let first = nora.ask(&fleet, deposit(&nora, "30.00"), Some("k")).await;
    let before = ended(&fleet, first.operation()).await;

    let other = nora.ask(&fleet, deposit(&nora, "31.00"), Some("k")).await;
    let text = "The idempotency key was used for another request: repeat that request, or choose \
                a new key.";
    assert_refused("another amount", &other, 409, text, &json!({}));
    assert_eq!(other.operation(), first.operation());
    assert_eq!(ended(&fleet, first.operation()).await, before);
    assert_eq!(nora.transactions(&fleet).await.len(), 1);

    let ottos = otto.ask(&fleet, deposit(&otto, "31.00"), Some("k")).await;
    assert_ne!(ottos.operation(), first.operation());
    ottos.expect(202);
    let repeated = nora.ask(&fleet, deposit(&nora, "30.00"), Some("k")).await;
    assert_eq!(repeated.body["id"], first.body["id"]);
    super::finish_with_transfers(fleet, 2).await;
}

/// Ownerships stay known without workers, and nobody may wait longer than half a second.
fn patient(config: &mut Config) {
    quick(config);
    config.ingress.access_cache_ms = 60_000;
    config.ingress.max_wait_ms = 500;
}

#[tokio::test]
async fn without_workers_a_command_is_accepted_and_done_once_they_are_back() {
    let mut fleet = Fleet::with(patient).await;
    fleet.work();
    fleet.answering().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    nora.transactions(&fleet).await;
    super::Given::when_calm(&fleet).await;
    fleet.rest().await;

    let asked = |prefer: &'static str| {
        let asked =
            request(&fleet, &nora, Method::POST, &movements(&nora)).header("prefer", prefer);
        send(asked.json(&deposit(&nora, "5.00")))
    };
    let started = Instant::now();
    let own_time = asked("return=minimal").await;
    assert_open(&own_time);
    assert!(
        started.elapsed() >= Duration::from_secs(3),
        "the topic's reply_within"
    );
    let started = Instant::now();
    let capped = asked("wait=20").await;
    assert_open(&capped);
    let took = started.elapsed();
    assert!(
        (500..3_000).contains(&took.as_millis()),
        "the cap on waiting: {took:?}"
    );
    let unread = send(request(&fleet, &nora, Method::GET, &movements(&nora))).await;
    assert_eq!(
        unread.status, 503,
        "a question has nobody to answer it: {}",
        unread.body
    );
    assert!(unread.headers.contains_key("retry-after"));

    fleet.work();
    for operation in [own_time.operation(), capped.operation()] {
        assert_eq!(ended(&fleet, operation).await["status"], "completed");
    }
    assert_eq!(fleet.effects("transfer.created"), 2);
    fleet.finish().await;
}
