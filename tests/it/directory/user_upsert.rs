//! Users.

use super::versions::the_newest_version_wins;
use crate::harness::Fleet;
use serde_json::json;

#[tokio::test]
async fn a_user_changes_only_to_a_newer_version() {
    let fleet = Fleet::start().await;
    let identity = uuid::Uuid::new_v4();
    let version = |number: i64| {
        json!({ "id": 5, "version": number, "identity_id": identity,
                "email": format!("nora{number}@mail.test"), "first_name": "Nora",
                "last_name": "Example" })
    };
    let shown = "select version || ' ' || email from users where id = 5";
    the_newest_version_wins(&fleet, "user_upsert", version, shown, "3 nora3@mail.test").await;
    let sealed = "select count(*) from operations
                  where position('mail.test'::bytea in payload) > 0";
    assert_eq!(
        fleet.scalar::<i64>(sealed).await,
        0,
        "personal data is sealed at rest"
    );
    fleet.finish().await;
}
