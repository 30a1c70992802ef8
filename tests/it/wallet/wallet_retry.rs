//! The one retry that Dwolla allows, with the full SSN.

use super::rows::{customer, effects_of};
use crate::harness::{Fleet, Investor};
use sandbox::{CallQuery, Fault, FaultSpec, Partner, When};
use serde_json::json;

fn posts_to(fleet: &Fleet, customer: &str) -> usize {
    let query = CallQuery {
        partner: Some(Partner::Dwolla),
        method: Some("POST".to_owned()),
        path: Some(format!("/customers/{customer}")),
    };
    fleet.sandbox().calls(&query).len()
}

#[tokio::test]
async fn the_retry_needs_all_nine_digits_and_is_allowed_once() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_wallet(&fleet, "retry", "error_retry").await;
    let id = customer(&fleet, &nora).await;
    let retry = || fleet.command("wallet/wallet_retry", json!({ "wallet_id": nora.wallet }));

    let refused = retry().await.expect(412);
    assert!(refused["ssn"].is_array(), "{refused}");
    assert_eq!(
        posts_to(&fleet, &id),
        0,
        "four digits would spend the attempt"
    );

    nora.tell_profile(&fleet, 2, "Nora", "123456789").await;
    assert_eq!(retry().await.expect(200)["status"], "verified");
    nora.wallet_in(&fleet, "verified").await;
    retry().await.expect(409);
    assert_eq!(posts_to(&fleet, &id), 1);
    fleet.finish().await;
}

#[tokio::test]
async fn a_retry_that_fails_asks_for_a_document_and_there_is_no_third() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_wallet(&fleet, "retry", "error_retry").await;
    let id = customer(&fleet, &nora).await;
    nora.tell_profile(&fleet, 2, "retry", "123456789").await;
    let retry = || fleet.command("wallet/wallet_retry", json!({ "wallet_id": nora.wallet }));
    assert_eq!(retry().await.expect(200)["status"], "error_document");
    retry().await.expect(409);
    assert_eq!(posts_to(&fleet, &id), 1);
    // Even when Dwolla's staff asks for the data again: the attempt is spent.
    fleet.sandbox().set_customer_status(&id, "retry").unwrap();
    fleet.sandbox().settle_webhooks().await.unwrap();
    retry().await.expect(409);
    fleet
        .command("wallet/wallet_retry", json!({ "wallet_id": 999_999 }))
        .await
        .expect(404);
    fleet.finish().await;
}

#[tokio::test]
async fn a_retry_whose_answer_is_lost_is_found_even_after_the_webhook_moved_the_wallet() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_wallet(&fleet, "retry", "error_retry").await;
    let id = customer(&fleet, &nora).await;
    nora.tell_profile(&fleet, 2, "Nora", "123456789").await;
    let hold = Fault::Hold { when: When::After };
    let path = "/customers/{}$";
    let gate = fleet
        .sandbox()
        .arm(FaultSpec::once(Partner::Dwolla, "POST", path, hold));
    let broken = Fault::Status {
        status: 500,
        when: When::Before,
        retry_after: None,
    };
    let looking = FaultSpec {
        times: 1,
        ..FaultSpec::once(Partner::Dwolla, "GET", path, broken)
    };
    let retry = fleet.command("wallet/wallet_retry", json!({ "wallet_id": nora.wallet }));
    let meanwhile = async {
        fleet.sandbox().await_fired(gate, 1).await.unwrap();
        nora.wallet_in(&fleet, "verified").await;
        // The first look at what became of it fails too.
        fleet.sandbox().arm(looking);
    };
    let (answer, ()) = tokio::join!(retry, meanwhile);
    fleet.sandbox().release(gate).unwrap();
    assert_eq!(answer.expect(200)["status"], "verified");
    assert_eq!(effects_of(&fleet, "customer.updated", &id), 1);
    let spent = "select count(*) from wallets where retried_at is not null";
    assert_eq!(fleet.scalar::<i64>(spent).await, 1);
    fleet.finish().await;
}
