//! Events of Plaid about a linked login. What proves them is the ingress' matter.

use crate::harness::{Fleet, Investor, eventually};
use sandbox::{Guise, PlaidWebhooks};
use serde_json::json;

#[tokio::test]
async fn each_event_of_a_login_is_noted_and_one_without_a_rule_stands_in_the_dead_letters() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let item: String = fleet.scalar("select item_id from plaid_items").await;
    fleet.sandbox().set_plaid(PlaidWebhooks {
        target: Some(fleet.url("/hooks/plaid")),
        guise: Guise::Genuine,
    });
    let tell = |kind: &str, code: &str, item: &str| {
        let body = json!({ "webhook_type": kind, "webhook_code": code, "item_id": item });
        fleet.sandbox().send_plaid(&body).unwrap();
    };
    let renewals = [
        "ERROR",
        "PENDING_DISCONNECT",
        "PENDING_EXPIRATION",
        "USER_PERMISSION_REVOKED",
        "USER_ACCOUNT_REVOKED",
    ];
    let noted = |needed: bool| {
        let fleet = &fleet;
        async move {
            eventually("the login's state is noted", || async {
                let needs = "select needs_login from plaid_items";
                fleet.scalar::<bool>(needs).await == needed
            })
            .await;
        }
    };
    for code in renewals {
        sqlx::query("update plaid_items set needs_login = false")
            .execute(&fleet.db)
            .await
            .unwrap();
        tell("ITEM", code, &item);
        noted(true).await;
    }
    tell("ITEM", "LOGIN_REPAIRED", &item);
    noted(false).await;
    tell("ITEM", "NEW_ACCOUNTS_AVAILABLE", &item);
    tell("ITEM", "ERROR", "somebody-elses");
    tell("ITEM", "TELEPORTED", &item);
    tell("TRANSACTIONS", "SYNC_UPDATES_AVAILABLE", &item);
    eventually("two letters stand", || async {
        let letters = "select count(*) from dead_letters where code = 'unknown_event'";
        fleet.scalar::<i64>(letters).await == 2
    })
    .await;
    let wallet = nora.wallet(&fleet).await.expect(200);
    assert_eq!(wallet["funding_source"][0]["status"], "verified");
    noted(false).await;
    fleet.finish_with(&["rejected", "rejected"]).await;
}
