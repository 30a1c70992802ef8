//! Events of Dwolla: whatever order, number and time they come in, the rows end the same.

use super::rows::{
    assert_purse, customer, event, hold_webhooks, let_webhooks_go, postings, row, signed_event,
    source,
};
use crate::harness::{
    Fleet, Investor, Reply, dwolla_token, eventually, eventually_some, settle_banks,
    settle_banks_when_started,
};
use sandbox::{Fault, FaultSpec, Partner, Weather, When};
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;
use workers::dev::stack::WEBHOOK_SECRET;

/// The story that every weather must end in the same rows: one deposit paid, one withdrawal paid,
/// one deposit that the bank returns.
async fn three_movements(fleet: &Fleet, nora: &mut Investor) {
    nora.bank = nora.link_bank(fleet, "Checking").await;
    nora.deposit(fleet, "100.00").await;
    let paid = nora
        .move_money(fleet, "withdrawal", "40.00")
        .await
        .expect(202);
    let checking = nora.bank;
    nora.bank = nora.link_bank(fleet, "R01").await;
    let returned = nora.move_money(fleet, "deposit", "7.00").await.expect(202);
    nora.bank = checking;
    settle_banks_when_started(fleet, &paid["id"]).await;
    settle_banks_when_started(fleet, &returned["id"]).await;
    nora.transaction_in(fleet, &paid["id"], "processed").await;
    nora.transaction_in(fleet, &returned["id"], "failed").await;
    assert_eq!(
        postings(fleet, &paid["id"]).await,
        [">created -40.00 0.00 0.00"]
    );
    assert_eq!(postings(fleet, &returned["id"]).await.len(), 2);
    assert_eq!(nora.transactions(fleet).await.len(), 3);
}

#[tokio::test]
async fn events_that_come_three_times_and_in_any_order_end_in_the_same_rows() {
    let fleet = Fleet::start().await;
    let weather = Weather {
        duplicate: 2,
        shuffle: true,
        seed: 7,
        ..Weather::default()
    };
    fleet.sandbox().set_webhooks(weather);
    let mut nora = Investor::with_wallet(&fleet, "Nora", "verified").await;
    three_movements(&fleet, &mut nora).await;
    fleet.sandbox().settle_webhooks().await.unwrap();
    assert_purse(&fleet, &nora, ["60", "0", "0"]).await;
    assert_eq!(fleet.effects("transfer.created"), 3);
    fleet.finish().await;
}

#[tokio::test]
async fn events_that_are_held_and_come_in_reverse_end_in_the_same_rows() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    hold_webhooks(&fleet);
    let asked = nora
        .move_money(&fleet, "deposit", "20.00")
        .await
        .expect(202);
    settle_banks_when_started(&fleet, &asked["id"]).await;
    nora.transaction_in(&fleet, &asked["id"], "pending").await;
    assert_purse(&fleet, &nora, ["0", "20", "0"]).await;
    // `processed` comes before `created`.
    assert_eq!(fleet.sandbox().flush_webhooks(true).await, 2);
    nora.transaction_in(&fleet, &asked["id"], "processed").await;
    assert_purse(&fleet, &nora, ["20", "0", "0"]).await;
    let posted = postings(&fleet, &asked["id"]).await;
    assert_eq!(
        posted,
        [
            ">created 0.00 20.00 0.00",
            "pending>processed 20.00 -20.00 0.00"
        ]
    );
    fleet.finish().await;
}

#[tokio::test]
async fn events_that_overtake_our_own_commit_are_believed_by_our_reference() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let hold = Fault::Hold { when: When::After };
    let gate = fleet.sandbox().arm(FaultSpec::once(
        Partner::Dwolla,
        "POST",
        "/transfers$",
        hold,
    ));
    let asked = nora
        .move_money(&fleet, "deposit", "30.00")
        .await
        .expect(202);
    fleet.sandbox().await_fired(gate, 1).await.unwrap();
    settle_banks(&fleet).await;
    // The answer to our POST is still on its way, and the money is there already.
    nora.transaction_in(&fleet, &asked["id"], "processed").await;
    assert_purse(&fleet, &nora, ["30", "0", "0"]).await;
    fleet.sandbox().release(gate).unwrap();
    eventually("the operation has ended", || async {
        fleet
            .scalar::<i64>(
                "select count(*) from operations
                 where topic = 'transaction_create' and state = 'completed'",
            )
            .await
            == 1
    })
    .await;
    assert_eq!(row(&fleet, &asked["id"]).await.0, "processed");
    let posted = postings(&fleet, &asked["id"]).await;
    // Whether the event of the creation was first, too, is chance.
    assert_eq!(posted.len(), 2, "{posted:?}");
    assert!(
        posted[1].ends_with(">processed 30.00 -30.00 0.00"),
        "{posted:?}"
    );
    assert_eq!(fleet.effects("transfer.created"), 1);
    fleet.finish().await;
}

