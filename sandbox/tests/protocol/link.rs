//! Plaid: how requests are read, tokens, items.

use std::time::Duration;

use sandbox::{Fault, FaultSpec, Partner, When};
use serde_json::{Value, json};

use super::rig::Rig;

fn institution() -> Value {
    json!({"institution_id": "ins_109508", "initial_products": ["auth"]})
}

#[tokio::test]
async fn unknown_missing_and_null_fields_wrong_keys_and_wrong_paths_are_refused() {
    let rig = Rig::start().await;
    let cases = [
        (
            "/item/get",
            json!({"access_token": "a", "colour": 1}),
            "UNKNOWN_FIELDS",
        ),
        ("/item/get", json!({}), "MISSING_FIELDS"),
        (
            "/item/remove",
            json!({"access_token": "a", "reason_note": null}),
            "INVALID_FIELD",
        ),
        (
            "/item/get",
            json!({"access_token": "a"}),
            "INVALID_ACCESS_TOKEN",
        ),
        ("/item/unknown", json!({}), "NOT_FOUND"),
        (
            "/link/token/create",
            json!({"client_name": "x", "language": "en", "country_codes": ["US"], "user": {}}),
            "MISSING_FIELDS",
        ),
    ];
    for (path, body, code) in cases {
        let (status, answer) = rig.try_plaid(path, body).await;
        assert_eq!(answer["error_code"], code, "{path}");
        assert_eq!(status, if code == "NOT_FOUND" { 404 } else { 400 });
        assert_eq!(answer["request_id"].as_str().unwrap().len(), 15);
    }
    let url = format!("{}/item/get", rig.sandbox.plaid_url());
    let post = async |client: &str, body: &'static str| -> Value {
        let request = rig
            .http
            .post(&url)
            .header("content-type", "application/json")
            .header("PLAID-CLIENT-ID", client);
        request
            .header("PLAID-SECRET", "sandbox-plaid-secret")
            .body(body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    };
    assert_eq!(post("nobody", "{}").await["error_code"], "INVALID_API_KEYS");
    assert_eq!(
        post("5f0000000000000000sandbox", "{}").await["error_code"],
        "MISSING_FIELDS"
    );
    assert_eq!(
        post("5f0000000000000000sandbox", "{").await["error_code"],
        "INVALID_BODY"
    );
}

#[tokio::test]
async fn a_link_token_lives_four_hours() {
    let rig = Rig::start().await;
    let body = json!({
        "client_name": "Invest Local", "language": "en", "country_codes": ["US"], "products": ["auth"],
        "user": {"client_user_id": "usr-1001"},
    });
    let answer = rig.plaid("/link/token/create", body.clone()).await;
    assert!(
        answer["link_token"]
            .as_str()
            .unwrap()
            .starts_with("link-sandbox-")
    );
    let expires: chrono::DateTime<chrono::Utc> =
        answer["expiration"].as_str().unwrap().parse().unwrap();
    let hours = (expires - rig.control.now()).num_minutes();
    assert!((239..=240).contains(&hours), "{hours} minutes");
    let mut personal = body;
    personal["user"]["client_user_id"] = "nora@mail.test".into();
    assert_eq!(
        rig.try_plaid("/link/token/create", personal).await.1["error_code"],
        "INVALID_FIELD"
    );
}

