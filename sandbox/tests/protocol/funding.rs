//! Funding sources and the hand-over from Plaid.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::rig::{Rig, href, transfer};

fn by_numbers(account: &str) -> Value {
    json!({"routingNumber": "222222226", "accountNumber": account, "bankAccountType": "checking", "name": "Checking"})
}

#[tokio::test]
async fn account_numbers_give_an_unverified_bank_and_a_processor_token_a_verified_one() {
    let rig = Rig::start().await;
    let customer = rig.customer("Nora").await;
    let path = format!("{customer}/funding-sources");
    let unverified = rig
        .get(&rig.create(&path, &by_numbers("123456789")).await)
        .await;
    assert_eq!(
        (&unverified["status"], &unverified["type"]),
        (&json!("unverified"), &json!("bank"))
    );
    let verified = rig.get(&rig.bank(&customer, "Mine").await).await;
    assert_eq!(
        (&verified["status"], &verified["name"]),
        (&json!("verified"), &json!("Mine"))
    );
    assert_eq!(verified["fingerprint"].as_str().unwrap().len(), 64);
    let (status, answer) = rig
        .refused(&path, &json!({"routingNumber": "12", "accountNumber": "1"}))
        .await;
    assert_eq!(status, 400);
    let paths: Vec<&Value> = answer["_embedded"]["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| &error["path"])
        .collect();
    assert_eq!(
        paths,
        [
            "/name",
            "/routingNumber",
            "/accountNumber",
            "/bankAccountType"
        ]
    );
}

#[tokio::test]
async fn the_exchange_flow_gives_a_verified_bank() {
    let rig = Rig::start().await;
    let customer = rig.customer("Nora").await;
    let partners = rig.get("/exchange-partners").await;
    let plaid = partners["_embedded"]["exchange-partners"]
        .as_array()
        .unwrap();
    let plaid = plaid
        .iter()
        .find(|partner| partner["name"] == "Plaid")
        .unwrap();
    let (access, account) = rig.linked().await;
    let token = rig.processor_token(&access, &account).await;
    let body =
        json!({"_links": {"exchange-partner": {"href": href(plaid, "self")}}, "token": token});
    let exchange = rig.create(&format!("{customer}/exchanges"), &body).await;
    assert_eq!(rig.get(&exchange).await["status"], "active");
    let body = json!({"_links": {"exchange": {"href": exchange}}, "bankAccountType": "checking", "name": "Mine"});
    let bank = rig
        .create(&format!("{customer}/funding-sources"), &body)
        .await;
    assert_eq!(rig.get(&bank).await["status"], "verified");
    rig.plaid("/item/remove", json!({"access_token": access}))
        .await;
    assert_eq!(rig.get(&exchange).await["status"], "removed");
    assert_eq!(rig.get(&bank).await["status"], "verified");
}

#[tokio::test]
async fn a_token_of_a_removed_item_is_an_invalid_exchange_token() {
    let rig = Rig::start().await;
    let customer = rig.customer("Nora").await;
    let (access, account) = rig.linked().await;
    let token = rig.processor_token(&access, &account).await;
    rig.plaid("/item/remove", json!({"access_token": access}))
        .await;
    let path = format!("{customer}/funding-sources");
    let body = json!({"plaidToken": token, "name": "Mine", "bankAccountType": "checking"});
    let (status, answer) = rig.refused(&path, &body).await;
    assert_eq!(
        (status, &answer["code"]),
        (400, &json!("InvalidExchangeToken"))
    );
    let partner = format!(
        "{}/exchange-partners/f53ffb32-c84f-496a-9d9d-acd100d396ef",
        rig.sandbox.dwolla_url()
    );
    let body = json!({"_links": {"exchange-partner": {"href": partner}}, "token": token});
    let (status, answer) = rig.refused(&format!("{customer}/exchanges"), &body).await;
    assert_eq!(
        (status, &answer["code"]),
        (401, &json!("InvalidExchangeToken"))
    );
}

#[tokio::test]
async fn the_same_bank_twice_leads_to_the_first_one() {
    let rig = Rig::start().await;
    let (nora, otto) = (rig.customer("Nora").await, rig.customer("Otto").await);
    let path = format!("{nora}/funding-sources");
    let bank = rig.create(&path, &by_numbers("123456789")).await;
    let (status, answer) = rig.refused(&path, &by_numbers("123456789")).await;
    assert_eq!(
        (status, &answer["code"]),
        (400, &json!("DuplicateResource"))
    );
    assert_eq!(href(&answer, "about"), bank);
    let id = bank.rsplit('/').next().unwrap();
    assert_eq!(answer["message"], format!("Bank already exists: id={id}"));
    let other = rig
        .create(&format!("{otto}/funding-sources"), &by_numbers("123456789"))
        .await;
    let fingerprint = async |bank: &str| rig.get(bank).await["fingerprint"].clone();
    assert_eq!(fingerprint(&bank).await, fingerprint(&other).await);
    assert_eq!(rig.effects("funding_source.created").len(), 2);
}

#[tokio::test]
async fn the_same_login_at_plaid_gives_the_same_bank_and_another_public_token_another() {
    let rig = Rig::start().await;
    let customer = rig.customer("Nora").await;
    rig.bank(&customer, "One").await;
    rig.bank(&customer, "Two").await;
    let login = json!({
        "institution_id": "ins_109508", "initial_products": ["auth"], "options": {"override_username": "user_good"},
    });
    let mut answers = Vec::new();
    for _ in 0..2 {
        let public = rig
            .plaid("/sandbox/public_token/create", login.clone())
            .await;
        let (access, account) = rig.exchanged(&public["public_token"]).await;
        let token = rig.processor_token(&access, &account).await;
        let body = json!({"plaidToken": token, "name": "Same", "bankAccountType": "checking"});
        answers.push(
            rig.post(&format!("{customer}/funding-sources"), "", &body)
                .await
                .status(),
        );
    }
    assert_eq!(answers, [StatusCode::CREATED, StatusCode::BAD_REQUEST]);
}

#[tokio::test]
async fn a_removed_bank_stays_readable_and_is_listed_unless_left_out() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    let answer: Value = rig
        .post(&wallet.bank, "", &json!({"removed": true}))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(answer["removed"], true);
    assert_eq!(rig.get(&wallet.bank).await["removed"], true);
    let count = async |query: &str| {
        let list = rig
            .get(&format!("{}/funding-sources{query}", wallet.customer))
            .await;
        list["_embedded"]["funding-sources"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(
        (
            count("").await,
            count("?removed=false").await,
            count("?removed=true").await
        ),
        (2, 1, 1)
    );
    let (status, answer) = rig.refused(&wallet.bank, &json!({"removed": true})).await;
    assert_eq!(
        (status, &answer["code"]),
        (403, &json!("InvalidResourceState"))
    );
    assert_eq!(
        rig.refused(&wallet.balance, &json!({"removed": true}))
            .await
            .0,
        400
    );
    assert_eq!(rig.effects("funding_source.removed").len(), 1);
}

#[tokio::test]
async fn an_unverified_bank_that_is_added_again_within_two_days_comes_back_under_its_id() {
    let mut rig = Rig::start().await;
    let customer = rig.customer("Nora").await;
    let path = format!("{customer}/funding-sources");
    let bank = rig.create(&path, &by_numbers("123456789")).await;
    rig.post(&bank, "", &json!({"removed": true})).await;
    assert_eq!(rig.create(&path, &by_numbers("123456789")).await, bank);
    rig.post(&bank, "", &json!({"removed": true})).await;
    rig.control.advance(std::time::Duration::from_hours(49));
    rig.token = rig.new_token().await;
    assert_ne!(rig.create(&path, &by_numbers("123456789")).await, bank);
}

#[tokio::test]
async fn removing_a_bank_cancels_credits_on_their_way_to_it_and_lets_debits_go_on() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "100").await;
    let credit = rig
        .create(
            "/transfers",
            &transfer(&wallet.balance, &wallet.bank, "30.00"),
        )
        .await;
    let debit = rig
        .create(
            "/transfers",
            &transfer(&wallet.bank, &wallet.balance, "5.00"),
        )
        .await;
    rig.post(&wallet.bank, "", &json!({"removed": true})).await;
    assert_eq!(rig.get(&credit).await["status"], "cancelled");
    assert_eq!(rig.dollars(&wallet.balance).await, "100.00");
    assert_eq!(rig.process().await, 1);
    assert_eq!(rig.get(&debit).await["status"], "processed");
    assert_eq!(rig.dollars(&wallet.balance).await, "105.00");
}

#[tokio::test]
async fn an_on_demand_authorization_answers_with_a_body() {
    let rig = Rig::start().await;
    let response = rig.post("/on-demand-authorizations", "", &json!({})).await;
    assert_eq!(response.status(), StatusCode::OK);
    let body: Value = response.json().await.unwrap();
    assert!(href(&body, "self").contains("/on-demand-authorizations/"));
    assert_eq!(body["buttonText"], "Agree & Continue");
}
