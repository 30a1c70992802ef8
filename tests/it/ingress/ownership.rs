//! Ids that the browser chose: what is not a number is refused, and what is not the caller's does
//! not exist.

use super::{BAD, Given, NOT_FOUND, assert_refused, deposit, request, send};
use crate::harness::{Fleet, Investor};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn ids_that_are_no_ids_are_refused_at_their_field() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let before = Given::when_calm(&fleet).await;

    let integer = json!(["must be of type: integer"]);
    let positive = json!(["greater than or equal to 1"]);
    for (id, complaint) in [
        ("abc", &integer),
        ("7.0", &integer),
        ("99999999999999999999", &integer),
        ("%00", &integer),
        ("0", &positive),
        ("-3", &positive),
    ] {
        let path = format!("/wallet/auth/wallet/{id}/transactions");
        let asked = request(&fleet, &nora, Method::POST, &path).json(&deposit(&nora, "5.00"));
        let fields = json!({ "wallet_id": complaint });
        assert_refused(id, &send(asked).await, 400, BAD, &fields);
        let list = send(request(&fleet, &nora, Method::GET, &path)).await;
        assert_refused(id, &list, 400, BAD, &fields);
        let detail = format!("/wallet/auth/wallet/{id}");
        let detail = send(request(&fleet, &nora, Method::GET, &detail)).await;
        assert_refused(id, &detail, 400, BAD, &json!({ "profile_id": complaint }));
    }
    assert_eq!(Given::so_far(&fleet).await, before);
    fleet.finish().await;
}

#[tokio::test]
async fn what_belongs_to_another_person_is_answered_like_what_does_not_exist() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let eve = Investor::known(&fleet, "Eve").await;
    let asked = nora.move_money(&fleet, "deposit", "5.00").await.expect(202);
    nora.transaction_in(&fleet, &asked["id"], "pending").await;
    let before = Given::when_calm(&fleet).await;

    let none = 999_999;
    for (profile, wallet) in [(nora.profile, nora.wallet), (none, none)] {
        let money = format!("/wallet/auth/wallet/{wallet}/transactions");
        let cancel = format!("{money}/{}", asked["id"]);
        let bank = format!("/wallet/auth/linkaccount/{profile}");
        let named = json!({ "access_token": "t", "account_id": "a", "name": "n", "last4": "0000" });
        for (method, path, body) in [
            (
                Method::GET,
                format!("/wallet/auth/wallet/{profile}"),
                json!({}),
            ),
            (Method::GET, money.clone(), json!({})),
            (Method::POST, money, deposit(&nora, "5.00")),
            (Method::PUT, cancel, json!({ "action": "cancel" })),
            (Method::POST, format!("{bank}/link"), json!({})),
            (
                Method::POST,
                format!("{bank}/exchange"),
                json!({ "public_token": "public-x" }),
            ),
            (Method::POST, format!("{bank}/process"), named),
            (
                Method::DELETE,
                bank,
                json!({ "funding_source_id": nora.bank }),
            ),
        ] {
            let what = format!("{method} {path}");
            let reply = send(request(&fleet, &eve, method, &path).json(&body)).await;
            assert_refused(&what, &reply, 404, NOT_FOUND, &json!({}));
        }
    }
    // An id that the payload does not have is checked all the same.
    for (field, id) in [("profile_id", nora.profile), ("user_id", nora.user)] {
        let path = format!("/wallet/auth/wallet/{}?{field}={id}", eve.profile);
        let status = send(request(&fleet, &eve, Method::GET, &path)).await.status;
        assert!([400, 404].contains(&status.as_u16()), "{field}: {status}");
    }
    assert_eq!(Given::so_far(&fleet).await, before);
    assert_eq!(fleet.effects("transfer.created"), 1);
    fleet.finish().await;
}

#[tokio::test]
async fn a_movement_of_another_wallet_can_not_be_cancelled_through_ones_own() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let eve = Investor::with_wallet(&fleet, "Eve", "verified").await;
    let asked = nora.move_money(&fleet, "deposit", "5.00").await.expect(202);
    nora.transaction_in(&fleet, &asked["id"], "pending").await;

    let path = format!(
        "/wallet/auth/wallet/{}/transactions/{}",
        eve.wallet, asked["id"]
    );
    let cancel = request(&fleet, &eve, Method::PUT, &path).json(&json!({ "action": "cancel" }));
    assert_refused("cancel", &send(cancel).await, 404, NOT_FOUND, &json!({}));
    let with_noras_bank = eve.ask(&fleet, deposit(&nora, "5.00"), None).await;
    let text = "the bank account is not linked to this wallet";
    let fields = json!({ "funding_source_id": [text] });
    assert_refused("bank", &with_noras_bank, 400, text, &fields);

    assert_eq!(fleet.effects("transfer.created"), 1);
    assert_eq!(fleet.effects("transfer.cancelled"), 0);
    fleet.finish().await;
}
