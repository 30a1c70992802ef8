//! Deposits and withdrawals that do not go well: returned by the bank, at once or late, or refused by
//! Dwolla.

use super::rows::{assert_purse, hold_webhooks, let_webhooks_go, postings, row};
use crate::harness::{
    Fleet, Investor, eventually, eventually_some, settle_banks, settle_banks_when_started,
};
use serde_json::json;
use tranche::ops::dlq;
use tranche::store::dead_letters::Act;
use uuid::Uuid;

#[tokio::test]
async fn a_deposit_that_the_bank_returns_is_failed_with_its_code() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "R01").await;
    let asked = nora
        .move_money(&fleet, "deposit", "25.50")
        .await
        .expect(202);
    assert_purse(&fleet, &nora, ["0", "25.50", "0"]).await;

    settle_banks_when_started(&fleet, &asked["id"]).await;
    nora.transaction_in(&fleet, &asked["id"], "failed").await;
    assert_eq!(row(&fleet, &asked["id"]).await.1.as_deref(), Some("R01"));
    assert_purse(&fleet, &nora, ["0", "0", "0"]).await;
    let posted = postings(&fleet, &asked["id"]).await;
    assert_eq!(
        posted,
        [
            ">created 0.00 25.50 0.00",
            "pending>failed 0.00 -25.50 0.00"
        ]
    );
    fleet.finish().await;
}

#[tokio::test]
async fn a_withdrawal_leaves_the_balance_at_once_and_comes_back_when_the_bank_refuses_it() {
    let fleet = Fleet::start().await;
    let mut nora = Investor::with_bank(&fleet, "Checking").await;
    nora.deposit(&fleet, "100.00").await;

    let paid = nora
        .move_money(&fleet, "withdrawal", "30.25")
        .await
        .expect(202);
    assert_purse(&fleet, &nora, ["69.75", "0", "0"]).await;
    settle_banks_when_started(&fleet, &paid["id"]).await;
    nora.transaction_in(&fleet, &paid["id"], "processed").await;
    assert_purse(&fleet, &nora, ["69.75", "0", "0"]).await;
    assert_eq!(
        postings(&fleet, &paid["id"]).await,
        [">created -30.25 0.00 0.00"]
    );

    nora.bank = nora.link_bank(&fleet, "R03").await;
    let back = nora
        .move_money(&fleet, "withdrawal", "69.75")
        .await
        .expect(202);
    assert_purse(&fleet, &nora, ["0", "0", "0"]).await;
    settle_banks_when_started(&fleet, &back["id"]).await;
    nora.transaction_in(&fleet, &back["id"], "failed").await;
    assert_eq!(row(&fleet, &back["id"]).await.1.as_deref(), Some("R03"));
    assert_purse(&fleet, &nora, ["69.75", "0", "0"]).await;
    let posted = postings(&fleet, &back["id"]).await;
    assert_eq!(
        posted,
        [
            ">created -69.75 0.00 0.00",
            "pending>failed 69.75 0.00 0.00"
        ]
    );

    eventually("the bank is removed, as R03 asks", || async {
        let wallet = nora.wallet(&fleet).await.expect(200);
        wallet["funding_source"].as_array().unwrap().len() == 1
    })
    .await;
    let refused = nora
        .move_money(&fleet, "withdrawal", "10.00")
        .await
        .expect(400);
    assert!(refused["funding_source_id"].is_array(), "{refused}");
    fleet.finish().await;
}

