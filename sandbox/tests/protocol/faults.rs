//! Every kind of fault, on both sides of the effect.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use sandbox::{DwollaSwitches, Fault, FaultSpec, Partner, When};
use serde_json::{Value, json};

use super::rig::{Rig, Wallet, correlated};

fn deposit(wallet: &Wallet) -> Value {
    correlated(&wallet.bank, &wallet.balance, "10.00", "txn-1")
}

#[tokio::test]
async fn a_status_before_the_effect_leaves_nothing_behind() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    rig.arm(
        "/transfers",
        Fault::Status {
            status: 429,
            when: When::Before,
            retry_after: Some(7),
        },
    );
    let response = rig.post("/transfers", "key-1", &deposit(&wallet)).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(
        response.json::<Value>().await.unwrap()["code"],
        "TooManyRequests"
    );
    assert!(rig.effects("transfer.created").is_empty());
    let response = rig.post("/transfers", "key-1", &deposit(&wallet)).await;
    assert_eq!(response.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_500_after_the_effect_hides_a_transfer_that_the_same_key_finds_again() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    rig.arm(
        "/transfers",
        Fault::Status {
            status: 500,
            when: When::After,
            retry_after: None,
        },
    );
    let response = rig.post("/transfers", "key-1", &deposit(&wallet)).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        response.json::<Value>().await.unwrap()["code"],
        "ServerError"
    );
    assert_eq!(rig.effects("transfer.created").len(), 1);
    let again = rig.post("/transfers", "key-1", &deposit(&wallet)).await;
    assert_eq!(again.status(), StatusCode::CREATED);
    assert_eq!(rig.effects("transfer.created").len(), 1);
}

#[tokio::test]
async fn a_bad_gateway_answers_html() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    rig.arm(
        "/transfers",
        Fault::Status {
            status: 502,
            when: When::After,
            retry_after: None,
        },
    );
    let response = rig.post("/transfers", "key-1", &deposit(&wallet)).await;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(response.headers()["content-type"], "text/html");
    assert!(response.text().await.unwrap().starts_with("<html>"));
}

#[tokio::test]
async fn a_reset_after_the_effect_is_a_transport_error_and_the_ledger_has_the_transfer() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    rig.arm("/transfers", Fault::Reset { when: When::After });
    let error = rig
        .request("/transfers", "key-1", &deposit(&wallet))
        .send()
        .await
        .unwrap_err();
    assert!(
        error.is_request() && !error.is_timeout() && error.status().is_none(),
        "{error:?}"
    );
    assert_eq!(rig.effects("transfer.created").len(), 1);
    let again = rig.post("/transfers", "key-1", &deposit(&wallet)).await;
    assert_eq!(again.status(), StatusCode::CREATED);
    assert_eq!(rig.effects("transfer.created").len(), 1);
}

#[tokio::test]
async fn a_reset_before_the_effect_is_a_transport_error_and_nothing_happened() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    rig.arm("/transfers", Fault::Reset { when: When::Before });
    rig.request("/transfers", "key-1", &deposit(&wallet))
        .send()
        .await
        .unwrap_err();
    assert!(rig.effects("transfer.created").is_empty());
}

