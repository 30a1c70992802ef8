//! Giving a reservation's money free again.

use super::rows::{assert_purse, postings};
use crate::harness::{Fleet, Investor};
use serde_json::json;

#[tokio::test]
async fn a_released_reservation_frees_its_money_once_and_its_investment_for_another() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let offer = Investor::with_wallet(&fleet, "Offer", "verified").await;
    nora.deposit(&fleet, "10.00").await;
    let body = json!({ "wallet_id": nora.wallet, "offer_wallet_id": offer.wallet,
                       "investment_id": 1, "amount": "10.00" });
    let reserved = fleet
        .command("wallet/investment_reserve", body.clone())
        .await
        .expect(200);
    assert_purse(&fleet, &nora, ["10", "0", "10"]).await;
    let release = json!({ "transaction_id": reserved["id"] });
    for _ in 0..2 {
        let released = fleet
            .command("wallet/investment_release", release.clone())
            .await
            .expect(200);
        assert_eq!(
            (&released["id"], &released["status"]),
            (&reserved["id"], &json!("cancelled"))
        );
    }
    assert_purse(&fleet, &nora, ["10", "0", "0"]).await;
    let posted = postings(&fleet, &reserved["id"]).await;
    assert_eq!(
        posted,
        [">wait 0.00 0.00 10.00", "wait>cancelled 0.00 0.00 -10.00"]
    );
    let pay = fleet.command(
        "wallet/investment_pay",
        json!({ "transaction_id": reserved["id"] }),
    );
    pay.await.expect(409);

    let again = fleet
        .post_as("/queue/wallet/investment_reserve", "kyc", body)
        .await
        .expect(200);
    assert_ne!(again["id"], reserved["id"]);
    assert_purse(&fleet, &nora, ["10", "0", "10"]).await;
    let deposit = nora.transactions(&fleet).await.pop().unwrap();
    let wrong = json!({ "transaction_id": deposit["id"] });
    fleet
        .command("wallet/investment_release", wrong)
        .await
        .expect(404);
    fleet.finish().await;
}