#[tokio::test]
async fn a_late_return_is_booked_against_the_deposit_and_freezes_a_wallet_below_zero() {
    let fleet = Fleet::start().await;
    let mut nora = Investor::with_bank(&fleet, "R01-late").await;
    nora.deposit(&fleet, "100.00").await;
    let deposit = nora.transactions(&fleet).await.remove(0);
    nora.bank = nora.link_bank(&fleet, "Checking").await;
    let withdrawal = nora
        .move_money(&fleet, "withdrawal", "60.00")
        .await
        .expect(202);
    settle_banks_when_started(&fleet, &withdrawal["id"]).await;
    nora.transaction_in(&fleet, &deposit["id"], "failed").await;
    nora.transaction_in(&fleet, &withdrawal["id"], "processed")
        .await;
    assert_purse(&fleet, &nora, ["-60", "0", "0"]).await;

    let back = nora
        .transactions(&fleet)
        .await
        .into_iter()
        .find(|t| t["type"] == "return")
        .unwrap();
    assert_eq!(
        (&back["status"], &back["amount"]),
        (&json!("processed"), &json!(100))
    );
    assert_eq!(
        (&back["source_wallet_id"], &back["dest_wallet_id"]),
        (&json!(nora.wallet), &json!(0))
    );
    assert_eq!(
        postings(&fleet, &back["id"]).await,
        ["processed>failed -100.00 0.00 0.00"]
    );
    assert_eq!(
        postings(&fleet, &deposit["id"]).await.len(),
        2,
        "the deposit's own rows stand"
    );
    assert_eq!(row(&fleet, &deposit["id"]).await.1.as_deref(), Some("R01"));
    assert_eq!(row(&fleet, &back["id"]).await.1.as_deref(), Some("R01"));

    for kind in ["deposit", "withdrawal"] {
        let refused = nora.move_money(&fleet, kind, "1.00").await.expect(409);
        assert!(
            refused["__error__"][0].as_str().unwrap().contains("frozen"),
            "{refused}"
        );
    }
    // Dwolla tells of the balance below zero too: a person must look at it.
    eventually("the alarm stands in the dead letters", || async {
        fleet
            .scalar::<i64>("select count(*) from dead_letters where code = 'negative_balance'")
            .await
            == 1
    })
    .await;
    fleet.finish_with(&["rejected"]).await;
}

#[tokio::test]
async fn a_withdrawal_that_dwolla_refuses_fails_and_replaying_its_letter_moves_nothing() {
    let fleet = Fleet::start().await;
    let mut nora = Investor::with_bank(&fleet, "R01-late").await;
    nora.deposit(&fleet, "100.00").await;
    nora.bank = nora.link_bank(&fleet, "Checking").await;
    // The bank takes the deposit back, and Dwolla has not told us yet: we believe in money that is
    // not there.
    hold_webhooks(&fleet);
    settle_banks(&fleet).await;
    let asked = nora.move_money(&fleet, "withdrawal", "80.00").await;
    assert!(matches!(asked.status.as_u16(), 202 | 424), "{}", asked.body);
    let failed = eventually_some("the withdrawal is failed", || async {
        let all = nora.transactions(&fleet).await;
        all.into_iter()
            .find(|t| t["type"] == "withdrawal" && t["status"] == "failed")
    })
    .await;
    assert_eq!(
        row(&fleet, &failed["id"]).await.1.as_deref(),
        Some("insufficient_funds")
    );
    assert_purse(&fleet, &nora, ["100", "0", "0"]).await;
    eventually("the operation is dead", || async {
        let path = format!("/operations/{}", asked.operation());
        fleet.get_as(&path, "operator").await.expect(200)["status"] == "dead"
    })
    .await;

    let letter: Uuid = fleet
        .scalar("select id from dead_letters where class = 'rejected'")
        .await;
    let (engine, _) = workers::fleet::engine(fleet.config(), "operator")
        .await
        .unwrap();
    let act = Act {
        letter,
        actor: "test",
        reason: "what does it do?",
    };
    dlq::replay(&engine, &act).await.unwrap();
    eventually("the replay ends in the dead letters again", || async {
        fleet
            .scalar::<i64>("select count(*) from dead_letters where code = 'transfer_given_up'")
            .await
            == 1
    })
    .await;
    assert_eq!(fleet.effects("transfer.created"), 1, "only the deposit");
    assert_eq!(postings(&fleet, &failed["id"]).await.len(), 2);

    fleet.sandbox().flush_webhooks(false).await;
    let_webhooks_go(&fleet);
    eventually("the deposit is returned", || async {
        nora.transactions(&fleet)
            .await
            .iter()
            .any(|t| t["type"] == "return")
    })
    .await;
    assert_purse(&fleet, &nora, ["0", "0", "0"]).await;
    fleet.finish_with(&["rejected"]).await;
}
