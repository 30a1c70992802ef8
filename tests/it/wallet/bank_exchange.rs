//! Exchanging the public token of Plaid's dialog.

use crate::harness::{Fleet, Investor, public_token};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_public_token_is_exchanged_once_and_the_access_token_stays_here() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_wallet(&fleet, "Nora", "verified").await;
    let path = format!("/wallet/auth/linkaccount/{}/exchange", nora.profile);
    let bare = format!(
        "/wallet/auth/linkaccount/exchange?ProfileID={}",
        nora.profile
    );
    let token = public_token(&fleet).await;
    let ask = |path: &str, token: &str| {
        let (path, body) = (path.to_owned(), json!({ "public_token": token }));
        let (fleet, cookie) = (&fleet, nora.cookie.clone());
        async move {
            fleet
                .as_user(&cookie, Method::POST, &path, Some(body))
                .await
        }
    };
    let given = ask(&path, &token).await.expect(200);
    let handle = given["access_token"].as_str().unwrap();
    assert!(!handle.contains("access"), "{handle}");
    let accounts = given["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 2);
    assert_eq!(
        (&accounts[0]["name"], &accounts[0]["mask"]),
        (&json!("Plaid Checking"), &json!("0000"))
    );
    // A repeated request is the same exchange, however it is spelled.
    assert_eq!(
        ask(&bare, &token).await.expect(200)["access_token"],
        *handle
    );
    assert_eq!(fleet.effects("item.exchanged"), 1);

    let stored = "select count(*) from plaid_items p, journal j
                  where position('access-sandbox'::bytea in p.access_token) > 0
                     or position('access-sandbox' in j.answer::text) > 0";
    assert_eq!(fleet.scalar::<i64>(stored).await, 0, "only sealed");
    let payload = "select count(*) from operations
                   where position('public-sandbox'::bytea in payload) > 0";
    assert_eq!(fleet.scalar::<i64>(payload).await, 0, "only sealed");

    let refused = ask(&path, "public-sandbox-unknown").await.expect(424);
    assert!(refused["__error__"].is_array(), "{refused}");
    let eve = Investor::known(&fleet, "Eve").await;
    let body = json!({ "public_token": token });
    fleet
        .as_user(&eve.cookie, Method::POST, &path, Some(body))
        .await
        .expect(404);
    fleet.finish_with(&["rejected"]).await;
}