#[tokio::test]
async fn every_address_of_the_contract_takes_a_signed_event_and_no_other() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    nora.deposit(&fleet, "10.00").await;
    let deposit = nora.transactions(&fleet).await.remove(0);
    let transfer = deposit["entity_id"].as_str().unwrap();
    let topic = subjects::registry::topic("wallet", "dwolla").unwrap();
    let mut paths: Vec<String> = topic.http.iter().map(|http| http.path.to_owned()).collect();
    paths.push("/queue/wallet/dwolla".to_owned());
    paths.push("/wallet/webhook/transaction/process?amount=1&funding_source_id=2".to_owned());
    assert_eq!(paths.len(), 9);
    let before = fleet
        .scalar::<i64>("select count(*) from operations where topic = 'dwolla'")
        .await;
    for (i, path) in paths.iter().enumerate() {
        let id = format!("event-{i}");
        let told = (id.as_str(), "customer_bank_transfer_created", transfer);
        let answer = signed_event(&fleet, path, WEBHOOK_SECRET, told).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
        signed_event(&fleet, path, "another-secret", told)
            .await
            .expect(401);
    }
    eventually("all are handled", || async {
        let all = "select count(*) from operations where topic = 'dwolla' and state = 'completed'";
        fleet.scalar::<i64>(all).await == before + 9
    })
    .await;
    assert_eq!(row(&fleet, &deposit["id"]).await.0, "processed");
    assert_purse(&fleet, &nora, ["10", "0", "0"]).await;
    fleet.finish().await;
}

#[tokio::test]
async fn an_event_without_a_rule_and_an_alarm_stand_in_the_dead_letters_and_change_nothing() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let asked = nora
        .move_money(&fleet, "deposit", "10.00")
        .await
        .expect(202);
    let transfer = eventually_some("the transfer is known", || async {
        Some(row(&fleet, &asked["id"]).await.2).filter(|id| !id.is_empty())
    })
    .await;
    let id = customer(&fleet, &nora).await;
    // The transfer is there, so nothing has failed, whatever the event's name says.
    event(&fleet, "customer_bank_transfer_creation_failed", &transfer).await;
    event(
        &fleet,
        "customer_bank_transfer_failed",
        &transfer.to_uppercase(),
    )
    .await;
    event(&fleet, "customer_mass_payment_created", &id).await;
    event(&fleet, "customer_teleported", &id).await;
    event(&fleet, "customer_funding_source_negative", &id).await;
    eventually("two letters stand", || async {
        fleet
            .scalar::<i64>("select count(*) from dead_letters")
            .await
            == 2
    })
    .await;
    assert_eq!(row(&fleet, &asked["id"]).await.0, "pending");
    assert_purse(&fleet, &nora, ["0", "10", "0"]).await;
    settle_banks(&fleet).await;
    nora.transaction_in(&fleet, &asked["id"], "processed").await;
    fleet.finish_with(&["rejected", "rejected"]).await;
}

#[tokio::test]
async fn a_second_transfer_under_our_reference_is_for_a_person_to_look_at() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let asked = nora.move_money(&fleet, "deposit", "10.00").await;
    let reference = format!("txn-{}", asked.operation());
    let asked = asked.expect(202);
    settle_banks_when_started(&fleet, &asked["id"]).await;
    nora.transaction_in(&fleet, &asked["id"], "processed").await;
    let balance: String = fleet.scalar("select dwolla_balance_id from wallets").await;
    let base = fleet.stack.sandbox.dwolla_url().clone();
    let link = |id: &str| json!({ "href": format!("{base}/funding-sources/{id}") });
    let bank = source(&fleet, nora.bank).await;
    let made = fleet
        .http
        .post(format!("{base}/transfers"))
        .bearer_auth(dwolla_token(&fleet).await)
        .header("accept", "application/vnd.dwolla.v1.hal+json")
        .json(
            &json!({ "_links": { "source": link(&bank), "destination": link(&balance) },
                       "amount": { "currency": "USD", "value": "10.00" },
                       "correlationId": reference }),
        )
        .send();
    Reply::of(made.await.unwrap()).await.expect(201);
    eventually("its event stands in the dead letters", || async {
        fleet
            .scalar::<i64>("select count(*) from dead_letters where code = 'transfer_differs'")
            .await
            == 1
    })
    .await;
    assert_purse(&fleet, &nora, ["10", "0", "0"]).await;
    fleet.finish_with(&["rejected"]).await;
}

