//! Offers.

use super::versions::the_newest_version_wins;
use crate::harness::Fleet;
use serde_json::json;

#[tokio::test]
async fn an_offer_changes_only_to_a_newer_version() {
    let fleet = Fleet::start().await;
    let version = |number: i64| {
        json!({ "id": 5, "version": number, "name": "Harbour Lofts", "status": format!("s{number}"),
                "data": { "seen": number } })
    };
    let shown = "select version || ' ' || status || ' ' || data::text from offers where id = 5";
    the_newest_version_wins(
        &fleet,
        "offer_upsert",
        version,
        shown,
        r#"3 s3 {"seen": 3}"#,
    )
    .await;
    fleet.finish().await;
}
