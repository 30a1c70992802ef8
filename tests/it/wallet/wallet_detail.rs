//! A wallet as its owner reads it.

use crate::harness::{Fleet, Investor};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_wallet_is_read_by_its_owner_by_path_and_by_query_and_by_nobody_else() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Everyday").await;
    let wallet = nora.wallet(&fleet).await.expect(200);
    let bank = &wallet["funding_source"][0];
    assert_eq!(
        (&wallet["id"], &wallet["status"]),
        (&json!(nora.wallet), &json!("verified"))
    );
    assert_eq!(
        (&bank["id"], &bank["name"]),
        (&json!(nora.bank), &json!("Everyday"))
    );
    assert_eq!(
        (&bank["type"], &bank["status"]),
        (&json!("checking"), &json!("verified"))
    );
    assert_eq!(
        (&bank["last4"], &bank["bank_name"]),
        (&json!("0000"), &json!("SANDBOX TEST BANK"))
    );
    let bare = format!("/wallet/auth/wallet?ProfileID={}", nora.profile);
    assert_eq!(
        fleet
            .as_user(&nora.cookie, Method::GET, &bare, None)
            .await
            .expect(200),
        wallet
    );

    let omar = Investor::known(&fleet, "Omar").await;
    omar.wallet(&fleet).await.expect(404);
    fleet
        .as_user(&omar.cookie, Method::GET, &bare, None)
        .await
        .expect(404);
    fleet
        .as_user("", Method::GET, &bare, None)
        .await
        .expect(401);
    fleet.finish().await;
}
