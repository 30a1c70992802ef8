//! Deposits and withdrawals: what may move, and how it changes the three amounts.

use super::rows::{assert_purse, customer, postings, row};
use crate::harness::{Fleet, Investor, eventually, settle_banks, settle_banks_when_started};
use sandbox::{Fault, FaultSpec, Partner, When};
use serde_json::json;

#[tokio::test]
async fn a_deposit_is_incoming_until_the_bank_has_paid() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;

    let asked = nora
        .move_money(&fleet, "deposit", "100.00")
        .await
        .expect(202);
    assert_eq!(asked["status"], "pending");
    assert_eq!(asked["amount"], json!(100.0));
    assert_eq!(
        (&asked["source_wallet_id"], &asked["dest_wallet_id"]),
        (&json!(0), &json!(nora.wallet))
    );
    assert_purse(&fleet, &nora, ["0", "100", "0"]).await;

    settle_banks_when_started(&fleet, &asked["id"]).await;
    let done = nora.transaction_in(&fleet, &asked["id"], "processed").await;
    assert_eq!(done["entity_id"], json!(row(&fleet, &asked["id"]).await.2));
    assert_purse(&fleet, &nora, ["100", "0", "0"]).await;
    let posted = postings(&fleet, &asked["id"]).await;
    assert_eq!(
        posted,
        [
            ">created 0.00 100.00 0.00",
            "pending>processed 100.00 -100.00 0.00"
        ]
    );
    assert_eq!(fleet.effects("transfer.created"), 1);
    fleet.finish().await;
}

#[tokio::test]
async fn the_most_that_can_be_withdrawn_is_balance_less_outgoing_to_the_cent() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let offer = Investor::with_wallet(&fleet, "Offer", "verified").await;
    nora.deposit(&fleet, "100.00").await;
    let reserved = fleet.command(
        "wallet/investment_reserve",
        json!({ "wallet_id": nora.wallet, "offer_wallet_id": offer.wallet, "investment_id": 9,
                "amount": "40.01" }),
    );
    reserved.await.expect(200);
    assert_purse(&fleet, &nora, ["100", "0", "40.01"]).await;

    let refused = nora
        .move_money(&fleet, "withdrawal", "60.00")
        .await
        .expect(400);
    assert!(
        refused["amount"][0].as_str().unwrap().contains("59.99"),
        "{refused}"
    );
    assert_purse(&fleet, &nora, ["100", "0", "40.01"]).await;
    let asked = nora
        .move_money(&fleet, "withdrawal", "59.99")
        .await
        .expect(202);
    assert_purse(&fleet, &nora, ["40.01", "0", "40.01"]).await;
    nora.move_money(&fleet, "withdrawal", "1.00")
        .await
        .expect(400);
    settle_banks_when_started(&fleet, &asked["id"]).await;
    nora.transaction_in(&fleet, &asked["id"], "processed").await;
    fleet.finish().await;
}

#[tokio::test]
async fn of_two_withdrawals_at_once_that_do_not_both_fit_one_is_refused() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    nora.deposit(&fleet, "100.00").await;
    let ask = || nora.move_money(&fleet, "withdrawal", "60.00");
    let (one, two) = tokio::join!(ask(), ask());
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    // The second may still be waiting for the wallet when its caller is answered.
    assert!(matches!(statuses, [202, 400 | 202]), "{statuses:?}");
    eventually("one withdrawal is refused", || async {
        fleet
            .scalar::<i64>("select count(*) from operations where state = 'refused'")
            .await
            == 1
    })
    .await;
    assert_purse(&fleet, &nora, ["40", "0", "0"]).await;
    assert_eq!(nora.transactions(&fleet).await.len(), 2);
    eventually("it is at Dwolla", || async {
        fleet.effects("transfer.created") == 2
    })
    .await;
    fleet.finish().await;
}