#[tokio::test]
async fn a_delay_longer_than_the_clients_patience_does_not_stop_the_partner() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    rig.arm(
        "/transfers",
        Fault::Delay {
            ms: 150,
            when: When::Before,
        },
    );
    let impatient = rig
        .request("/transfers", "key-1", &deposit(&wallet))
        .timeout(Duration::from_millis(30));
    assert!(impatient.send().await.unwrap_err().is_timeout());
    let query = sandbox::LedgerQuery {
        kind: Some("transfer.created".to_owned()),
        ..Default::default()
    };
    assert_eq!(rig.control.await_effects(&query, 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_delay_after_the_effect_only_takes_time() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    rig.arm(
        "/transfers",
        Fault::Delay {
            ms: 60,
            when: When::After,
        },
    );
    let begun = Instant::now();
    let response = rig.post("/transfers", "key-1", &deposit(&wallet)).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert!(begun.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn a_hold_after_the_effect_waits_for_its_release_and_counts_who_waits() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    let hold = rig.arm("/transfers", Fault::Hold { when: When::After });
    let request = tokio::spawn(rig.request("/transfers", "key-1", &deposit(&wallet)).send());
    rig.control.await_fired(hold, 1).await.unwrap();
    assert_eq!(rig.effects("transfer.created").len(), 1);
    let state = &rig.control.faults()[0];
    assert_eq!((state.fired, state.waiting, state.left), (1, 1, Some(0)));
    rig.control.clear_faults();
    assert_eq!(
        request.await.unwrap().unwrap().status(),
        StatusCode::CREATED
    );
    assert!(rig.control.faults().is_empty());
}

#[tokio::test]
async fn a_second_transfer_out_of_the_same_balance_is_refused_while_the_first_is_open() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "100").await;
    let withdrawal = correlated(&wallet.balance, &wallet.bank, "10.00", "txn-1");
    let hold = rig.arm("/transfers", Fault::Hold { when: When::Before });
    let first = tokio::spawn(rig.request("/transfers", "key-1", &withdrawal).send());
    rig.control.await_fired(hold, 1).await.unwrap();
    let second = rig.post("/transfers", "key-2", &withdrawal).await;
    assert_eq!(second.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(
        second
            .text()
            .await
            .unwrap()
            .contains("Concurrent transfers with the given funding source")
    );
    rig.control.set_dwolla(DwollaSwitches {
        serial_balances: false,
        ..rig.control.dwolla()
    });
    assert_eq!(
        rig.post("/transfers", "key-2", &withdrawal).await.status(),
        StatusCode::CREATED
    );
    rig.control.release(hold).unwrap();
    assert_eq!(first.await.unwrap().unwrap().status(), StatusCode::CREATED);
    assert_eq!(rig.dollars(&wallet.balance).await, "80.00");
}

#[tokio::test]
async fn faults_are_armed_listed_awaited_released_and_cleared_over_http() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    let spec = json!({
        "partner": "dwolla", "method": "POST", "path": "/customers/{}/funding-sources",
        "fault": {"kind": "hold", "when": "before"}, "times": 1,
    });
    let (status, armed) = rig.verb(Method::POST, "faults", spec).await;
    assert_eq!(status, 201);
    let one = format!("faults/{}", armed["id"].as_str().unwrap());
    let sources = format!("{}/funding-sources", wallet.customer);
    let request = tokio::spawn(rig.request(&sources, "", &json!({})).send());
    let (status, _) = rig
        .verb(Method::GET, &format!("{one}/await?fired=1"), Value::Null)
        .await;
    assert_eq!(status, 204);
    let (_, listed) = rig.verb(Method::GET, "faults", Value::Null).await;
    let fault = &listed["faults"][0];
    assert_eq!((&fault["fired"], &fault["waiting"]), (&json!(1), &json!(1)));
    let release = format!("{one}/release");
    assert_eq!(rig.verb(Method::POST, &release, Value::Null).await.0, 204);
    assert_eq!(
        request.await.unwrap().unwrap().status(),
        StatusCode::BAD_REQUEST
    );
    assert_eq!(rig.verb(Method::DELETE, "faults", Value::Null).await.0, 204);
    assert_eq!(rig.verb(Method::POST, &release, Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_fault_can_single_out_one_request_by_its_body_and_strike_for_ever() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    rig.control.arm(FaultSpec {
        contains: Some("txn-bad".to_owned()),
        times: 0,
        ..FaultSpec::once(
            Partner::Dwolla,
            "POST",
            "/transfers",
            Fault::Status {
                status: 500,
                when: When::Before,
                retry_after: None,
            },
        )
    });
    let bad = correlated(&wallet.bank, &wallet.balance, "1.00", "txn-bad");
    let good = correlated(&wallet.bank, &wallet.balance, "1.00", "txn-good");
    for _ in 0..3 {
        assert_eq!(
            rig.post("/transfers", "", &bad).await.status(),
            StatusCode::INTERNAL_SERVER_ERROR
        );
        assert_eq!(
            rig.post("/transfers", "", &good).await.status(),
            StatusCode::CREATED
        );
    }
}