#[tokio::test]
async fn a_public_token_is_exchanged_once_and_within_thirty_minutes() {
    let rig = Rig::start().await;
    let public = rig
        .plaid("/sandbox/public_token/create", institution())
        .await["public_token"]
        .clone();
    let exchange = json!({"public_token": public});
    let item = rig
        .plaid("/item/public_token/exchange", exchange.clone())
        .await;
    assert!(
        item["access_token"]
            .as_str()
            .unwrap()
            .starts_with("access-sandbox-")
    );
    let (_, again) = rig.try_plaid("/item/public_token/exchange", exchange).await;
    assert_eq!(
        again["error_message"],
        "could not find matching public token"
    );
    let late = rig
        .plaid("/sandbox/public_token/create", institution())
        .await["public_token"]
        .clone();
    rig.control.advance(Duration::from_mins(31));
    let (_, answer) = rig
        .try_plaid("/item/public_token/exchange", json!({"public_token": late}))
        .await;
    assert!(
        answer["error_message"]
            .as_str()
            .unwrap()
            .contains("expired")
    );
    let (_, answer) = rig
        .try_plaid("/item/public_token/exchange", json!({"public_token": "x"}))
        .await;
    assert!(
        answer["error_message"]
            .as_str()
            .unwrap()
            .contains("invalid format")
    );
    assert_eq!(rig.effects("item.exchanged").len(), 1);
}

#[tokio::test]
async fn a_login_has_two_accounts_with_their_masks_and_different_numbers() {
    let rig = Rig::start().await;
    let (access, _) = rig.linked().await;
    let auth = rig
        .plaid("/auth/get", json!({"access_token": access}))
        .await;
    let shown: Vec<(&Value, &Value)> = auth["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|account| (&account["subtype"], &account["mask"]))
        .collect();
    assert_eq!(
        shown,
        [
            (&json!("checking"), &json!("0000")),
            (&json!("savings"), &json!("1111"))
        ]
    );
    let numbers = &auth["numbers"]["ach"];
    assert_ne!(numbers[0]["account"], numbers[1]["account"]);
    assert!(numbers[0]["account"].as_str().unwrap().ends_with("0000"));
}

#[tokio::test]
async fn a_removed_item_is_gone_and_a_reset_login_asks_for_repair() {
    let rig = Rig::start().await;
    let (access, account) = rig.linked().await;
    let ask = json!({"access_token": access});
    let processor = json!({"access_token": access, "account_id": account, "processor": "dwolla"});
    let mut wrong = processor.clone();
    wrong["account_id"] = "another".into();
    assert_eq!(
        rig.try_plaid("/processor/token/create", wrong).await.1["error_code"],
        "INVALID_ACCOUNT_ID"
    );
    rig.plaid("/sandbox/item/reset_login", ask.clone()).await;
    assert_eq!(
        rig.try_plaid("/processor/token/create", processor).await.1["error_code"],
        "ITEM_LOGIN_REQUIRED"
    );
    assert_eq!(
        rig.plaid("/item/get", ask.clone()).await["item"]["error"]["error_code"],
        "ITEM_LOGIN_REQUIRED"
    );
    rig.plaid("/item/remove", ask.clone()).await;
    assert_eq!(
        rig.try_plaid("/item/remove", ask).await.1["error_code"],
        "INVALID_ACCESS_TOKEN"
    );
    assert_eq!(rig.effects("item.removed").len(), 1);
}

#[tokio::test]
async fn an_exchange_whose_answer_is_lost_has_used_the_token_up() {
    let rig = Rig::start().await;
    let public = rig
        .plaid("/sandbox/public_token/create", institution())
        .await["public_token"]
        .clone();
    let fault = Fault::Status {
        status: 500,
        when: When::After,
        retry_after: None,
    };
    rig.control.arm(FaultSpec::once(
        Partner::Plaid,
        "POST",
        "/item/public_token/exchange",
        fault,
    ));
    let (status, answer) = rig
        .try_plaid(
            "/item/public_token/exchange",
            json!({"public_token": public}),
        )
        .await;
    assert_eq!(
        (status, &answer["error_code"]),
        (500, &json!("INTERNAL_SERVER_ERROR"))
    );
    assert_eq!(rig.effects("item.exchanged").len(), 1);
    let (_, answer) = rig
        .try_plaid(
            "/item/public_token/exchange",
            json!({"public_token": public}),
        )
        .await;
    assert_eq!(answer["error_code"], "INVALID_PUBLIC_TOKEN");
}
