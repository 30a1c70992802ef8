//! `POST /queue/{service}/{topic}`: for internal callers, who get a receipt, and for signed webhooks.

use super::{BAD, Given, MISSING, NOT_FOUND, NOT_PROVEN, assert_refused, send};
use crate::harness::{Fleet, Investor, Reply, eventually};
use serde_json::{Value, json};

async fn post(fleet: &Fleet, path: &str, token: Option<&str>, body: &Value) -> Reply {
    let mut request = fleet.http.post(fleet.url(path)).json(body);
    if let Some(token) = token {
        request = request.header("authorization", token);
    }
    send(request).await
}

#[tokio::test]
async fn only_a_known_caller_reaches_a_known_topic_with_a_payload_that_fits() {
    let fleet = Fleet::start().await;
    let before = Given::when_calm(&fleet).await;
    let (good, none) = (Fleet::token("kyc"), json!({}));
    let approved = json!({ "profile_id": 1 });

    for token in [
        None,
        Some("Bearer wrong"),
        Some("Bearer "),
        Some("dev-kyc-token-and-more"),
    ] {
        for path in ["/queue/kyc/approved", "/queue/no/topic"] {
            let reply = post(&fleet, path, token, &approved).await;
            assert_refused(path, &reply, 401, NOT_PROVEN, &none);
        }
    }
    for path in [
        "/queue/kyc/nothing",
        "/queue/no/approved",
        "/queue/kyc/%3E",
        "/queue/*/approved",
    ] {
        let reply = post(&fleet, path, Some(&good), &approved).await;
        assert_refused(path, &reply, 404, NOT_FOUND, &none);
    }
    for (body, fields) in [
        (json!({}), json!({ "profile_id": [MISSING] })),
        (
            json!({ "profile_id": "1" }),
            json!({ "profile_id": ["must be of type: integer"] }),
        ),
        (
            json!({ "profile_id": 0 }),
            json!({ "profile_id": ["greater than or equal to 1"] }),
        ),
    ] {
        let reply = post(&fleet, "/queue/kyc/approved", Some(&good), &body).await;
        assert_refused("payload", &reply, 400, BAD, &fields);
    }
    // A webhook's workers believe that it was signed: a token does not replace the signature.
    for path in ["/queue/wallet/dwolla", "/queue/wallet/plaid"] {
        let reply = post(&fleet, path, Some(&good), &json!({ "id": "e" })).await;
        assert_refused(path, &reply, 401, NOT_PROVEN, &none);
    }
    assert_eq!(Given::so_far(&fleet).await, before);
    fleet.finish().await;
}

#[tokio::test]
async fn an_accepted_message_has_a_receipt_and_a_repeated_one_says_so() {
    let fleet = Fleet::start().await;
    let nora = Investor::known(&fleet, "Nora").await;
    let body = json!({ "profile_id": nora.profile });
    let token = Fleet::token("kyc");
    let first = post(&fleet, "/queue/kyc/approved", Some(&token), &body).await;
    let again = post(&fleet, "/queue/kyc/approved", Some(&token), &body).await;

    assert_eq!(first.operation(), again.operation());
    let (first, again) = (first.expect(202), again.expect(202));
    assert_eq!(first["status"], "accepted");
    assert_eq!(first["stream"], "QUEUE_KYC");
    assert!(
        first["seq"].is_u64() && first["message_id"].is_string(),
        "{first}"
    );
    assert_eq!(
        (&first["duplicate"], &again["duplicate"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(first["seq"], again["seq"]);

    let waited = fleet.post_as("/queue/kyc/approved", "kyc", body).await;
    let outcome = json!({ "profile_id": nora.profile, "wallet": true });
    assert_eq!(waited.expect(200), outcome, "who waits gets the outcome");

    nora.wallet_in(&fleet, "verified").await;
    eventually("the customer is created once", || async {
        fleet.effects("customer.created") == 1
    })
    .await;
    fleet.finish().await;
}
