//! Dwolla's webhooks: signature, retries, pauses, disorder.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::StatusCode;
use sandbox::Weather;
use serde_json::{Value, json};
use sha2::Sha256;

use super::rig::{Rig, href, transfer};
use super::subscriber::Subscriber;

#[tokio::test]
async fn a_webhook_carries_the_documented_headers_and_a_signature_over_its_exact_bytes() {
    let rig = Rig::start().await;
    let (subscriber, _) = Subscriber::subscribed(&rig).await;
    let customer = rig.customer("Nora").await;
    rig.control.settle_webhooks().await.unwrap();
    let got = subscriber.got();
    assert_eq!(got.len(), 2);
    for webhook in got {
        assert_eq!(webhook.header("content-type"), "application/json");
        assert_eq!(webhook.header("user-agent"), "dwolla-webhooks/1.1");
        let mut mac = Hmac::<Sha256>::new_from_slice(b"local-test-secret").unwrap();
        mac.update(&webhook.body);
        let signature = hex::encode(mac.finalize().into_bytes());
        assert_eq!(webhook.header("x-request-signature-sha-256"), signature);
        let event = webhook.json();
        assert_eq!(event["topic"], webhook.topic());
        assert_eq!(event["timestamp"], event["created"]);
        assert_eq!(href(&event, "resource"), customer);
        let stored = rig.get(&href(&event, "self")).await;
        assert_eq!(
            (&stored["id"], &stored["timestamp"]),
            (&event["id"], &Value::Null)
        );
    }
}

#[tokio::test]
async fn a_failed_delivery_is_tried_again_on_the_schedule_and_every_attempt_is_kept() {
    let mut rig = Rig::start().await;
    let (subscriber, subscription) = Subscriber::subscribed(&rig).await;
    subscriber.answers(StatusCode::INTERNAL_SERVER_ERROR);
    rig.customer("retry").await;
    rig.control.settle_webhooks().await.unwrap();
    assert_eq!(subscriber.got().len(), 2);
    let mut tries = 2;
    for minutes in [15, 45, 120, 180, 360, 720, 1440, 1440] {
        rig.control.advance(Duration::from_mins(minutes - 1));
        rig.control.settle_webhooks().await.unwrap();
        assert_eq!(subscriber.got().len(), tries, "one minute before");
        rig.control.advance(Duration::from_mins(1));
        rig.control.settle_webhooks().await.unwrap();
        tries += 2;
        assert_eq!(subscriber.got().len(), tries, "after {minutes} minutes");
    }
    rig.control.advance(Duration::from_hours(1000));
    rig.control.settle_webhooks().await.unwrap();
    assert_eq!(subscriber.got().len(), tries, "it gave up");
    rig.token = rig.new_token().await;
    let list = rig.get(&format!("{subscription}/webhooks")).await;
    assert_eq!(list["total"], 2);
    let attempts = list["_embedded"]["webhooks"][0]["attempts"]
        .as_array()
        .unwrap();
    assert_eq!(attempts.len(), 9);
    assert_eq!(attempts[0]["response"]["statusCode"], 500);
}

#[tokio::test]
async fn a_paused_subscription_keeps_records_and_sends_only_what_is_retried_by_hand() {
    let rig = Rig::start().await;
    let (subscriber, subscription) = Subscriber::subscribed(&rig).await;
    rig.post(&subscription, "", &json!({"paused": true}))
        .await
        .error_for_status()
        .unwrap();
    rig.control.set_webhooks(Weather {
        hold: true,
        ..Weather::default()
    });
    rig.customer("retry").await;
    assert_eq!(rig.control.held_webhooks(), 0, "nothing was even queued");
    rig.control.set_webhooks(Weather::default());
    rig.post(&subscription, "", &json!({"paused": false}))
        .await
        .error_for_status()
        .unwrap();
    rig.control.settle_webhooks().await.unwrap();
    assert!(subscriber.got().is_empty(), "nothing comes by itself");
    let list = rig.get(&format!("{subscription}/webhooks")).await;
    let webhooks = list["_embedded"]["webhooks"].as_array().unwrap();
    assert_eq!(webhooks.len(), 2);
    for webhook in webhooks {
        assert_eq!(webhook["attempts"], json!([]));
        rig.create(&href(webhook, "retry"), &json!({})).await;
    }
    rig.control.settle_webhooks().await.unwrap();
    assert_eq!(subscriber.got().len(), 2);
    let webhook = rig.get(&href(&webhooks[0], "self")).await;
    assert_eq!(webhook["attempts"][0]["response"]["statusCode"], 200);
    assert_eq!(rig.get(&href(&webhook, "retry")).await["total"], 1);
}

