//! Lists of transfers: order, pages, filters, lag.

use std::time::Duration;

use reqwest::StatusCode;
use sandbox::DwollaSwitches;
use serde_json::Value;

use super::rig::{Rig, correlated, href, transfer};

#[tokio::test]
async fn a_list_is_paged_newest_first_with_a_total_and_the_links_that_apply() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    let mut made = Vec::new();
    for dollars in 1..=5 {
        made.push(
            rig.create(
                "/transfers",
                &transfer(&wallet.bank, &wallet.balance, &dollars.to_string()),
            )
            .await,
        );
    }
    let mut url = format!("{}/transfers?limit=2", wallet.customer);
    let mut seen = Vec::new();
    loop {
        let page = rig.get(&url).await;
        assert_eq!(page["total"], 5);
        seen.extend(
            page["_embedded"]["transfers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| href(row, "self")),
        );
        match page["_links"]["next"]["href"].as_str() {
            Some(next) => next.clone_into(&mut url),
            None => break,
        }
    }
    made.reverse();
    assert_eq!(seen, made);
}

#[tokio::test]
async fn lists_are_filtered_by_correlation_id_status_amount_and_date() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    rig.create(
        "/transfers",
        &correlated(&wallet.bank, &wallet.balance, "10.00", "txn-1"),
    )
    .await;
    rig.process().await;
    rig.create(
        "/transfers",
        &correlated(&wallet.bank, &wallet.balance, "20.00", "txn-2"),
    )
    .await;
    rig.create(
        "/transfers",
        &correlated(&wallet.bank, &wallet.balance, "30.00", "txn-2"),
    )
    .await;
    let today = rig.control.now().date_naive();
    let tomorrow = today.succ_opt().unwrap();
    let cases = [
        ("correlationId=txn-2".to_owned(), 2),
        ("correlationId=txn-3".to_owned(), 0),
        ("status=processed".to_owned(), 1),
        ("startAmount=20.00&endAmount=20.00".to_owned(), 1),
        (format!("startDate={today}&endDate={tomorrow}"), 3),
        (format!("startDate={tomorrow}&correlationId=txn-2"), 0),
    ];
    for (query, total) in cases {
        let page = rig
            .get(&format!("{}/transfers?{query}", wallet.customer))
            .await;
        assert_eq!(page["total"], total, "{query}");
        assert_eq!(
            page["_embedded"]["transfers"].as_array().unwrap().len(),
            total
        );
    }
    let (status, _) = rig
        .try_get("/customers/8d1c1d1e-0000-4000-8000-000000000000/transfers")
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_transfer_is_listed_under_both_parties_and_no_other() {
    let rig = Rig::start().await;
    let (a, b) = (
        rig.wallet("Checking", "50").await,
        rig.wallet("Checking", "0").await,
    );
    let other = rig.wallet("Checking", "0").await;
    rig.create(
        "/transfers",
        &correlated(&a.balance, &b.balance, "1.00", "txn-1"),
    )
    .await;
    let total = async |customer: &str| -> Value {
        rig.get(&format!("{customer}/transfers?correlationId=txn-1"))
            .await["total"]
            .clone()
    };
    assert_eq!(
        (
            total(&a.customer).await,
            total(&b.customer).await,
            total(&other.customer).await
        ),
        (1.into(), 1.into(), 0.into())
    );
    let account = href(&rig.get("/").await, "account");
    assert_eq!(
        rig.get(&format!("{account}/transfers")).await["total"],
        1,
        "what filled the first wallet"
    );
}

#[tokio::test]
async fn a_new_transfer_stays_out_of_lists_as_long_as_they_lag() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    rig.control.set_dwolla(DwollaSwitches {
        list_lag_ms: 60_000,
        ..rig.control.dwolla()
    });
    let made = rig
        .create(
            "/transfers",
            &correlated(&wallet.bank, &wallet.balance, "1.00", "txn-1"),
        )
        .await;
    let url = format!("{}/transfers?correlationId=txn-1", wallet.customer);
    assert_eq!(rig.get(&url).await["total"], 0);
    assert_eq!(rig.get(&made).await["status"], "pending");
    rig.control.advance(Duration::from_mins(1));
    assert_eq!(rig.get(&url).await["total"], 1);
}
