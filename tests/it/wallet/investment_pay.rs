//! Paying a reservation.

use super::rows::{assert_purse, customer, hold_webhooks, let_webhooks_go, postings, row};
use crate::harness::{Fleet, Investor, eventually};
use serde_json::{Value, json};
use tranche::ops::dlq;
use tranche::store::dead_letters::Act;

/// Nora with 100 dollars, and 70 of them set aside for the offer.
async fn reserved(fleet: &Fleet) -> (Investor, Investor, Value) {
    let nora = Investor::with_bank(fleet, "Checking").await;
    let offer = Investor::with_wallet(fleet, "Offer", "verified").await;
    nora.deposit(fleet, "100.00").await;
    let body = json!({ "wallet_id": nora.wallet, "offer_wallet_id": offer.wallet,
                       "investment_id": 1, "amount": "70.00" });
    let reserved = fleet
        .command("wallet/investment_reserve", body)
        .await
        .expect(200);
    (nora, offer, reserved["id"].clone())
}

#[tokio::test]
async fn a_payment_moves_both_sides_at_once_when_the_transfer_is_done() {
    let fleet = Fleet::start().await;
    let (nora, offer, id) = reserved(&fleet).await;
    hold_webhooks(&fleet);
    let pay = || fleet.command("wallet/investment_pay", json!({ "transaction_id": id }));
    assert_eq!(pay().await.expect(200)["status"], "pending");
    assert_purse(&fleet, &nora, ["100", "0", "70"]).await;
    let release = fleet.command("wallet/investment_release", json!({ "transaction_id": id }));
    release.await.expect(409);
    // Each party has events of its own for the one transfer.
    assert_eq!(fleet.sandbox().flush_webhooks(true).await, 4);
    nora.transaction_in(&fleet, &id, "processed").await;
    assert_purse(&fleet, &nora, ["30", "0", "0"]).await;
    assert_purse(&fleet, &offer, ["70", "0", "0"]).await;
    let posted = postings(&fleet, &id).await;
    assert_eq!(posted[0], ">wait 0.00 0.00 70.00");
    assert_eq!(posted.len(), 3);
    assert!(
        posted.contains(&"pending>processed -70.00 0.00 -70.00".to_owned()),
        "{posted:?}"
    );
    assert!(
        posted.contains(&"pending>processed 70.00 0.00 0.00".to_owned()),
        "{posted:?}"
    );
    pay().await.expect(200);
    assert_eq!(fleet.effects("transfer.created"), 2);
    fleet.finish().await;
}

#[tokio::test]
async fn only_verified_wallets_pay_and_are_paid() {
    let fleet = Fleet::start().await;
    let (nora, offer, id) = reserved(&fleet).await;
    for one in [&nora, &offer] {
        let theirs = customer(&fleet, one).await;
        fleet
            .sandbox()
            .set_customer_status(&theirs, "suspended")
            .unwrap();
        one.wallet_in(&fleet, "error_suspended").await;
        let body = json!({ "transaction_id": id });
        let caller = if one.user == nora.user {
            "operator"
        } else {
            "kyc"
        };
        fleet
            .post_as("/queue/wallet/investment_pay", caller, body)
            .await
            .expect(412);
        fleet
            .sandbox()
            .set_customer_status(&theirs, "verified")
            .unwrap();
        one.wallet_in(&fleet, "verified").await;
    }
    assert_eq!(row(&fleet, &id).await.0, "wait");
    assert_purse(&fleet, &nora, ["100", "0", "70"]).await;
    let body = json!({ "transaction_id": id });
    fleet
        .post_as("/queue/wallet/investment_pay", "directory", body)
        .await
        .expect(200);
    nora.transaction_in(&fleet, &id, "processed").await;
    assert_purse(&fleet, &offer, ["70", "0", "0"]).await;
    fleet.finish().await;
}

#[tokio::test]
async fn a_payment_that_dwolla_refuses_fails_and_replaying_its_letter_pays_nothing() {
    let fleet = Fleet::start().await;
    let (nora, offer, id) = reserved(&fleet).await;
    hold_webhooks(&fleet);
    let theirs = customer(&fleet, &nora).await;
    fleet
        .sandbox()
        .set_customer_status(&theirs, "suspended")
        .unwrap();
    let pay = fleet.command("wallet/investment_pay", json!({ "transaction_id": id }));
    let refused = pay.await.expect(424);
    assert!(refused["__error__"].is_array(), "{refused}");
    assert_eq!(
        row(&fleet, &id).await,
        ("failed".into(), Some("restricted".into()), String::new())
    );
    assert_purse(&fleet, &nora, ["100", "0", "0"]).await;

    fleet
        .sandbox()
        .set_customer_status(&theirs, "verified")
        .unwrap();
    let letter = fleet
        .scalar("select id from dead_letters where class = 'rejected'")
        .await;
    let (engine, _) = workers::fleet::engine(fleet.config(), "operator")
        .await
        .unwrap();
    dlq::replay(
        &engine,
        &Act {
            letter,
            actor: "test",
            reason: "again",
        },
    )
    .await
    .unwrap();
    eventually("the replay ends in the dead letters again", || async {
        fleet
            .scalar::<i64>("select count(*) from dead_letters where code = 'transfer_given_up'")
            .await
            == 1
    })
    .await;
    assert_eq!(fleet.effects("transfer.created"), 1, "only the deposit");
    let_webhooks_go(&fleet);
    fleet.sandbox().flush_webhooks(false).await;
    nora.wallet_in(&fleet, "verified").await;

    // The investment itself may be paid anew.
    let body = json!({ "wallet_id": nora.wallet, "offer_wallet_id": offer.wallet,
                       "investment_id": 1, "amount": "70.00" });
    fleet
        .post_as("/queue/wallet/investment_reserve", "kyc", body)
        .await
        .expect(200);
    assert_purse(&fleet, &nora, ["100", "0", "70"]).await;
    fleet.finish_with(&["rejected"]).await;
}
