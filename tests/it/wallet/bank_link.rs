//! The token for Plaid's dialog.

use crate::harness::{Fleet, Investor};
use reqwest::Method;
use sandbox::{Fault, FaultSpec, Partner, When};
use serde_json::json;

#[tokio::test]
async fn a_verified_wallet_gets_a_link_token_and_no_other_does() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_wallet(&fleet, "Nora", "verified").await;
    let link = |who: &Investor, path: String| {
        let cookie = who.cookie.clone();
        let fleet = &fleet;
        async move {
            fleet
                .as_user(&cookie, Method::POST, &path, Some(json!({})))
                .await
        }
    };
    let path = |who: &Investor| format!("/wallet/auth/linkaccount/{}/link", who.profile);
    let given = link(&nora, path(&nora)).await.expect(200);
    for field in ["link_token", "expiration", "request_id"] {
        assert!(
            given[field].as_str().is_some_and(|text| !text.is_empty()),
            "{given}"
        );
    }
    let bare = format!("/wallet/auth/linkaccount/link?ProfileID={}", nora.profile);
    link(&nora, bare).await.expect(200);

    let omar = Investor::with_wallet(&fleet, "document", "error_document").await;
    link(&omar, path(&omar)).await.expect(412);
    let lea = Investor::known(&fleet, "Lea").await;
    link(&lea, path(&lea)).await.expect(412);
    link(&lea, path(&nora)).await.expect(404);

    let broken = Fault::Status {
        status: 500,
        when: When::Before,
        retry_after: None,
    };
    let at = "/link/token/create";
    fleet
        .sandbox()
        .arm(FaultSpec::once(Partner::Plaid, "POST", at, broken));
    link(&nora, path(&nora)).await.expect(424);
    fleet.finish().await;
}