#[tokio::test]
async fn four_hundred_failures_in_a_row_and_a_day_without_success_pause_a_subscription() {
    let mut rig = Rig::start().await;
    let (subscriber, subscription) = Subscriber::subscribed(&rig).await;
    subscriber.answers(StatusCode::BAD_GATEWAY);
    let wallet = rig.wallet("Checking", "0").await;
    for _ in 0..395 {
        rig.create(
            "/transfers",
            &transfer(&wallet.bank, &wallet.balance, "1.00"),
        )
        .await;
    }
    rig.control.settle_webhooks().await.unwrap();
    assert_eq!(rig.get(&subscription).await["paused"], false);
    rig.control.advance(Duration::from_hours(24));
    rig.control.settle_webhooks().await.unwrap();
    rig.token = rig.new_token().await;
    assert_eq!(rig.get(&subscription).await["paused"], true);
}

#[tokio::test]
async fn duplicates_and_disorder_come_on_demand_and_held_webhooks_come_reversed() {
    let rig = Rig::start().await;
    let (subscriber, _) = Subscriber::subscribed(&rig).await;
    rig.control.set_webhooks(Weather {
        duplicate: 2,
        shuffle: true,
        seed: 7,
        ..Weather::default()
    });
    rig.customer("retry").await;
    rig.control.settle_webhooks().await.unwrap();
    let mut ids: Vec<String> = subscriber
        .got()
        .iter()
        .map(|event| event.json()["id"].to_string())
        .collect();
    ids.sort();
    assert_eq!(ids.len(), 6);
    ids.dedup();
    assert_eq!(ids.len(), 2);
    subscriber.clear();
    rig.control.set_webhooks(Weather {
        hold: true,
        ..Weather::default()
    });
    rig.customer("retry").await;
    rig.control.settle_webhooks().await.unwrap();
    assert_eq!(
        (subscriber.got().len(), rig.control.held_webhooks()),
        (0, 2)
    );
    assert_eq!(rig.control.flush_webhooks(true).await, 2);
    let topics: Vec<String> = subscriber
        .got()
        .iter()
        .map(super::subscriber::Received::topic)
        .collect();
    assert_eq!(
        topics,
        ["customer_reverification_needed", "customer_created"]
    );
}

#[tokio::test]
async fn ten_subscriptions_are_the_most_and_a_deleted_one_gets_nothing() {
    let rig = Rig::start().await;
    let (subscriber, first) = Subscriber::subscribed(&rig).await;
    let body = json!({"url": "http://127.0.0.1:1/hook", "secret": "s"});
    for _ in 0..9 {
        rig.create("/webhook-subscriptions", &body).await;
    }
    let (_, answer) = rig.refused("/webhook-subscriptions", &body).await;
    assert_eq!(answer["code"], "MaxNumberOfResources");
    assert_eq!(rig.get("/webhook-subscriptions").await["total"], 10);
    assert_eq!(rig.delete(&first).await, StatusCode::OK);
    rig.customer("Nora").await;
    rig.control.settle_webhooks().await.unwrap();
    assert!(subscriber.got().is_empty());
    let (_, answer) = rig
        .refused(
            "/webhook-subscriptions",
            &json!({"url": "nowhere", "secret": "s"}),
        )
        .await;
    assert_eq!(answer["_embedded"]["errors"][0]["path"], "/url");
}

#[tokio::test]
async fn a_retry_that_comes_due_while_the_subscription_is_paused_is_not_sent() {
    let mut rig = Rig::start().await;
    let (subscriber, subscription) = Subscriber::subscribed(&rig).await;
    subscriber.answers(StatusCode::INTERNAL_SERVER_ERROR);
    rig.customer("retry").await;
    rig.control.settle_webhooks().await.unwrap();
    subscriber.clear();
    rig.post(&subscription, "", &json!({"paused": true}))
        .await
        .error_for_status()
        .unwrap();
    rig.control.advance(Duration::from_hours(1));
    rig.control.settle_webhooks().await.unwrap();
    rig.token = rig.new_token().await;
    rig.post(&subscription, "", &json!({"paused": false}))
        .await
        .error_for_status()
        .unwrap();
    rig.control.advance(Duration::from_hours(100));
    rig.control.settle_webhooks().await.unwrap();
    assert!(subscriber.got().is_empty());
}
