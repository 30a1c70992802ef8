//! The ingress as its callers meet it, through the real broker and the real workers.

mod answer_rule;
mod bad_input;
mod broker_away;
mod cors;
mod dwolla_webhook;
mod health;
mod identity;
mod operations;
mod ownership;
mod plaid_webhook;
mod queue;
mod socket;

use crate::harness::{Fleet, Investor, Reply, eventually};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// The sentence of a refusal that its fields explain.
const BAD: &str = "Bad request.";
/// What is said of a field that is not there.
const MISSING: &str = "missing data for required field";
/// The sentence for what does not exist or is somebody else's.
const NOT_FOUND: &str = "Not found.";
/// The sentence for a proof that proves nothing.
const NOT_PROVEN: &str = "Authorization error.";

/// All that the fleet was ever given to do: a refused request must not add to it.
#[derive(Debug, PartialEq, Eq)]
struct Given {
    operations: i64,
    messages: u64,
}

impl Given {
    /// What it was given so far, once everything that was under way has ended.
    async fn when_calm(fleet: &Fleet) -> Self {
        fleet.sandbox().settle_webhooks().await.unwrap();
        eventually("nothing is under way", || async {
            let open = "select count(*) from operations where state in ('running', 'waiting')";
            fleet.queued().await == 0 && fleet.scalar::<i64>(open).await == 0
        })
        .await;
        Self::so_far(fleet).await
    }

    async fn so_far(fleet: &Fleet) -> Self {
        let jetstream = async_nats::jetstream::new(fleet.nats.clone());
        let mut messages = 0;
        for service in ["DIRECTORY", "KYC", "WALLET"] {
            let stream = jetstream
                .get_stream(format!("QUEUE_{service}"))
                .await
                .unwrap();
            messages += stream.cached_info().state.last_sequence;
        }
        let operations = fleet.scalar("select count(*) from operations").await;
        Self {
            operations,
            messages,
        }
    }
}

/// Checks an answer: its status, and a body of this sentence and exactly these fields.
#[track_caller]
fn assert_refused(what: &str, reply: &Reply, status: u16, sentence: &str, fields: &Value) {
    let mut expected = fields.clone();
    expected["__error__"] = json!([sentence]);
    assert_eq!(reply.status.as_u16(), status, "{what}: {}", reply.body);
    assert_eq!(reply.body, expected, "{what}");
}

/// A request with a person's cookie.
fn request(fleet: &Fleet, who: &Investor, method: Method, path: &str) -> RequestBuilder {
    fleet
        .http
        .request(method, fleet.url(path))
        .header("cookie", &who.cookie)
}

/// The answer to a request.
async fn send(request: RequestBuilder) -> Reply {
    Reply::of(request.send().await.unwrap()).await
}

/// The path of a person's movements.
fn movements(who: &Investor) -> String {
    format!("/wallet/auth/wallet/{}/transactions", who.wallet)
}

/// A deposit that nothing is wrong with.
fn deposit(who: &Investor, amount: &str) -> Value {
    json!({ "type": "deposit", "amount": amount, "funding_source_id": who.bank })
}

/// Ends a test once everything is done: so many transfers were made, neither more nor fewer.
async fn finish_with_transfers(fleet: Fleet, count: usize) {
    Given::when_calm(&fleet).await;
    assert_eq!(fleet.effects("transfer.created"), count);
    fleet.finish().await;
}
