//! Plaid's webhooks, judged by a verifier of our own that knows nothing of the sandbox's signer.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use sandbox::{Guise, PlaidWebhooks};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::rig::Rig;
use super::subscriber::{Received, Subscriber};

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Plaid's six steps. `key` is what the key endpoint answered for the token's `kid`.
fn verify(token: &str, key: &Value, body: &[u8], now: i64) -> Result<(), &'static str> {
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        return Err("shape");
    };
    let head: Value = serde_json::from_slice(&decode(header)).unwrap();
    if head["alg"] != "ES256" {
        return Err("alg");
    }
    if !key["expired_at"].is_null() {
        return Err("expired key");
    }
    let (Some(x), Some(y)) = (key["x"].as_str(), key["y"].as_str()) else {
        return Err("unknown key");
    };
    let point = [vec![4], decode(x), decode(y)].concat();
    let signed = format!("{header}.{claims}");
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(signed.as_bytes(), &decode(signature))
        .map_err(|_| "signature")?;
    let claims: Value = serde_json::from_slice(&decode(claims)).unwrap();
    let iat = claims["iat"].as_i64().unwrap();
    if !(now - 300..=now + 120).contains(&iat) {
        return Err("iat");
    }
    if claims["request_body_sha256"] != hex::encode(Sha256::digest(body)) {
        return Err("body");
    }
    Ok(())
}

#[test]
fn the_verifier_accepts_the_reference_vector_and_refuses_its_compact_form() {
    let body = "{\n  \"environment\": \"sandbox\",\n  \"identity_verification_id\": \"idv_7Tqk2mP4sWz9aB\",\n  \
                \"webhook_code\": \"STATUS_UPDATED\",\n  \"webhook_type\": \"IDENTITY_VERIFICATION\"\n}";
    let key = json!({
        "x": "tI4AgOsDhmFjkyViTitutXSvzbqdpW2CeFyhA1co1kE", "y": "ds6jaxiedGZYYK1TlipPHCKtBrrFLzeNpwhGLqZUxjg",
        "expired_at": null,
    });
    let token = concat!(
        "eyJhbGciOiJFUzI1NiIsImtpZCI6ImxvY2FsLWtleS0xIiwidHlwIjoiSldUIn0.eyJpYXQiOjE3NzAxMzEwNDUsInJlcXVlc3RfYm9keV9z",
        "aGEyNTYiOiI5MGU3MzkzNTdlNzQ3NDM2NGYxODMxN2Q5ZWI5OThjODdlYjAyMDg4ZmQ4ODFmMTZkYTMxYmQ0OGRjMjIxNTBiIn0.jHmARIjm",
        "9wSoUtEZZyYs8Z5PPcm1sbUK8t6kazFn3PXwPRj_lggqxHOEgrG2gpWF_xzknfGo_HEmRu0zL27adA",
    );
    let issued = 1_770_131_045;
    assert_eq!(body.len(), 161);
    assert_eq!(verify(token, &key, body.as_bytes(), issued), Ok(()));
    assert_eq!(
        verify(token, &key, body.as_bytes(), issued + 301),
        Err("iat")
    );
    let compact = serde_json::from_str::<Value>(body).unwrap().to_string();
    assert_eq!(verify(token, &key, compact.as_bytes(), issued), Err("body"));
    let pretty = format!("{:#}", serde_json::from_str::<Value>(body).unwrap());
    assert_eq!(
        pretty, body,
        "what the sandbox sends has Plaid's white space"
    );
}

async fn judge(rig: &Rig, webhook: &Received) -> Result<(), &'static str> {
    let Some(token) = webhook.headers.get("plaid-verification") else {
        return Err("unsigned");
    };
    let token = token.to_str().unwrap();
    let head: Value = serde_json::from_slice(&decode(token.split('.').next().unwrap())).unwrap();
    let (_, answer) = rig
        .try_plaid(
            "/webhook_verification_key/get",
            json!({"key_id": head["kid"]}),
        )
        .await;
    verify(
        token,
        &answer["key"],
        &webhook.body,
        rig.control.now().timestamp(),
    )
}

