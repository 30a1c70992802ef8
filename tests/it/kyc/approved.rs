//! An approval orders the wallet, once.

use crate::harness::{Fleet, Investor, eventually};
use serde_json::json;

#[tokio::test]
async fn an_approval_that_comes_three_times_makes_one_wallet_and_one_customer() {
    let fleet = Fleet::start().await;
    let nora = Investor::known(&fleet, "Nora").await;
    let approved = json!({ "profile_id": nora.profile });
    // Each caller's approval is an operation of its own.
    for caller in ["kyc", "operator", "directory", "kyc"] {
        let noted = fleet
            .post_as("/queue/kyc/approved", caller, approved.clone())
            .await
            .expect(200);
        assert_eq!(noted, json!({ "profile_id": nora.profile, "wallet": true }));
    }
    nora.wallet_in(&fleet, "verified").await;
    // Their orders of the wallet are one.
    let orders = "select count(*) from operations where topic = 'wallet_create'";
    assert_eq!(fleet.scalar::<i64>(orders).await, 1);
    assert_eq!(fleet.effects("customer.created"), 1);
    assert_eq!(fleet.scalar::<i64>("select count(*) from wallets").await, 1);
    fleet.finish().await;
}

#[tokio::test]
async fn an_approval_that_overtakes_its_profile_waits_for_it() {
    let fleet = Fleet::start().await;
    let mut nora = Investor::known(&fleet, "Nora").await;
    nora.profile += 500_000;
    let approved = json!({ "profile_id": nora.profile });
    let path = "/queue/kyc/approved";
    let request = fleet
        .http
        .post(fleet.url(path))
        .header("authorization", Fleet::token("kyc"));
    let accepted = request.json(&approved).send().await.unwrap();
    assert_eq!(accepted.status().as_u16(), 202);
    eventually("it waits", || async {
        fleet
            .scalar::<i64>("select count(*) from operations where state = 'waiting'")
            .await
            == 1
    })
    .await;
    nora.tell_profile(&fleet, 1, "Nora", "6789").await;
    nora.wallet_in(&fleet, "verified").await;
    assert_eq!(fleet.effects("customer.created"), 1);
    fleet.finish().await;
}

#[tokio::test]
async fn a_retirement_account_gets_no_wallet() {
    let fleet = Fleet::start().await;
    let nora = Investor::known(&fleet, "Nora").await;
    let told = fleet.command(
        "directory/profile_upsert",
        json!({ "id": nora.profile, "version": 2, "user_id": nora.user, "type": "sdira",
                "person": {} }),
    );
    told.await.expect(200);
    let approved = json!({ "profile_id": nora.profile });
    let noted = fleet
        .post_as("/queue/kyc/approved", "kyc", approved.clone())
        .await
        .expect(200);
    assert_eq!(noted["wallet"], json!(false));
    fleet
        .command("wallet/wallet_create", approved)
        .await
        .expect(412);
    nora.wallet(&fleet).await.expect(404);
    assert_eq!(fleet.scalar::<i64>("select count(*) from wallets").await, 0);
    assert_eq!(fleet.effects("customer.created"), 0);
    fleet.finish().await;
}

#[tokio::test]
async fn a_wallet_needs_an_approval() {
    let fleet = Fleet::start().await;
    let nora = Investor::known(&fleet, "Nora").await;
    let order = json!({ "profile_id": nora.profile });
    fleet
        .command("wallet/wallet_create", order)
        .await
        .expect(412);
    nora.wallet(&fleet).await.expect(404);
    fleet.finish().await;
}
