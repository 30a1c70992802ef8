//! Deposits and withdrawals.

use crate::harness::{Fleet, Investor};
use serde_json::json;

#[tokio::test]
async fn a_deposit_is_pending_until_the_bank_has_paid() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;

    let asked = nora.move_money(&fleet, "deposit", "100.00").await.expect(202);
    assert_eq!(asked["status"], "pending");
    assert_eq!(asked["amount"], json!(100.0));

    let wallet = nora.wallet(&fleet).await.expect(200);
    assert_eq!(wallet["balance"], json!(0));
    assert_eq!(wallet["pending_incoming_balance"], json!(100));

    crate::harness::settle_banks_when_started(&fleet, &asked["id"]).await;
    nora.transaction_in(&fleet, &asked["id"], "processed").await;
    let wallet = nora.wallet(&fleet).await.expect(200);
    assert_eq!(wallet["balance"], json!(100));
    assert_eq!(wallet["pending_incoming_balance"], json!(0));
    assert_eq!(fleet.effects("transfer.created"), 1);
    fleet.finish().await;
}
