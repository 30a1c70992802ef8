//! Doubts about a movement, and webhooks that never came.

use super::rows::{assert_purse, hold_webhooks, row};
use crate::harness::{Fleet, Investor, eventually_some, settle_banks};
use sandbox::{Fault, FaultSpec, Partner, When};
use serde_json::json;

#[tokio::test]
async fn a_movement_is_brought_to_dwollas_state_when_its_webhooks_are_lost() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "R01-late").await;
    let before = Fault::Hold { when: When::Before };
    let gate = fleet.sandbox().arm(FaultSpec::once(
        Partner::Dwolla,
        "POST",
        "/transfers$",
        before,
    ));
    hold_webhooks(&fleet);
    let asked = nora
        .move_money(&fleet, "deposit", "20.00")
        .await
        .expect(202);
    let path = format!("/wallet/internal/transaction/{}/sync", asked["id"]);
    let early = fleet
        .post_as(&path, "operator", json!({}))
        .await
        .expect(409);
    assert!(early["__error__"].is_array(), "{early}");
    fleet.sandbox().release(gate).unwrap();
    eventually_some("the transfer is known", || async {
        Some(row(&fleet, &asked["id"]).await.2).filter(|id| !id.is_empty())
    })
    .await;

    let synced = fleet
        .post_as(&path, "operator", json!({}))
        .await
        .expect(202);
    assert_eq!(
        (&synced["id"], &synced["status"]),
        (&asked["id"], &json!("pending"))
    );
    settle_banks(&fleet).await;
    let bare = format!("/wallet/internal/transaction/sync?TransID={}", asked["id"]);
    let synced = fleet
        .post_as(&bare, "operator", json!({}))
        .await
        .expect(202);
    assert_eq!(synced["status"], "processed");
    assert_purse(&fleet, &nora, ["20", "0", "0"]).await;
    settle_banks(&fleet).await;
    let synced = fleet
        .post_as(&path, "operator", json!({}))
        .await
        .expect(202);
    assert_eq!(synced["status"], "failed");
    assert_eq!(row(&fleet, &asked["id"]).await.1.as_deref(), Some("R01"));
    assert_purse(&fleet, &nora, ["0", "0", "0"]).await;
    assert_eq!(nora.transactions(&fleet).await.len(), 2);
    fleet
        .post_as(&path, "operator", json!({}))
        .await
        .expect(202);
    assert_eq!(nora.transactions(&fleet).await.len(), 2);
    let unknown = "/wallet/internal/transaction/999999/sync";
    fleet
        .post_as(unknown, "operator", json!({}))
        .await
        .expect(404);
    fleet.finish().await;
}