#[tokio::test]
async fn a_wallet_follows_its_customer_and_reports_that_are_late_change_nothing() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_wallet(&fleet, "document", "error_document").await;
    let id = customer(&fleet, &nora).await;
    for (theirs, ours) in [
        ("kba", "error_pending"),
        ("verified", "verified"),
        ("suspended", "error_suspended"),
        ("verified", "verified"),
        ("deactivated", "error"),
        ("reactivated", "verified"),
    ] {
        fleet.sandbox().set_customer_status(&id, theirs).unwrap();
        nora.wallet_in(&fleet, ours).await;
    }
    for topic in [
        "customer_created",
        "customer_reverification_needed",
        "customer_suspended",
    ] {
        event(&fleet, topic, &id).await;
    }
    fleet.sandbox().settle_webhooks().await.unwrap();
    eventually("all are handled", || async {
        fleet
            .scalar::<i64>("select count(*) from operations where finished_at is null")
            .await
            == 0
    })
    .await;
    assert_eq!(nora.wallet(&fleet).await.expect(200)["status"], "verified");
    fleet.finish().await;
}

/// Uploads a document to Dwolla, as an investor with its support's link does.
async fn upload(fleet: &Fleet, customer: &str, file: &str) {
    let url = format!(
        "{}/customers/{customer}/documents",
        fleet.stack.sandbox.dwolla_url()
    );
    let part = |head: &str, body: &str| {
        format!("--x\r\ncontent-disposition: form-data; {head}\r\n\r\n{body}\r\n")
    };
    let kind = part("name=\"documentType\"", "passport");
    let image = part(&format!("name=\"file\"; filename=\"{file}\""), "image");
    let request = fleet.http.post(url).bearer_auth(dwolla_token(fleet).await);
    let request = request
        .header("accept", "application/vnd.dwolla.v1.hal+json")
        .header("content-type", "multipart/form-data; boundary=x");
    let sent = request
        .body(format!("{kind}{image}--x--\r\n"))
        .send()
        .await
        .unwrap();
    Reply::of(sent).await.expect(201);
}

#[tokio::test]
async fn a_wallet_whose_document_is_being_reviewed_waits_for_dwolla() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_wallet(&fleet, "document", "error_document").await;
    let id = customer(&fleet, &nora).await;
    upload(&fleet, &id, "test-document-upload-fail.png").await;
    upload(&fleet, &id, "passport.png").await;
    nora.wallet_in(&fleet, "error_pending").await;
    // An older event that comes late does not ask for what is there already.
    event(&fleet, "customer_verification_document_needed", &id).await;
    event(&fleet, "customer_verification_document_failed", &id).await;
    eventually("all are handled", || async {
        fleet
            .scalar::<i64>("select count(*) from operations where finished_at is null")
            .await
            == 0
    })
    .await;
    assert_eq!(
        nora.wallet(&fleet).await.expect(200)["status"],
        "error_pending"
    );
    fleet
        .sandbox()
        .set_customer_status(&id, "verified")
        .unwrap();
    nora.wallet_in(&fleet, "verified").await;
    fleet.finish().await;
}

#[tokio::test]
async fn a_late_return_that_is_told_three_times_is_booked_once() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "R01-late").await;
    nora.deposit(&fleet, "12.00").await;
    let weather = Weather {
        duplicate: 2,
        shuffle: true,
        seed: 3,
        ..Weather::default()
    };
    fleet.sandbox().set_webhooks(weather);
    settle_banks(&fleet).await;
    let deposit = nora.transactions(&fleet).await.pop().unwrap();
    nora.transaction_in(&fleet, &deposit["id"], "failed").await;
    let transfer = deposit["entity_id"].as_str().unwrap();
    event(&fleet, "customer_bank_transfer_failed", transfer).await;
    event(&fleet, "customer_bank_transfer_completed", transfer).await;
    fleet.sandbox().settle_webhooks().await.unwrap();
    eventually("all are handled", || async {
        fleet
            .scalar::<i64>("select count(*) from operations where finished_at is null")
            .await
            == 0
    })
    .await;
    assert_eq!(nora.transactions(&fleet).await.len(), 2);
    assert_purse(&fleet, &nora, ["0", "0", "0"]).await;
    let_webhooks_go(&fleet);
    fleet.finish().await;
}

#[tokio::test]
async fn an_event_about_something_unknown_waits_for_its_row() {
    let fleet = Fleet::start().await;
    let stranger = Uuid::new_v4().to_string();
    // Dwolla does not know it either: that is final.
    event(&fleet, "customer_bank_transfer_created", &stranger).await;
    eventually("it stands in the dead letters", || async {
        fleet
            .scalar::<i64>("select count(*) from dead_letters")
            .await
            == 1
    })
    .await;
    // A customer whose wallet is not committed yet: its events wait.
    let hold = Fault::Hold { when: When::After };
    let gate = fleet.sandbox().arm(FaultSpec::once(
        Partner::Dwolla,
        "POST",
        "/customers$",
        hold,
    ));
    let nora = Investor::with_wallet(&fleet, "Nora", "verified").await;
    fleet.sandbox().await_fired(gate, 1).await.unwrap();
    fleet.sandbox().release(gate).unwrap();
    assert_eq!(fleet.effects("customer.created"), 1);
    assert!(!customer(&fleet, &nora).await.is_empty());
    fleet.sandbox().advance(Duration::from_secs(1));
    fleet.finish_with(&["rejected"]).await;
}
