//! The exact event sequences and link sets of the flows.

use super::rig::{Rig, Wallet, correlated, href, links, transfer};
use super::subscriber::Subscriber;

fn of(topic: &str, wallet: &Wallet) -> (String, Option<String>) {
    (topic.to_owned(), Some(wallet.customer.clone()))
}

#[tokio::test]
async fn a_deposit_is_created_pending_and_completed_by_processing() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    let (subscriber, _) = Subscriber::subscribed(&rig).await;
    let made = rig
        .create(
            "/transfers",
            &correlated(&wallet.bank, &wallet.balance, "10.00", "txn-1"),
        )
        .await;
    let shown = rig.get(&made).await;
    assert_eq!(shown["status"], "pending");
    assert_eq!(
        links(&shown),
        [
            "cancel",
            "destination",
            "self",
            "source",
            "source-funding-source"
        ]
    );
    assert_eq!(
        (href(&shown, "source"), href(&shown, "destination")),
        (wallet.bank.clone(), wallet.customer.clone())
    );
    assert_eq!(shown["individualAchId"].as_str().unwrap().len(), 8);
    rig.control.settle_webhooks().await.unwrap();
    assert_eq!(
        subscriber.topics(&made),
        [of("customer_bank_transfer_created", &wallet)]
    );
    assert_eq!(rig.dollars(&wallet.balance).await, "0.00");
    assert_eq!(rig.process().await, 1);
    assert_eq!(rig.process().await, 0);
    rig.control.settle_webhooks().await.unwrap();
    let topics = subscriber.topics(&made);
    assert_eq!(
        topics,
        [
            of("customer_bank_transfer_created", &wallet),
            of("customer_bank_transfer_completed", &wallet)
        ]
    );
    assert!(
        subscriber
            .got()
            .iter()
            .all(|event| event.json()["correlationId"] == "txn-1")
    );
    let shown = rig.get(&made).await;
    assert_eq!(shown["status"], "processed");
    assert_eq!(
        links(&shown),
        ["destination", "self", "source", "source-funding-source"]
    );
    assert_eq!(rig.dollars(&wallet.balance).await, "10.00");
}

#[tokio::test]
async fn a_withdrawal_takes_the_money_at_once_and_is_completed_by_processing() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "50").await;
    let (subscriber, _) = Subscriber::subscribed(&rig).await;
    let made = rig
        .create(
            "/transfers",
            &transfer(&wallet.balance, &wallet.bank, "20.00"),
        )
        .await;
    assert_eq!(rig.dollars(&wallet.balance).await, "30.00");
    let shown = rig.get(&made).await;
    assert_eq!(
        links(&shown),
        [
            "cancel",
            "destination",
            "destination-funding-source",
            "self",
            "source"
        ]
    );
    assert_eq!(
        (href(&shown, "source"), href(&shown, "destination")),
        (wallet.customer.clone(), wallet.bank.clone())
    );
    rig.process().await;
    rig.control.settle_webhooks().await.unwrap();
    let topics = subscriber.topics(&made);
    assert_eq!(
        topics,
        [
            of("customer_bank_transfer_created", &wallet),
            of("customer_bank_transfer_completed", &wallet)
        ]
    );
    assert!(
        subscriber
            .got()
            .iter()
            .all(|event| event.json()["correlationId"].is_null())
    );
    assert_eq!(rig.dollars(&wallet.balance).await, "30.00");
}

#[tokio::test]
async fn an_investment_is_processed_at_once_with_two_events_of_each_kind() {
    let rig = Rig::start().await;
    let (a, b) = (
        rig.wallet("Checking", "50").await,
        rig.wallet("Checking", "0").await,
    );
    let (subscriber, _) = Subscriber::subscribed(&rig).await;
    let made = rig
        .create("/transfers", &transfer(&a.balance, &b.balance, "20.00"))
        .await;
    let shown = rig.get(&made).await;
    assert_eq!(shown["status"], "processed");
    let expected = [
        "destination",
        "destination-funding-source",
        "self",
        "source",
        "source-funding-source",
    ];
    assert_eq!(links(&shown), expected);
    assert_eq!(
        (href(&shown, "source"), href(&shown, "destination")),
        (a.customer.clone(), b.customer.clone())
    );
    assert!(shown["clearing"].is_null());
    rig.control.settle_webhooks().await.unwrap();
    let mut topics = subscriber.topics(&made);
    topics.sort();
    let mut expected = vec![
        of("customer_transfer_completed", &a),
        of("customer_transfer_completed", &b),
        of("customer_transfer_created", &a),
        of("customer_transfer_created", &b),
    ];
    expected.sort();
    assert_eq!(topics, expected);
    let mut ids: Vec<String> = subscriber
        .got()
        .iter()
        .map(|event| event.json()["id"].to_string())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    assert_eq!(
        (rig.dollars(&a.balance).await, rig.dollars(&b.balance).await),
        ("30.00".to_owned(), "20.00".to_owned())
    );
}

