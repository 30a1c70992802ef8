//! Setting an investment's money aside.

use super::rows::{assert_purse, customer, postings};
use crate::harness::{Fleet, Investor, Reply};
use serde_json::json;

async fn reserve(
    fleet: &Fleet,
    from: &Investor,
    to: &Investor,
    (investment, amount): (i64, &str),
) -> Reply {
    let body = json!({ "wallet_id": from.wallet, "offer_wallet_id": to.wallet,
                       "investment_id": investment, "amount": amount });
    fleet.command("wallet/investment_reserve", body).await
}

#[tokio::test]
async fn a_reservation_is_outgoing_and_cannot_be_spent_twice() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let offer = Investor::with_wallet(&fleet, "Offer", "verified").await;
    nora.deposit(&fleet, "100.00").await;
    let first = reserve(&fleet, &nora, &offer, (1, "60.00"))
        .await
        .expect(200);
    assert_eq!(
        (&first["type"], &first["status"]),
        (&json!("investment"), &json!("wait"))
    );
    assert_eq!(first["source_wallet_id"], json!(nora.wallet));
    assert_eq!(first["dest_wallet_id"], json!(offer.wallet));
    assert_purse(&fleet, &nora, ["100", "0", "60"]).await;
    assert_purse(&fleet, &offer, ["0", "0", "0"]).await;
    assert_eq!(
        postings(&fleet, &first["id"]).await,
        [">wait 0.00 0.00 60.00"]
    );

    // The same again is the same; another amount for it is a conflict.
    assert_eq!(
        reserve(&fleet, &nora, &offer, (1, "60.00"))
            .await
            .expect(200),
        first
    );
    reserve(&fleet, &nora, &offer, (1, "1.00"))
        .await
        .expect(409);
    let body = json!({ "wallet_id": nora.wallet, "offer_wallet_id": offer.wallet,
                       "investment_id": 1, "amount": "5.00" });
    let path = "/queue/wallet/investment_reserve";
    let twice = fleet.post_as(path, "directory", body).await.expect(409);
    assert!(twice["__error__"].is_array(), "{twice}");

    let refused = reserve(&fleet, &nora, &offer, (2, "40.01"))
        .await
        .expect(400);
    assert!(refused["amount"].is_array(), "{refused}");
    let (one, two) = tokio::join!(
        reserve(&fleet, &nora, &offer, (3, "30.00")),
        reserve(&fleet, &nora, &offer, (4, "30.00")),
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    assert_purse(&fleet, &nora, ["100", "0", "90"]).await;
    assert_eq!(fleet.effects("transfer.created"), 1, "only the deposit");
    fleet.finish().await;
}

#[tokio::test]
async fn both_wallets_must_be_verified() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let offer = Investor::with_wallet(&fleet, "document", "error_document").await;
    nora.deposit(&fleet, "10.00").await;
    reserve(&fleet, &nora, &offer, (1, "5.00"))
        .await
        .expect(412);
    reserve(&fleet, &offer, &nora, (2, "5.00"))
        .await
        .expect(412);
    let id = customer(&fleet, &nora).await;
    fleet
        .sandbox()
        .set_customer_status(&customer(&fleet, &offer).await, "verified")
        .unwrap();
    offer.wallet_in(&fleet, "verified").await;
    fleet
        .sandbox()
        .set_customer_status(&id, "suspended")
        .unwrap();
    nora.wallet_in(&fleet, "error_suspended").await;
    reserve(&fleet, &nora, &offer, (3, "5.00"))
        .await
        .expect(412);
    assert_purse(&fleet, &nora, ["10", "0", "0"]).await;
    fleet.finish().await;
}
