//! The call log and the ledger over HTTP.

use reqwest::{Method, StatusCode};
use sandbox::{Fault, Partner, When};
use serde_json::{Value, json};

use super::rig::{Rig, correlated};

#[tokio::test]
async fn calls_and_effects_are_told_apart() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    let body = correlated(&wallet.bank, &wallet.balance, "10.00", "txn-1");
    rig.post("/transfers", "key-1", &body).await;
    rig.post("/transfers", "key-1", &body).await;
    rig.arm("/transfers", Fault::Reset { when: When::After });
    rig.request("/transfers", "key-1", &body)
        .send()
        .await
        .unwrap_err();
    let read = async |path: &str| -> Value {
        let url = format!("{}/_sandbox/{path}", rig.sandbox.url());
        rig.http
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    };
    let calls = read("calls?partner=dwolla&path=/transfers").await;
    let statuses: Vec<&Value> = calls["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| &call["status"])
        .collect();
    assert_eq!(statuses, [&201.into(), &201.into(), &Value::Null]);
    assert_eq!(calls["calls"][0]["idempotency_key"], "key-1");
    let ledger = read("ledger?partner=dwolla&kind=transfer.created").await;
    let effects = ledger["effects"].as_array().unwrap();
    assert_eq!(effects.len(), 1);
    assert_eq!(effects[0]["amount"], "10.00");
    assert_eq!(effects[0]["correlation_id"], "txn-1");
    assert!(
        wallet
            .bank
            .ends_with(effects[0]["source"].as_str().unwrap())
    );
    assert!(rig.control.call_count(Partner::Dwolla) >= 3);
    let url = format!("{}/_sandbox/ledger?colour=red", rig.sandbox.url());
    assert_eq!(
        rig.http.get(url).send().await.unwrap().status(),
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn switches_weather_clock_and_statuses_are_set_over_http() {
    let rig = Rig::start().await;
    let customer = rig.customer("document").await;
    let id = customer.rsplit('/').next().unwrap();
    let (status, shown) = rig
        .verb(
            Method::POST,
            "dwolla",
            json!({"list_lag_ms": 5, "uppercase_ids": true}),
        )
        .await;
    assert_eq!(
        (status, &shown["list_lag_ms"], &shown["serial_balances"]),
        (200, &json!(5), &json!(true))
    );
    assert_eq!(
        rig.verb(Method::POST, "dwolla", json!({"colour": 5}))
            .await
            .0,
        400
    );
    let one = format!("dwolla/customers/{id}");
    assert_eq!(
        rig.verb(Method::POST, &one, json!({"status": "verified"}))
            .await
            .0,
        204
    );
    assert_eq!(rig.get(&customer).await["status"], "verified");
    assert_eq!(
        rig.verb(Method::POST, &one, json!({"status": "happy"}))
            .await
            .0,
        400
    );
    assert_eq!(
        rig.verb(Method::POST, "webhooks", json!({"hold": true}))
            .await
            .0,
        204
    );
    let (_, weather) = rig.verb(Method::GET, "webhooks", Value::Null).await;
    assert_eq!(
        (&weather["weather"]["hold"], &weather["held"]),
        (&json!(true), &json!(0))
    );
    let (_, flushed) = rig
        .verb(Method::POST, "webhooks/flush", json!({"reversed": true}))
        .await;
    assert_eq!(flushed["delivered"], 0);
    assert_eq!(
        rig.verb(Method::POST, "webhooks/settle", Value::Null)
            .await
            .0,
        204
    );
    let before = rig.control.now();
    assert_eq!(
        rig.verb(Method::POST, "clock/advance", json!({"seconds": 86_400}))
            .await
            .0,
        200
    );
    assert!((rig.control.now() - before).num_hours() >= 24);
    let (_, rotated) = rig
        .verb(
            Method::POST,
            "plaid/keys/rotate",
            json!({"expire_old": true}),
        )
        .await;
    assert!(rotated["kid"].is_string());
    assert_eq!(
        rig.verb(Method::POST, "plaid/webhooks/send", json!({}))
            .await
            .0,
        400,
        "no target yet"
    );
}
