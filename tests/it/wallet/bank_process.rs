//! Connecting the accounts of a login to the wallet.

use crate::harness::{Fleet, Investor, Reply, eventually, public_token, public_token_of};
use reqwest::Method;
use serde_json::{Value, json};

async fn exchange(fleet: &Fleet, who: &Investor, token: String) -> Value {
    let path = format!("/wallet/auth/linkaccount/{}/exchange", who.profile);
    let body = json!({ "public_token": token });
    fleet
        .as_user(&who.cookie, Method::POST, &path, Some(body))
        .await
        .expect(200)
}

async fn process(
    fleet: &Fleet,
    who: &Investor,
    exchanged: &Value,
    (account, name): (usize, &str),
) -> Reply {
    let path = format!("/wallet/auth/linkaccount/{}/process", who.profile);
    let account = &exchanged["accounts"][account];
    let body = json!({ "access_token": exchanged["access_token"], "name": name,
                       "account_id": account["account_id"], "last4": "0000" });
    fleet
        .as_user(&who.cookie, Method::POST, &path, Some(body))
        .await
}

#[tokio::test]
async fn all_accounts_of_a_login_are_connected_at_once_as_the_dialog_does() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_wallet(&fleet, "Nora", "verified").await;
    let login = exchange(&fleet, &nora, public_token(&fleet).await).await;
    let (one, two, again) = tokio::join!(
        process(&fleet, &nora, &login, (0, "Checking")),
        process(&fleet, &nora, &login, (1, "Savings")),
        process(&fleet, &nora, &login, (0, "Checking")),
    );
    let (one, two, again) = (one.expect(200), two.expect(200), again.expect(200));
    assert_eq!(one, again);
    assert_eq!(one["token"], login["access_token"]);
    assert_eq!(one["additional"]["type"], "checking");
    assert_eq!(two["additional"]["type"], "savings");
    assert_eq!(two["additional"]["status"], "verified");
    assert_eq!(fleet.effects("funding_source.created"), 2);
    let wallet = nora.wallet(&fleet).await.expect(200);
    assert_eq!(wallet["funding_source"].as_array().unwrap().len(), 2);
    fleet.finish().await;
}

#[tokio::test]
async fn a_bank_account_that_dwolla_has_already_is_adopted() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_wallet(&fleet, "Nora", "verified").await;
    let first = exchange(&fleet, &nora, public_token_of(&fleet, Some("nora")).await).await;
    let first = process(&fleet, &nora, &first, (0, "Checking"))
        .await
        .expect(200);
    let second = exchange(&fleet, &nora, public_token_of(&fleet, Some("nora")).await).await;
    let second = process(&fleet, &nora, &second, (0, "Everyday"))
        .await
        .expect(200);
    assert_eq!(first["additional"]["id"], second["additional"]["id"]);
    assert_eq!(second["additional"]["name"], "Everyday");
    assert_eq!(fleet.effects("funding_source.created"), 1);
    // The same account of another person is another funding source.
    let omar = Investor::with_wallet(&fleet, "Omar", "verified").await;
    let third = exchange(&fleet, &omar, public_token_of(&fleet, Some("nora")).await).await;
    let third = process(&fleet, &omar, &third, (0, "Checking"))
        .await
        .expect(200);
    assert_ne!(third["additional"]["id"], first["additional"]["id"]);
    fleet.finish().await;
}

#[tokio::test]
async fn what_is_unknown_anothers_or_of_another_kind_is_not_connected() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_wallet(&fleet, "Nora", "verified").await;
    let eve = Investor::with_wallet(&fleet, "Eve", "verified").await;
    let login = exchange(&fleet, &nora, public_token(&fleet).await).await;
    let refused = process(&fleet, &eve, &login, (0, "Checking"))
        .await
        .expect(400);
    assert!(refused["access_token"].is_array(), "{refused}");
    let unknown = json!({ "access_token": login["access_token"],
                          "accounts": [{ "account_id": "nobody" }] });
    let refused = process(&fleet, &nora, &unknown, (0, "Checking"))
        .await
        .expect(400);
    assert!(refused["account_id"].is_array(), "{refused}");
    let garbled = json!({ "access_token": "no-handle", "accounts": login["accounts"] });
    process(&fleet, &nora, &garbled, (0, "Checking"))
        .await
        .expect(400);
    let long = "x".repeat(51);
    process(&fleet, &nora, &login, (0, &long)).await.expect(400);

    sqlx::query(r#"update plaid_items set accounts = jsonb_set(accounts, '{0,subtype}', '"cd"')"#)
        .execute(&fleet.db)
        .await
        .unwrap();
    let refused = process(&fleet, &nora, &login, (0, "Deposit"))
        .await
        .expect(400);
    assert!(
        refused["account_id"][0].as_str().unwrap().contains("cd"),
        "{refused}"
    );
    assert_eq!(fleet.effects("funding_source.created"), 0);
    eventually("nothing is linked", || async {
        fleet
            .scalar::<i64>("select count(*) from funding_sources")
            .await
            == 0
    })
    .await;
    fleet.finish().await;
}

#[tokio::test]
async fn a_wallet_that_is_not_verified_any_more_gets_no_bank() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_wallet(&fleet, "Nora", "verified").await;
    let login = exchange(&fleet, &nora, public_token(&fleet).await).await;
    let id: String = fleet.scalar("select dwolla_customer_id from wallets").await;
    fleet
        .sandbox()
        .set_customer_status(&id, "suspended")
        .unwrap();
    nora.wallet_in(&fleet, "error_suspended").await;
    process(&fleet, &nora, &login, (0, "Checking"))
        .await
        .expect(412);
    assert_eq!(fleet.effects("processor_token.created"), 0);
    fleet.finish().await;
}