#[tokio::test]
async fn an_amount_is_between_one_dollar_and_the_transfer_limit() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    assert_eq!(fleet.config().dwolla.transfer_limit.to_string(), "10000.00");
    for bad in ["0.99", "0", "-5", "12.345", "1000000.01", "ten"] {
        let refused = nora.move_money(&fleet, "deposit", bad).await.expect(400);
        assert!(refused["amount"].is_array(), "{bad}: {refused}");
    }
    let refused = nora
        .move_money(&fleet, "deposit", "10000.01")
        .await
        .expect(400);
    assert!(
        refused["amount"][0].as_str().unwrap().contains("10000.00"),
        "{refused}"
    );
    let asked = nora
        .move_money(&fleet, "deposit", "10000.00")
        .await
        .expect(202);
    nora.move_money(&fleet, "deposit", "1.00").await.expect(202);
    let number = json!({ "type": "deposit", "amount": 12.2, "funding_source_id": nora.bank });
    assert_eq!(
        nora.ask(&fleet, number, None).await.expect(202)["amount"],
        json!(12.2)
    );
    settle_banks_when_started(&fleet, &asked["id"]).await;
    eventually("all are settled", || async {
        settle_banks(&fleet).await;
        nora.transactions(&fleet)
            .await
            .iter()
            .all(|t| t["status"] == "processed")
    })
    .await;
    assert_purse(&fleet, &nora, ["10013.20", "0", "0"]).await;
    fleet.finish().await;
}

#[tokio::test]
async fn a_bank_account_or_wallet_of_somebody_else_moves_nothing() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let mut eve = Investor::with_bank(&fleet, "Savings").await;
    let own = eve.bank;
    eve.bank = nora.bank;
    let refused = eve.move_money(&fleet, "deposit", "10.00").await.expect(400);
    assert!(refused["funding_source_id"].is_array(), "{refused}");
    eve.bank = own;
    eve.wallet = nora.wallet;
    eve.move_money(&fleet, "deposit", "10.00").await.expect(404);
    assert_eq!(fleet.effects("transfer.created"), 0);
    assert!(nora.transactions(&fleet).await.is_empty());
    fleet.finish().await;
}

#[tokio::test]
async fn only_a_verified_wallet_moves_money() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    nora.deposit(&fleet, "50.00").await;
    let id = customer(&fleet, &nora).await;
    let changes = [
        ("document", "error_document"),
        ("kba", "error_pending"),
        ("suspended", "error_suspended"),
        ("deactivated", "error"),
        ("retry", "error_retry"),
    ];
    for (theirs, ours) in changes {
        fleet.sandbox().set_customer_status(&id, theirs).unwrap();
        nora.wallet_in(&fleet, ours).await;
        for kind in ["deposit", "withdrawal"] {
            let refused = nora.move_money(&fleet, kind, "10.00").await.expect(412);
            assert!(refused["__error__"].is_array(), "{refused}");
        }
    }
    // A wallet that Dwolla has not answered for yet.
    let hold = FaultSpec::once(
        Partner::Dwolla,
        "POST",
        "/customers$",
        Fault::Hold { when: When::Before },
    );
    let gate = fleet.sandbox().arm(hold);
    let mut omar = Investor::with_wallet(&fleet, "Omar", "created").await;
    omar.bank = nora.bank;
    omar.move_money(&fleet, "deposit", "10.00")
        .await
        .expect(412);
    fleet.sandbox().release(gate).unwrap();
    omar.wallet_in(&fleet, "verified").await;

    assert_eq!(fleet.effects("transfer.created"), 1);
    assert_purse(&fleet, &nora, ["50", "0", "0"]).await;
    fleet.finish().await;
}

#[tokio::test]
async fn a_key_that_is_repeated_makes_one_transfer_and_another_body_is_a_conflict() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let body =
        |amount| json!({ "type": "deposit", "amount": amount, "funding_source_id": nora.bank });
    let first = nora.ask(&fleet, body("10.00"), Some("k-1")).await;
    let again = nora.ask(&fleet, body("10.00"), Some("k-1")).await;
    assert_eq!(first.operation(), again.operation());
    let first = first.expect(202);
    assert_eq!(first["id"], again.body["id"]);
    nora.ask(&fleet, body("11.00"), Some("k-1"))
        .await
        .expect(409);
    settle_banks_when_started(&fleet, &first["id"]).await;
    nora.transaction_in(&fleet, &first["id"], "processed").await;
    assert_eq!(fleet.effects("transfer.created"), 1);
    assert_purse(&fleet, &nora, ["10", "0", "0"]).await;
    fleet.finish().await;
}

#[tokio::test]
async fn the_spelling_by_query_reaches_the_same_topic() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let path = format!(
        "/wallet/auth/wallet/transactions?WalletID={}&type=deposit&amount=15&funding_source_id={}",
        nora.wallet, nora.bank
    );
    let asked = fleet
        .as_user(&nora.cookie, reqwest::Method::POST, &path, None)
        .await
        .expect(202);
    settle_banks_when_started(&fleet, &asked["id"]).await;
    nora.transaction_in(&fleet, &asked["id"], "processed").await;
    assert_purse(&fleet, &nora, ["15", "0", "0"]).await;
    fleet.finish().await;
}
