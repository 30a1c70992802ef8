//! Dwolla's webhooks: what is signed is kept whatever it says, what is not is refused.

use super::{Given, NOT_PROVEN, assert_refused, send};
use crate::harness::{Fleet, Investor, Reply, eventually, eventually_some};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use workers::dev::stack::WEBHOOK_SECRET;

fn signature(body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes()).unwrap();
    hex::encode(mac.chain_update(body).finalize().into_bytes())
}

async fn hook(fleet: &Fleet, path: &str, body: &str, signature: Option<&str>) -> Reply {
    let mut request = fleet.http.post(fleet.url(path)).body(body.to_owned());
    if let Some(signature) = signature {
        request = request.header("x-request-signature-sha-256", signature);
    }
    send(request.header("content-type", "application/json")).await
}

async fn signed(fleet: &Fleet, path: &str, body: &str) -> Reply {
    hook(fleet, path, body, Some(&signature(body))).await
}

fn event(id: &str, topic: &str, resource: &str) -> String {
    json!({ "id": id, "topic": topic, "resourceId": resource }).to_string()
}

/// Where the operation of an accepted webhook ended.
async fn ended(fleet: &Fleet, reply: &Reply) -> Value {
    let path = format!("/operations/{}", reply.operation());
    eventually_some("the webhook is handled", || async {
        let seen = fleet.get_as(&path, "operator").await;
        let status = seen.body["status"].as_str().unwrap_or_default();
        ["completed", "refused", "dead"]
            .contains(&status)
            .then_some(seen.body)
    })
    .await
}

#[tokio::test]
async fn a_body_without_its_signature_is_refused_on_every_address() {
    let fleet = Fleet::start().await;
    let before = Given::when_calm(&fleet).await;
    let body = event("e-1", "customer_transfer_completed", "t-1");
    let right = signature(&body);
    let other = signature("{}");
    let none = json!({});
    for path in [
        "/hooks/dwolla",
        "/queue/wallet/dwolla",
        "/wallet/webhook/transaction/error",
        "/wallet/webhook/transaction/process",
        "/wallet/webhook/wallet/status",
        "/wallet/transfer/webhook/transaction/error",
        "/wallet/transfer/webhook/transaction/process",
        "/wallet/transfer/webhook/wallet/status",
    ] {
        let forged = [
            None,
            Some(""),
            Some("zz"),
            Some(&right[..62]),
            Some(other.as_str()),
        ];
        for forged in forged {
            let reply = hook(&fleet, path, &body, forged).await;
            assert_refused(path, &reply, 401, NOT_PROVEN, &none);
        }
        let reply = hook(&fleet, path, &format!("{body} "), Some(&right)).await;
        assert_refused(path, &reply, 401, NOT_PROVEN, &none);
    }
    assert_eq!(Given::so_far(&fleet).await, before);
    fleet.finish().await;
}

#[tokio::test]
async fn an_event_that_comes_again_on_any_address_is_handled_once() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    nora.move_money(&fleet, "deposit", "40.00")
        .await
        .expect(202);
    let transfer = eventually_some("the transfer has started", || {
        fleet.scalar::<Option<String>>("select dwolla_id from transactions")
    })
    .await;
    let before = Given::when_calm(&fleet).await;

    let body = event("e-1", "customer_bank_transfer_created", &transfer);
    let first = signed(&fleet, "/hooks/dwolla", &body).await;
    let hinted = "/wallet/webhook/transaction/process?amount=40&funding_source_id=1";
    for path in ["/hooks/dwolla", hinted, "/queue/wallet/dwolla"] {
        let again = signed(&fleet, path, &body).await;
        assert_eq!(again.operation(), first.operation(), "{path}");
        assert!(again.status.is_success(), "{path}: {}", again.status);
    }
    assert_eq!(
        ended(&fleet, &first).await["result"]["applied"],
        "transaction"
    );
    first.expect(200);
    let after = Given::when_calm(&fleet).await;
    assert_eq!(after.operations, before.operations + 1);
    fleet.finish().await;
}

#[tokio::test]
async fn what_is_signed_but_not_understood_is_taken_and_stands_in_the_dead_letters() {
    let fleet = Fleet::start().await;
    let unknown = event("e-1", "customer_teleported", "r-1");
    let without_topic = json!({ "id": "e-2" }).to_string();
    for (body, code) in [
        ("this is not JSON", "malformed_event"),
        ("", "malformed_event"),
        ("[1]", "malformed_event"),
        (&without_topic, "malformed_event"),
        (&unknown, "unknown_event"),
    ] {
        let taken = signed(&fleet, "/hooks/dwolla", body).await;
        assert_eq!(taken.status, 200, "{body}: {}", taken.body);
        let end = ended(&fleet, &taken).await;
        assert_eq!(
            (&end["status"], &end["problem"]["code"]),
            (&json!("dead"), &json!(code))
        );
    }
    eventually("the letters are with the broker", || async {
        let jetstream = async_nats::jetstream::new(fleet.nats.clone());
        let letters = jetstream.get_stream("DLQ").await.unwrap();
        letters.cached_info().state.messages == 5
    })
    .await;
    fleet.finish_with(&["rejected"; 5]).await;
}
