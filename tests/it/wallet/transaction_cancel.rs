//! Calling off a pending movement.

use super::rows::{assert_purse, postings, row};
use crate::harness::{
    Fleet, Investor, Reply, eventually_some, settle_banks, settle_banks_when_started,
};
use reqwest::Method;
use sandbox::{DwollaSwitches, Fault, FaultSpec, Partner, When};
use serde_json::{Value, json};

async fn cancel(fleet: &Fleet, who: &Investor, wallet: i64, transaction: &Value) -> Reply {
    let path = format!("/wallet/auth/wallet/{wallet}/transactions/{transaction}");
    fleet
        .as_user(
            &who.cookie,
            Method::PUT,
            &path,
            Some(json!({ "action": "cancel" })),
        )
        .await
}

async fn started(fleet: &Fleet, transaction: &Value) {
    eventually_some("the transfer is known", || async {
        Some(row(fleet, transaction).await.2).filter(|id| !id.is_empty())
    })
    .await;
}

#[tokio::test]
async fn a_pending_movement_is_called_off_and_its_money_is_free_again() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    nora.deposit(&fleet, "50.00").await;
    for (kind, during, posted) in [
        (
            "withdrawal",
            ["30", "0", "0"],
            "pending>cancelled 20.00 0.00 0.00",
        ),
        (
            "deposit",
            ["50", "20", "0"],
            "pending>cancelled 0.00 -20.00 0.00",
        ),
    ] {
        let asked = nora.move_money(&fleet, kind, "20.00").await.expect(202);
        assert_purse(&fleet, &nora, during).await;
        started(&fleet, &asked["id"]).await;
        let cancelled = cancel(&fleet, &nora, nora.wallet, &asked["id"])
            .await
            .expect(200);
        assert_eq!(
            (&cancelled["id"], &cancelled["status"]),
            (&asked["id"], &json!("cancelled"))
        );
        assert_purse(&fleet, &nora, ["50", "0", "0"]).await;
        assert_eq!(postings(&fleet, &asked["id"]).await[1], posted);
        cancel(&fleet, &nora, nora.wallet, &asked["id"])
            .await
            .expect(409);
    }
    settle_banks(&fleet).await;
    fleet.sandbox().settle_webhooks().await.unwrap();
    assert_eq!(fleet.effects("transfer.cancelled"), 2);
    assert_purse(&fleet, &nora, ["50", "0", "0"]).await;
    fleet.finish().await;
}

#[tokio::test]
async fn too_late_is_a_409_and_the_movement_goes_on() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let asked = nora
        .move_money(&fleet, "deposit", "20.00")
        .await
        .expect(202);
    started(&fleet, &asked["id"]).await;
    fleet.sandbox().set_dwolla(DwollaSwitches {
        past_cut_off: true,
        ..DwollaSwitches::default()
    });
    cancel(&fleet, &nora, nora.wallet, &asked["id"])
        .await
        .expect(409);
    assert_purse(&fleet, &nora, ["0", "20", "0"]).await;
    settle_banks_when_started(&fleet, &asked["id"]).await;
    nora.transaction_in(&fleet, &asked["id"], "processed").await;
    cancel(&fleet, &nora, nora.wallet, &asked["id"])
        .await
        .expect(409);
    fleet.finish().await;
}

#[tokio::test]
async fn only_ones_own_deposit_or_withdrawal_can_be_called_off() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let eve = Investor::with_wallet(&fleet, "Eve", "verified").await;
    nora.deposit(&fleet, "10.00").await;
    let asked = nora
        .move_money(&fleet, "deposit", "20.00")
        .await
        .expect(202);
    started(&fleet, &asked["id"]).await;
    cancel(&fleet, &eve, nora.wallet, &asked["id"])
        .await
        .expect(404);
    cancel(&fleet, &eve, eve.wallet, &asked["id"])
        .await
        .expect(404);
    cancel(&fleet, &nora, nora.wallet, &json!(999_999))
        .await
        .expect(404);
    let path = format!(
        "/wallet/auth/wallet/{}/transactions/{}",
        nora.wallet, asked["id"]
    );
    let other = Some(json!({ "action": "explode" }));
    fleet
        .as_user(&nora.cookie, Method::PUT, &path, other)
        .await
        .expect(400);

    let reserved = fleet.command(
        "wallet/investment_reserve",
        json!({ "wallet_id": nora.wallet, "offer_wallet_id": eve.wallet, "investment_id": 1,
                "amount": "5.00" }),
    );
    let reserved = reserved.await.expect(200);
    cancel(&fleet, &nora, nora.wallet, &reserved["id"])
        .await
        .expect(404);
    assert_eq!(fleet.effects("transfer.cancelled"), 0);
    settle_banks(&fleet).await;
    nora.transaction_in(&fleet, &asked["id"], "processed").await;
    fleet.finish().await;
}

#[tokio::test]
async fn a_cancellation_whose_answer_is_lost_is_found_though_the_webhook_came_first() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let asked = nora
        .move_money(&fleet, "deposit", "20.00")
        .await
        .expect(202);
    started(&fleet, &asked["id"]).await;
    let hold = Fault::Hold { when: When::After };
    let path = "/transfers/{}$";
    let gate = fleet
        .sandbox()
        .arm(FaultSpec::once(Partner::Dwolla, "POST", path, hold));
    let meanwhile = async {
        fleet.sandbox().await_fired(gate, 1).await.unwrap();
        nora.transaction_in(&fleet, &asked["id"], "cancelled").await;
        // The first look at what became of it fails too.
        let broken = Fault::Status {
            status: 500,
            when: When::Before,
            retry_after: None,
        };
        fleet
            .sandbox()
            .arm(FaultSpec::once(Partner::Dwolla, "GET", path, broken));
    };
    let (answer, ()) = tokio::join!(cancel(&fleet, &nora, nora.wallet, &asked["id"]), meanwhile);
    fleet.sandbox().release(gate).unwrap();
    assert_eq!(answer.expect(200)["status"], "cancelled");
    assert_eq!(fleet.effects("transfer.cancelled"), 1);
    assert_purse(&fleet, &nora, ["0", "0", "0"]).await;
    fleet.finish().await;
}
