//! Profiles, and the SSN that comes with some of their versions.

use super::versions::the_newest_version_wins;
use crate::harness::Fleet;
use serde_json::{Value, json};

fn version(id: i64, number: i64, ssn: Option<&str>) -> Value {
    let mut person =
        json!({ "first_name": "Nora", "last_name": "Example", "city": number.to_string() });
    if let Some(ssn) = ssn {
        person["ssn"] = ssn.into();
    }
    json!({ "id": id, "version": number, "user_id": 1, "type": "individual", "person": person })
}

#[tokio::test]
async fn a_profile_changes_only_to_a_newer_version_and_its_ssn_is_sealed() {
    let fleet = Fleet::start().await;
    let told = |number| version(5, number, Some("123456789"));
    let shown = "select version || ' ' || (person ->> 'city') || ' ' || ssn_digits
                 from profiles where id = 5";
    the_newest_version_wins(&fleet, "profile_upsert", told, shown, "3 3 9").await;
    let plain = "select (select count(*) from profiles
                         where position('123456789'::bytea in ssn) > 0
                            or position('123456789' in person::text) > 0)
                      + (select count(*) from operations
                         where position('123456789'::bytea in payload) > 0)";
    assert_eq!(fleet.scalar::<i64>(plain).await, 0);
    let refused = fleet
        .command("directory/profile_upsert", version(6, 1, Some("12345")))
        .await;
    assert!(
        !refused.body.to_string().contains("12345"),
        "{}",
        refused.body
    );
    refused.expect(400);
    fleet.finish().await;
}

#[tokio::test]
async fn the_newest_ssn_that_was_told_stays_in_whatever_order_the_versions_come() {
    let fleet = Fleet::start().await;
    let versions = [(1, Some("1111")), (2, Some("222222222")), (3, None)];
    for (id, order) in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]]
        .into_iter()
        .enumerate()
    {
        let id = i64::try_from(id).unwrap() + 1;
        for step in order {
            let (number, ssn) = versions[step];
            let told = version(id, number, ssn);
            fleet
                .command("directory/profile_upsert", told)
                .await
                .expect(200);
        }
    }
    let same = "select count(*) from profiles
                where version = 3 and ssn_digits = 9 and person ->> 'city' = '3'";
    assert_eq!(fleet.scalar::<i64>(same).await, 4);
    fleet.finish().await;
}
