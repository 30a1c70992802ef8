//! Investments.

use super::versions::the_newest_version_wins;
use crate::harness::Fleet;
use serde_json::json;

#[tokio::test]
async fn an_investment_changes_only_to_a_newer_version() {
    let fleet = Fleet::start().await;
    let version = |number: i64| {
        json!({ "id": 5, "version": number, "user_id": 1, "profile_id": 2, "offer_id": 3,
                "amount": format!("{number}00.50"), "status": "new", "funding_type": "wallet" })
    };
    let shown = "select version || ' ' || amount from investments where id = 5";
    the_newest_version_wins(&fleet, "investment_upsert", version, shown, "3 300.50").await;
    fleet.finish().await;
}
