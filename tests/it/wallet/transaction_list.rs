//! The movements of a wallet.

use crate::harness::{Fleet, Investor};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn movements_are_listed_newest_first_for_their_owner_alone() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    assert!(nora.transactions(&fleet).await.is_empty());
    for amount in ["1.00", "2.50", "3.00"] {
        nora.deposit(&fleet, amount).await;
    }
    let all = nora.transactions(&fleet).await;
    let amounts: Vec<_> = all.iter().map(|t| t["amount"].clone()).collect();
    assert_eq!(amounts, [json!(3), json!(2.5), json!(1)]);
    for row in &all {
        assert_eq!(
            (&row["type"], &row["status"]),
            (&json!("deposit"), &json!("processed"))
        );
        assert!(row["created_at"].is_string() && row["updated_at"].is_string());
        assert!(row["entity_id"].is_string());
    }
    let bare = format!("/wallet/auth/wallet/transactions?WalletID={}", nora.wallet);
    let listed = fleet
        .as_user(&nora.cookie, Method::GET, &bare, None)
        .await
        .expect(200);
    assert_eq!(listed["items"], json!(all));
    let omar = Investor::known(&fleet, "Omar").await;
    fleet
        .as_user(&omar.cookie, Method::GET, &bare, None)
        .await
        .expect(404);
    fleet.finish().await;
}