async fn fire(rig: &Rig, subscriber: &Subscriber, access: &str) -> Received {
    subscriber.clear();
    let body = json!({"access_token": access, "webhook_type": "ITEM", "webhook_code": "NEW_ACCOUNTS_AVAILABLE"});
    assert_eq!(
        rig.plaid("/sandbox/item/fire_webhook", body).await["webhook_fired"],
        true
    );
    rig.control.settle_webhooks().await.unwrap();
    subscriber.got()[0].clone()
}

#[tokio::test]
async fn only_a_genuine_webhook_verifies() {
    let rig = Rig::start().await;
    let subscriber = Subscriber::listen().await;
    let (access, _) = rig.linked().await;
    let cases = [
        (Guise::Genuine, Ok(())),
        (Guise::WrongAlg, Err("alg")),
        (Guise::NoneAlg, Err("alg")),
        (Guise::StaleIat, Err("iat")),
        (Guise::FutureIat, Err("iat")),
        (Guise::TamperedBody, Err("body")),
        (Guise::CompactBody, Err("body")),
        (Guise::ExpiredKey, Err("expired key")),
        (Guise::UnknownKey, Err("unknown key")),
        (Guise::Unsigned, Err("unsigned")),
    ];
    for (guise, expected) in cases {
        rig.control.set_plaid(PlaidWebhooks {
            target: Some(subscriber.url.clone()),
            guise,
        });
        let webhook = fire(&rig, &subscriber, &access).await;
        assert_eq!(judge(&rig, &webhook).await, expected, "{guise:?}");
    }
}

#[tokio::test]
async fn a_rotated_key_signs_and_the_old_one_verifies_until_it_expires() {
    let rig = Rig::start().await;
    let subscriber = Subscriber::listen().await;
    rig.control.set_plaid(PlaidWebhooks {
        target: Some(subscriber.url.clone()),
        ..PlaidWebhooks::default()
    });
    let (access, _) = rig.linked().await;
    let old = fire(&rig, &subscriber, &access).await;
    rig.control.rotate_plaid_key(false).unwrap();
    let new = fire(&rig, &subscriber, &access).await;
    assert_eq!(
        (judge(&rig, &old).await, judge(&rig, &new).await),
        (Ok(()), Ok(()))
    );
    rig.control.rotate_plaid_key(true).unwrap();
    assert_eq!(
        (judge(&rig, &old).await, judge(&rig, &new).await),
        (Ok(()), Err("expired key"))
    );
}

#[tokio::test]
async fn an_items_own_url_goes_first_and_any_body_can_be_sent_to_the_target() {
    let rig = Rig::start().await;
    let (own, target) = (Subscriber::listen().await, Subscriber::listen().await);
    let control = format!("{}/_sandbox/plaid/webhooks", rig.sandbox.url());
    let changed = rig
        .http
        .post(&control)
        .json(&json!({"target": target.url}))
        .send()
        .await
        .unwrap();
    assert_eq!(changed.json::<Value>().await.unwrap()["guise"], "genuine");
    let body = json!({
        "institution_id": "ins_109508", "initial_products": ["auth"], "options": {"webhook": own.url},
    });
    let public = rig.plaid("/sandbox/public_token/create", body).await;
    let (access, _) = rig.exchanged(&public["public_token"]).await;
    fire(&rig, &own, &access).await;
    let body = json!({"webhook_type": "IDENTITY_VERIFICATION", "webhook_code": "STATUS_UPDATED"});
    rig.http
        .post(format!("{control}/send"))
        .json(&body)
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap();
    rig.control.settle_webhooks().await.unwrap();
    assert_eq!((own.got().len(), target.got().len()), (1, 1));
    assert_eq!(judge(&rig, &target.got()[0]).await, Ok(()));
}
