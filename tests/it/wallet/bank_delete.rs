//! Unlinking a bank account.

use super::rows::{effects_of, event, source};
use crate::harness::{Fleet, Investor, Reply, eventually, public_token, settle_banks_when_started};
use reqwest::Method;
use sandbox::{Fault, FaultSpec, Partner, When};
use serde_json::json;

async fn delete(fleet: &Fleet, who: &Investor, bank: i64) -> Reply {
    let path = format!("/wallet/auth/linkaccount/{}", who.profile);
    let body = json!({ "funding_source_id": bank });
    fleet
        .as_user(&who.cookie, Method::DELETE, &path, Some(body))
        .await
}

async fn linked(fleet: &Fleet, who: &Investor) -> usize {
    who.wallet(fleet).await.expect(200)["funding_source"]
        .as_array()
        .unwrap()
        .len()
}

#[tokio::test]
async fn a_bank_that_a_pending_movement_uses_stays() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let eve = Investor::with_wallet(&fleet, "Eve", "verified").await;
    let asked = nora
        .move_money(&fleet, "deposit", "10.00")
        .await
        .expect(202);
    let refused = delete(&fleet, &nora, nora.bank).await.expect(409);
    assert!(refused["funding_source_id"].is_array(), "{refused}");
    assert_eq!(linked(&fleet, &nora).await, 1);
    delete(&fleet, &eve, nora.bank).await.expect(404);
    settle_banks_when_started(&fleet, &asked["id"]).await;
    nora.transaction_in(&fleet, &asked["id"], "processed").await;

    let id = source(&fleet, nora.bank).await;
    let deleted = delete(&fleet, &nora, nora.bank).await.expect(200);
    assert_eq!(
        (&deleted["funding_source_id"], &deleted["status"]),
        (&json!(nora.bank), &json!("removed"))
    );
    assert_eq!(linked(&fleet, &nora).await, 0);
    assert_eq!(effects_of(&fleet, "funding_source.removed", &id), 1);
    assert_eq!(fleet.effects("item.removed"), 1);
    let refused = nora
        .move_money(&fleet, "withdrawal", "5.00")
        .await
        .expect(400);
    assert!(refused["funding_source_id"].is_array(), "{refused}");
    // A late report of its better days does not bring it back.
    event(&fleet, "customer_funding_source_verified", &id).await;
    eventually("it is handled", || async {
        fleet
            .scalar::<i64>("select count(*) from operations where finished_at is null")
            .await
            == 0
    })
    .await;
    assert_eq!(linked(&fleet, &nora).await, 0);
    fleet.finish().await;
}

#[tokio::test]
async fn a_deposit_and_the_removal_of_its_bank_at_the_same_time_do_not_both_happen() {
    let fleet = Fleet::start().await;
    let mut nora = Investor::with_wallet(&fleet, "Nora", "verified").await;
    for _ in 0..4 {
        nora.bank = nora.link_bank(&fleet, "Checking").await;
        let (deposit, deleted) = tokio::join!(
            nora.move_money(&fleet, "deposit", "5.00"),
            delete(&fleet, &nora, nora.bank),
        );
        let statuses = (deposit.status.as_u16(), deleted.status.as_u16());
        assert!(matches!(statuses, (202, 409) | (400, 200)), "{statuses:?}");
        if statuses.0 == 202 {
            settle_banks_when_started(&fleet, &deposit.body["id"]).await;
            nora.transaction_in(&fleet, &deposit.body["id"], "processed")
                .await;
        }
    }
    fleet.finish().await;
}

#[tokio::test]
async fn access_to_the_login_is_given_back_with_its_last_account() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_wallet(&fleet, "Nora", "verified").await;
    let path = |verb: &str| format!("/wallet/auth/linkaccount/{}/{verb}", nora.profile);
    let post = |verb: &str, body| {
        let (path, fleet, cookie) = (path(verb), &fleet, &nora.cookie);
        async move {
            fleet
                .as_user(cookie, Method::POST, &path, Some(body))
                .await
                .expect(200)
        }
    };
    let token = public_token(&fleet).await;
    let login = post("exchange", json!({ "public_token": token })).await;
    let mut banks = Vec::new();
    for account in login["accounts"].as_array().unwrap() {
        let body = json!({ "access_token": login["access_token"], "name": account["name"],
                           "account_id": account["account_id"], "last4": account["mask"] });
        let linked = post("process", body).await;
        banks.push(linked["additional"]["id"].as_i64().unwrap());
    }
    delete(&fleet, &nora, banks[0]).await.expect(200);
    assert_eq!(fleet.effects("item.removed"), 0);
    assert_eq!(linked(&fleet, &nora).await, 1);
    let bare = format!(
        "/wallet/auth/linkaccount?ProfileID={}&funding_source_id={}",
        nora.profile, banks[1]
    );
    fleet
        .as_user(&nora.cookie, Method::DELETE, &bare, None)
        .await
        .expect(200);
    assert_eq!(fleet.effects("item.removed"), 1);
    assert_eq!(fleet.effects("funding_source.removed"), 2);
    // The handle is worth nothing any more.
    let body = json!({ "access_token": login["access_token"], "name": "Again",
                       "account_id": login["accounts"][0]["account_id"], "last4": "0000" });
    let request = fleet
        .http
        .post(fleet.url(&path("process")))
        .header("cookie", &nora.cookie);
    let request = request.header("idempotency-key", "another").json(&body);
    let refused = Reply::of(request.send().await.unwrap()).await.expect(400);
    assert!(refused["access_token"].is_array(), "{refused}");
    fleet.finish().await;
}

#[tokio::test]
async fn a_bank_on_its_way_out_is_not_brought_back_by_a_report_that_it_is_verified() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let id = source(&fleet, nora.bank).await;
    let hold = Fault::Hold { when: When::Before };
    let at = "/funding-sources/{}$";
    let gate = fleet
        .sandbox()
        .arm(FaultSpec::once(Partner::Dwolla, "POST", at, hold));
    let before = "select count(*) from operations where topic = 'dwolla' and state = 'completed'";
    let meanwhile = async {
        fleet.sandbox().await_fired(gate, 1).await.unwrap();
        let done: i64 = fleet.scalar(before).await;
        event(&fleet, "customer_funding_source_verified", &id).await;
        eventually("the report is handled", || async {
            fleet.scalar::<i64>(before).await > done
        })
        .await;
        assert_eq!(linked(&fleet, &nora).await, 0);
        fleet.sandbox().release(gate).unwrap();
    };
    let (deleted, ()) = tokio::join!(delete(&fleet, &nora, nora.bank), meanwhile);
    assert!(
        matches!(deleted.status.as_u16(), 200 | 202),
        "{}",
        deleted.body
    );
    eventually("it is removed at Dwolla", || async {
        effects_of(&fleet, "funding_source.removed", &id) == 1
    })
    .await;
    assert_eq!(linked(&fleet, &nora).await, 0);
    fleet.finish().await;
}
