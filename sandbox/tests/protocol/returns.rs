//! Returns: before and after processing, of debits and of credits.

use reqwest::StatusCode;
use serde_json::json;

use super::rig::{Rig, href, transfer};
use super::subscriber::Subscriber;

#[tokio::test]
async fn an_r01_debit_fails_and_says_why_and_nothing_is_credited() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("R01", "0").await;
    let (subscriber, _) = Subscriber::subscribed(&rig).await;
    let made = rig
        .create(
            "/transfers",
            &transfer(&wallet.bank, &wallet.balance, "10.00"),
        )
        .await;
    assert_eq!(
        rig.try_get(&format!("{made}/failure")).await.0,
        StatusCode::NOT_FOUND
    );
    rig.process().await;
    let shown = rig.get(&made).await;
    assert_eq!(shown["status"], "failed");
    let failure = rig.get(&href(&shown, "failure")).await;
    assert_eq!(
        (&failure["code"], &failure["description"]),
        (&json!("R01"), &json!("Insufficient Funds"))
    );
    assert_eq!(href(&failure, "failed-funding-source"), wallet.bank);
    rig.control.settle_webhooks().await.unwrap();
    let topics: Vec<String> = subscriber
        .topics(&made)
        .into_iter()
        .map(|(topic, _)| topic)
        .collect();
    assert_eq!(
        topics,
        [
            "customer_bank_transfer_created",
            "customer_bank_transfer_failed"
        ]
    );
    assert_eq!(rig.dollars(&wallet.balance).await, "0.00");
    assert_eq!(rig.get(&wallet.bank).await["removed"], false);
}

#[tokio::test]
async fn a_late_return_takes_the_money_back_even_below_zero_and_says_so() {
    let rig = Rig::start().await;
    let (wallet, other) = (
        rig.wallet("R01-late", "0").await,
        rig.wallet("Checking", "0").await,
    );
    let (subscriber, _) = Subscriber::subscribed(&rig).await;
    let made = rig
        .create(
            "/transfers",
            &transfer(&wallet.bank, &wallet.balance, "10.00"),
        )
        .await;
    rig.process().await;
    assert_eq!(rig.get(&made).await["status"], "processed");
    rig.create(
        "/transfers",
        &transfer(&wallet.balance, &other.balance, "8.50"),
    )
    .await;
    rig.process().await;
    assert_eq!(rig.get(&made).await["status"], "failed");
    assert_eq!(rig.dollars(&wallet.balance).await, "-8.50");
    rig.control.settle_webhooks().await.unwrap();
    let topics: Vec<String> = subscriber
        .topics(&made)
        .into_iter()
        .map(|(topic, _)| topic)
        .collect();
    let expected = [
        "customer_bank_transfer_created",
        "customer_bank_transfer_completed",
        "customer_bank_transfer_failed",
    ];
    assert_eq!(topics, expected);
    assert_eq!(
        subscriber.topics(&wallet.balance),
        [(
            "customer_funding_source_negative".to_owned(),
            Some(wallet.customer.clone())
        )]
    );
    assert_eq!(rig.process().await, 0);
}

#[tokio::test]
async fn an_r03_credit_gives_the_money_back_and_removes_the_bank() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("R03", "50").await;
    let (subscriber, _) = Subscriber::subscribed(&rig).await;
    let made = rig
        .create(
            "/transfers",
            &transfer(&wallet.balance, &wallet.bank, "20.00"),
        )
        .await;
    assert_eq!(rig.dollars(&wallet.balance).await, "30.00");
    rig.process().await;
    assert_eq!(rig.get(&made).await["status"], "failed");
    assert_eq!(rig.dollars(&wallet.balance).await, "50.00");
    assert_eq!(rig.get(&wallet.bank).await["removed"], true);
    rig.control.settle_webhooks().await.unwrap();
    let mut topics: Vec<String> = subscriber
        .topics(&wallet.bank)
        .into_iter()
        .map(|(topic, _)| topic)
        .collect();
    topics.sort();
    assert_eq!(
        topics,
        [
            "customer_funding_source_removed",
            "customer_funding_source_unverified"
        ]
    );
    let (_, answer) = rig
        .refused(
            "/transfers",
            &transfer(&wallet.balance, &wallet.bank, "1.00"),
        )
        .await;
    let message = "Destination funding source is either removed or does not exist.";
    assert_eq!(answer["_embedded"]["errors"][0]["message"], message);
}

#[tokio::test]
async fn a_late_returned_credit_comes_back_after_it_was_processed() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("R03-late", "50").await;
    let made = rig
        .create(
            "/transfers",
            &transfer(&wallet.balance, &wallet.bank, "20.00"),
        )
        .await;
    rig.process().await;
    assert_eq!(rig.get(&made).await["status"], "processed");
    rig.process().await;
    assert_eq!(rig.get(&made).await["status"], "failed");
    assert_eq!(rig.dollars(&wallet.balance).await, "50.00");
}

#[tokio::test]
async fn the_last_leg_of_a_chain_fails_alone_and_leaves_the_money_with_the_receiver() {
    let rig = Rig::start().await;
    let (a, b) = (
        rig.wallet("Checking", "0").await,
        rig.wallet("R03", "0").await,
    );
    let inner = rig
        .create("/transfers", &transfer(&a.bank, &b.bank, "20.00"))
        .await;
    rig.process().await;
    rig.process().await;
    let shown = rig.get(&inner).await;
    assert_eq!(shown["status"], "processed");
    assert_eq!(
        rig.get(&href(&shown, "funded-transfer")).await["status"],
        "failed"
    );
    assert_eq!(rig.dollars(&b.balance).await, "20.00");
}

#[tokio::test]
async fn a_first_leg_that_fails_takes_the_chain_with_it() {
    let rig = Rig::start().await;
    let (a, b) = (
        rig.wallet("R01", "0").await,
        rig.wallet("Checking", "0").await,
    );
    let inner = rig
        .create("/transfers", &transfer(&a.bank, &b.balance, "20.00"))
        .await;
    rig.process().await;
    assert_eq!(rig.get(&inner).await["status"], "failed");
    assert_eq!(rig.dollars(&b.balance).await, "0.00");
}
