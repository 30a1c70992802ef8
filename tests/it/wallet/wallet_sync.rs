//! Doubts about a wallet, and webhooks that never came.

use super::rows::{customer, hold_webhooks};
use crate::harness::{Fleet, Investor};
use sandbox::{Fault, FaultSpec, Partner, When};
use serde_json::json;

#[tokio::test]
async fn a_wallet_is_brought_to_dwollas_state_when_its_webhooks_are_lost() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_wallet(&fleet, "document", "error_document").await;
    let id = customer(&fleet, &nora).await;
    hold_webhooks(&fleet);
    fleet
        .sandbox()
        .set_customer_status(&id, "verified")
        .unwrap();
    assert_eq!(
        nora.wallet(&fleet).await.expect(200)["status"],
        "error_document"
    );

    let path = format!("/wallet/internal/wallet/{}/sync", nora.wallet);
    let synced = fleet
        .post_as(&path, "operator", json!({}))
        .await
        .expect(202);
    assert_eq!(
        (&synced["id"], &synced["status"]),
        (&json!(nora.wallet), &json!("verified"))
    );
    assert_eq!(nora.wallet(&fleet).await.expect(200)["status"], "verified");
    let balance: Option<String> = fleet.scalar("select dwolla_balance_id from wallets").await;
    assert!(balance.is_some());

    fleet
        .sandbox()
        .set_customer_status(&id, "suspended")
        .unwrap();
    let bare = format!("/wallet/internal/wallet/sync?WalletID={}", nora.wallet);
    let synced = fleet
        .post_as(&bare, "operator", json!({}))
        .await
        .expect(202);
    assert_eq!(synced["status"], "error_suspended");
    fleet
        .post_as("/wallet/internal/wallet/999999/sync", "operator", json!({}))
        .await
        .expect(404);
    fleet.finish().await;
}

#[tokio::test]
async fn a_wallet_without_a_customer_can_not_be_read_at_dwolla() {
    let fleet = Fleet::start().await;
    let hold = Fault::Hold { when: When::Before };
    let gate = fleet.sandbox().arm(FaultSpec::once(
        Partner::Dwolla,
        "POST",
        "/customers$",
        hold,
    ));
    let nora = Investor::with_wallet(&fleet, "Nora", "created").await;
    let path = format!("/wallet/internal/wallet/{}/sync", nora.wallet);
    let refused = fleet
        .post_as(&path, "operator", json!({}))
        .await
        .expect(409);
    assert!(
        refused["__error__"][0]
            .as_str()
            .unwrap()
            .contains("recreate"),
        "{refused}"
    );
    fleet.sandbox().release(gate).unwrap();
    nora.wallet_in(&fleet, "verified").await;
    assert_eq!(fleet.effects("customer.created"), 1);
    fleet.finish().await;
}