#[tokio::test]
async fn our_account_gets_its_own_topics_without_a_customer() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "50").await;
    let (subscriber, _) = Subscriber::subscribed(&rig).await;
    let account = href(&rig.get("/").await, "account");
    let sources = rig.get(&format!("{account}/funding-sources")).await;
    let [balance, bank] =
        [0, 1].map(|place| href(&sources["_embedded"]["funding-sources"][place], "self"));
    let paid = rig
        .create("/transfers", &transfer(&wallet.balance, &balance, "5.00"))
        .await;
    let filled = rig
        .create("/transfers", &transfer(&bank, &balance, "9.00"))
        .await;
    rig.process().await;
    rig.control.settle_webhooks().await.unwrap();
    let mut topics: Vec<_> = subscriber.topics(&paid);
    topics.sort();
    let ours = |topic: &str| (topic.to_owned(), None);
    let expected = [
        of("customer_transfer_completed", &wallet),
        of("customer_transfer_created", &wallet),
        ours("transfer_completed"),
        ours("transfer_created"),
    ];
    assert_eq!(topics, expected);
    let mut topics = subscriber.topics(&filled);
    topics.sort();
    assert_eq!(
        topics,
        [
            ours("bank_transfer_completed"),
            ours("bank_transfer_created")
        ]
    );
    assert_eq!(rig.dollars(&balance).await, "4964.00");
}

#[tokio::test]
async fn bank_to_another_customers_bank_is_three_linked_legs_and_two_processings() {
    let rig = Rig::start().await;
    let (a, b) = (
        rig.wallet("Checking", "0").await,
        rig.wallet("Checking", "0").await,
    );
    let (subscriber, _) = Subscriber::subscribed(&rig).await;
    let inner = rig
        .create(
            "/transfers",
            &correlated(&a.bank, &b.bank, "20.00", "txn-1"),
        )
        .await;
    let shown = rig.get(&inner).await;
    assert_eq!(shown["status"], "pending");
    let first = href(&shown, "funding-transfer");
    assert_eq!(href(&rig.get(&first).await, "funded-transfer"), inner);
    assert_eq!(rig.process().await, 1);
    let last = href(&rig.get(&inner).await, "funded-transfer");
    assert_eq!(rig.get(&last).await["status"], "pending");
    assert_eq!(rig.process().await, 1);
    rig.control.settle_webhooks().await.unwrap();
    let bank_topics = [
        "customer_bank_transfer_created",
        "customer_bank_transfer_completed",
    ];
    assert_eq!(
        subscriber.topics(&first),
        bank_topics.map(|topic| of(topic, &a))
    );
    assert_eq!(
        subscriber.topics(&last),
        bank_topics.map(|topic| of(topic, &b))
    );
    assert_eq!(subscriber.topics(&inner).len(), 4);
    let zero = "0.00".to_owned();
    assert_eq!(
        (rig.dollars(&a.balance).await, rig.dollars(&b.balance).await),
        (zero.clone(), zero)
    );
    assert_eq!(rig.effects("transfer.created").len(), 1);
    assert_eq!(rig.effects("transfer.leg_created").len(), 2);
    let rows = rig
        .get(&format!("{}/transfers?correlationId=txn-1", b.customer))
        .await;
    assert_eq!(rows["total"], 2);
}

#[tokio::test]
async fn cancelling_the_middle_of_a_chain_cancels_the_chain() {
    let rig = Rig::start().await;
    let (a, b) = (
        rig.wallet("Checking", "0").await,
        rig.wallet("Checking", "0").await,
    );
    let inner = rig
        .create("/transfers", &transfer(&a.bank, &b.bank, "20.00"))
        .await;
    let first = href(&rig.get(&inner).await, "funding-transfer");
    rig.post(&inner, "", &serde_json::json!({"status": "cancelled"}))
        .await
        .error_for_status()
        .unwrap();
    assert_eq!(rig.get(&first).await["status"], "cancelled");
    assert_eq!(rig.process().await, 0);
}
