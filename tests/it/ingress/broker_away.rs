//! The broker is away: nothing is accepted that it has not acknowledged, and the same key may be
//! sent again at no risk.

use super::{Given, assert_refused, deposit};
use crate::harness::{Fleet, Investor, Reply, eventually, eventually_some, quick};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tranche::config::Config;

const AGAIN: &str = "The request was not acknowledged: send it again with the same idempotency \
                     key, at no risk of doing it twice.";
const LOOK: &str = "The request was not acknowledged, and came without an idempotency key: look at \
                    the operation that Location names before you send it again.";

/// Ownerships stay known while nobody can be asked.
fn remembering(config: &mut Config) {
    quick(config);
    config.ingress.access_cache_ms = 60_000;
}

/// A fleet and a person whose ownership of the wallet is known.
async fn ready() -> (Fleet, Investor) {
    let mut fleet = Fleet::with(remembering).await;
    fleet.work();
    fleet.answering().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    nora.transactions(&fleet).await;
    Given::when_calm(&fleet).await;
    (fleet, nora)
}

/// The answer to the same request under the same key, once it is taken.
async fn taken(fleet: &Fleet, nora: &Investor, key: &str) -> Reply {
    eventually_some("the broker takes it again", || async {
        let reply = nora.ask(fleet, deposit(nora, "50.00"), Some(key)).await;
        reply.status.is_success().then_some(reply)
    })
    .await
}

#[tokio::test]
async fn a_stopped_broker_is_a_503_and_the_repeated_key_is_one_transfer() {
    let (fleet, nora) = ready().await;
    fleet.stack.nats.stop().await.unwrap();
    eventually("the ingress notices", || async {
        Reply::of(fleet.http.get(fleet.url("/readyz")).send().await.unwrap())
            .await
            .status
            == 503
    })
    .await;
    let refused = nora.ask(&fleet, deposit(&nora, "50.00"), Some("k")).await;
    assert_refused("with a key", &refused, 503, AGAIN, &json!({}));
    assert_eq!(refused.headers["retry-after"], "2");
    let unnamed = nora.move_money(&fleet, "deposit", "50.00").await;
    assert_refused("without a key", &unnamed, 503, LOOK, &json!({}));
    assert_eq!(
        unnamed.headers["location"],
        format!("/operations/{}", unnamed.operation())
    );

    fleet.stack.nats.restart().await.unwrap();
    let accepted = taken(&fleet, &nora, "k").await;
    assert_eq!(accepted.operation(), refused.operation());
    let again = taken(&fleet, &nora, "k").await;
    assert_eq!(again.operation(), refused.operation());
    let lost = format!("/operations/{}", unnamed.operation());
    assert_eq!(fleet.get_as(&lost, "operator").await.status, 404);
    super::finish_with_transfers(fleet, 1).await;
}

#[tokio::test]
async fn a_request_that_was_stored_without_an_acknowledgement_is_done_once_all_the_same() {
    let (fleet, nora) = ready().await;
    let server = fleet.stack.nats.pid().await.unwrap();
    let server = Pid::from_raw(i32::try_from(server).unwrap()).unwrap();
    // A server that is stopped but not gone still takes bytes: the message waits in its socket.
    kill_process(server, Signal::STOP).unwrap();
    let unknown = nora.ask(&fleet, deposit(&nora, "50.00"), Some("k")).await;
    kill_process(server, Signal::CONT).unwrap();
    assert_refused("unknown", &unknown, 503, AGAIN, &json!({}));
    assert!(unknown.headers.contains_key("retry-after"));

    let path = format!("/operations/{}", unknown.operation());
    eventually("the location tells that it was stored", || async {
        fleet.get_as(&path, "operator").await.status == 200
    })
    .await;
    let accepted = taken(&fleet, &nora, "k").await;
    assert_eq!(accepted.operation(), unknown.operation());
    super::finish_with_transfers(fleet, 1).await;
}
