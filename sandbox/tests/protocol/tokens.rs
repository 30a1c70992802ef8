//! Tokens, media type, and the entry point.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, AUTHORIZATION};
use sandbox::{Fault, FaultSpec, Partner, SandboxConfig};
use serde_json::{Value, json};

use super::rig::{HAL, Rig, href};

#[tokio::test]
async fn credentials_are_taken_from_the_basic_header_or_the_form() {
    let rig = Rig::start().await;
    let config = SandboxConfig::default();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &config.dwolla_key),
        ("client_secret", &config.dwolla_secret),
    ];
    let url = format!("{}/token", rig.sandbox.dwolla_url());
    let body: Value = rig
        .http
        .post(&url)
        .form(&form)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&body["token_type"], &body["expires_in"]),
        (&json!("Bearer"), &json!(3600))
    );
    let wrong = rig
        .http
        .post(&url)
        .basic_auth("nobody", Some("nothing"))
        .form(&form[..1]);
    let wrong = wrong.send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        wrong.json::<Value>().await.unwrap(),
        json!({"error": "invalid_client"})
    );
}

#[tokio::test]
async fn a_new_token_leaves_the_old_one_valid_and_both_expire_on_the_virtual_clock() {
    let mut rig = Rig::start().await;
    let first = rig.token.clone();
    rig.control.advance(Duration::from_mins(30));
    rig.token = rig.new_token().await;
    rig.get("/").await;
    let second = std::mem::replace(&mut rig.token, first);
    rig.get("/").await;
    rig.control.advance(Duration::from_secs(1801));
    let (status, body) = rig.try_get("/").await;
    assert_eq!(
        (status.as_u16(), &body["code"]),
        (401, &json!("ExpiredAccessToken"))
    );
    rig.token = second;
    rig.get("/").await;
    rig.token = "made-up".to_owned();
    assert_eq!(rig.try_get("/").await.1["code"], "InvalidAccessToken");
}

#[tokio::test]
async fn a_token_expiry_fault_hits_the_request_that_triggers_it_and_no_later_token() {
    let mut rig = Rig::start().await;
    let fault = rig.control.arm(FaultSpec::once(
        Partner::Dwolla,
        "GET",
        "/",
        Fault::TokenExpiry,
    ));
    let (status, body) = rig.try_get("/").await;
    assert_eq!(
        (status.as_u16(), &body["code"]),
        (401, &json!("ExpiredAccessToken"))
    );
    rig.control.await_fired(fault, 1).await.unwrap();
    rig.token = rig.new_token().await;
    rig.get("/").await;
}

#[tokio::test]
async fn a_request_without_the_media_type_is_not_acceptable() {
    let rig = Rig::start().await;
    let url = rig.sandbox.dwolla_url();
    let bare = rig
        .http
        .get(&url)
        .header(AUTHORIZATION, format!("Bearer {}", rig.token));
    let response = bare.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_ACCEPTABLE);
    assert!(response.headers().contains_key("x-request-id"));
    assert_eq!(
        response.json::<Value>().await.unwrap()["code"],
        "InvalidVersion"
    );
    let anonymous = rig.http.get(&url).header(ACCEPT, HAL).send().await.unwrap();
    assert_eq!(
        anonymous.json::<Value>().await.unwrap()["code"],
        "InvalidCredentials"
    );
}

#[tokio::test]
async fn the_root_leads_to_our_account_with_a_bank_and_five_thousand_dollars() {
    let rig = Rig::start().await;
    let account = href(&rig.get("/").await, "account");
    assert_eq!(rig.get(&account).await["name"], "Sandbox Platform");
    let sources = rig.get(&format!("{account}/funding-sources")).await;
    let balance = href(&sources["_embedded"]["funding-sources"][0], "self");
    assert_eq!(rig.dollars(&balance).await, "5000.00");
    assert_eq!(
        rig.try_get("/accounts/8d1c1d1e-0000-4000-8000-000000000000")
            .await
            .0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(rig.try_get("/nothing-here").await.1["code"], "NotFound");
}
