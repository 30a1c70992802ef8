//! An administrator's second try at a customer that Dwolla did not take.

use super::rows::customer;
use crate::harness::{Fleet, Investor, eventually};
use sandbox::{Fault, FaultSpec, Partner, When};
use serde_json::json;

#[tokio::test]
async fn a_wallet_in_error_gets_its_customer_and_one_that_has_one_gets_no_second() {
    let fleet = Fleet::start().await;
    let refuse = Fault::Status {
        status: 403,
        when: When::Before,
        retry_after: None,
    };
    fleet.sandbox().arm(FaultSpec::once(
        Partner::Dwolla,
        "POST",
        "/customers$",
        refuse,
    ));
    let nora = Investor::with_wallet(&fleet, "Nora", "error").await;
    eventually("its letter stands", || async {
        fleet
            .scalar::<i64>("select count(*) from dead_letters")
            .await
            == 1
    })
    .await;
    assert_eq!(fleet.effects("customer.created"), 0);

    let path = format!("/wallet/internal/wallet/{}/recreate", nora.wallet);
    let again = fleet
        .post_as(&path, "operator", json!({}))
        .await
        .expect(202);
    assert_eq!(
        (&again["id"], &again["status"]),
        (&json!(nora.wallet), &json!("verified"))
    );
    nora.wallet_in(&fleet, "verified").await;
    let id = customer(&fleet, &nora).await;

    let bare = format!("/wallet/internal/wallet/recreate?WalletID={}", nora.wallet);
    fleet
        .post_as(&bare, "operator", json!({}))
        .await
        .expect(202);
    assert_eq!(customer(&fleet, &nora).await, id);
    assert_eq!(fleet.effects("customer.created"), 1);
    fleet
        .post_as(
            "/wallet/internal/wallet/999999/recreate",
            "operator",
            json!({}),
        )
        .await
        .expect(404);
    let forbidden = fleet
        .as_user(&nora.cookie, reqwest::Method::POST, &path, Some(json!({})))
        .await;
    assert!(
        matches!(forbidden.status.as_u16(), 401 | 403),
        "{}",
        forbidden.body
    );
    fleet.finish_with(&["rejected"]).await;
}
