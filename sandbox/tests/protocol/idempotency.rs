//! Idempotency keys.

use std::time::Duration;

use reqwest::StatusCode;
use sandbox::{DwollaSwitches, Fault, When};
use serde_json::Value;

use super::rig::{Rig, correlated};

#[tokio::test]
async fn a_transfer_is_created_once_when_the_key_is_repeated() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    let body = correlated(&wallet.bank, &wallet.balance, "10.00", "txn-1");
    let first = rig.post("/transfers", "key-1", &body).await;
    let second = rig.post("/transfers", "key-1", &body).await;
    assert_eq!(
        (first.status(), second.status()),
        (StatusCode::CREATED, StatusCode::CREATED)
    );
    assert_eq!(first.headers()["location"], second.headers()["location"]);
    let effects = rig.effects("transfer.created");
    assert_eq!(effects.len(), 1);
    assert_eq!(effects[0].idempotency_key.as_deref(), Some("key-1"));
    assert_eq!(effects[0].correlation_id.as_deref(), Some("txn-1"));
}

#[tokio::test]
async fn another_body_under_the_same_key_conflicts_unless_the_hostile_mode_is_on() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    let ten = correlated(&wallet.bank, &wallet.balance, "10.00", "txn-1");
    let nine = correlated(&wallet.bank, &wallet.balance, "9.00", "txn-1");
    rig.post("/transfers", "key-1", &ten).await;
    let response = rig.post("/transfers", "key-1", &nine).await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    assert_eq!(response.json::<Value>().await.unwrap()["code"], "Conflict");
    rig.control.set_dwolla(DwollaSwitches {
        other_body_is_new: true,
        ..rig.control.dwolla()
    });
    assert_eq!(
        rig.post("/transfers", "key-1", &nine).await.status(),
        StatusCode::CREATED
    );
    assert_eq!(rig.effects("transfer.created").len(), 2);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day_and_the_same_request_pays_again() {
    let mut rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    let body = correlated(&wallet.bank, &wallet.balance, "10.00", "txn-1");
    rig.post("/transfers", "key-1", &body).await;
    rig.control.advance(Duration::from_hours(24));
    rig.token = rig.new_token().await;
    assert_eq!(
        rig.post("/transfers", "key-1", &body).await.status(),
        StatusCode::CREATED
    );
    assert_eq!(rig.effects("transfer.created").len(), 2);
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    let mut body = correlated(&wallet.balance, &wallet.bank, "10.00", "txn-1");
    assert_eq!(
        rig.post("/transfers", "key-1", &body).await.status(),
        StatusCode::BAD_REQUEST
    );
    body["_links"]["source"]["href"] = wallet.bank.as_str().into();
    body["_links"]["destination"]["href"] = wallet.balance.as_str().into();
    assert_eq!(
        rig.post("/transfers", "key-1", &body).await.status(),
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn a_second_request_meets_409_while_the_first_is_in_flight() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    let body = correlated(&wallet.bank, &wallet.balance, "10.00", "txn-1");
    let hold = rig.arm("/transfers", Fault::Hold { when: When::Before });
    let first = tokio::spawn(rig.request("/transfers", "key-1", &body).send());
    rig.control.await_fired(hold, 1).await.unwrap();
    assert_eq!(
        rig.post("/transfers", "key-1", &body).await.status(),
        StatusCode::CONFLICT
    );
    rig.control.release(hold).unwrap();
    assert_eq!(first.await.unwrap().unwrap().status(), StatusCode::CREATED);
    assert_eq!(
        rig.post("/transfers", "key-1", &body).await.status(),
        StatusCode::CREATED
    );
    assert_eq!(rig.effects("transfer.created").len(), 1);
}

#[tokio::test]
async fn a_key_locked_by_a_500_answers_409_for_a_day_and_then_the_transfer_that_was_made() {
    let mut rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    rig.control.set_dwolla(DwollaSwitches {
        lock_key_after_500: true,
        ..rig.control.dwolla()
    });
    let body = correlated(&wallet.bank, &wallet.balance, "10.00", "txn-1");
    let error = Fault::Status {
        status: 500,
        when: When::After,
        retry_after: None,
    };
    rig.arm("/transfers", error.clone());
    assert_eq!(
        rig.post("/transfers", "key-1", &body).await.status(),
        StatusCode::INTERNAL_SERVER_ERROR
    );
    assert_eq!(
        rig.post("/transfers", "key-1", &body).await.status(),
        StatusCode::CONFLICT
    );
    rig.control.advance(Duration::from_hours(24));
    rig.token = rig.new_token().await;
    let response = rig.post("/transfers", "key-1", &body).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let effects = rig.effects("transfer.created");
    assert_eq!(effects.len(), 1);
    let made = serde_json::to_value(&effects[0].id).unwrap();
    assert!(
        response.headers()["location"]
            .to_str()
            .unwrap()
            .ends_with(made.as_str().unwrap())
    );
}

#[tokio::test]
async fn a_key_locked_by_a_500_before_the_effect_is_free_after_a_day() {
    let mut rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    rig.control.set_dwolla(DwollaSwitches {
        lock_key_after_500: true,
        ..rig.control.dwolla()
    });
    let body = correlated(&wallet.bank, &wallet.balance, "10.00", "txn-1");
    rig.arm(
        "/transfers",
        Fault::Status {
            status: 500,
            when: When::Before,
            retry_after: None,
        },
    );
    rig.post("/transfers", "key-1", &body).await;
    assert_eq!(
        rig.post("/transfers", "key-1", &body).await.status(),
        StatusCode::CONFLICT
    );
    assert_eq!(
        rig.post("/transfers", "key-2", &body).await.status(),
        StatusCode::CREATED
    );
    rig.control.advance(Duration::from_hours(24));
    rig.token = rig.new_token().await;
    assert_eq!(
        rig.post("/transfers", "key-1", &body).await.status(),
        StatusCode::CREATED
    );
    assert_eq!(rig.effects("transfer.created").len(), 2);
}

#[tokio::test]
async fn many_requests_at_once_under_one_key_make_one_transfer() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    let body = correlated(&wallet.bank, &wallet.balance, "10.00", "txn-1");
    let requests: Vec<_> = (0..32)
        .map(|_| tokio::spawn(rig.request("/transfers", "key-1", &body).send()))
        .collect();
    let mut created = 0;
    for request in requests {
        let status = request.await.unwrap().unwrap().status();
        assert!(
            matches!(status, StatusCode::CREATED | StatusCode::CONFLICT),
            "{status}"
        );
        created += usize::from(status == StatusCode::CREATED);
    }
    assert!(created >= 1);
    assert_eq!(rig.effects("transfer.created").len(), 1);
}
