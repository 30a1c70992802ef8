//! What every upsert of the directory promises: the newest version wins, in whatever order and
//! however often the versions come.

use crate::harness::Fleet;
use serde_json::{Value, json};

/// Tells of versions 2, 1, 2 and 3, each in its own words, and then of all of them once more from
/// another caller. `column` must show what version 3 says.
pub(super) async fn the_newest_version_wins(
    fleet: &Fleet,
    topic: &str,
    version: impl Fn(i64) -> Value,
    shown: &'static str,
    expected: &str,
) {
    let path = format!("directory/{topic}");
    for (number, applied) in [(2, true), (1, false), (2, true), (3, true)] {
        // The second telling of version 2 is the same operation, and has the same answer.
        let told = fleet.command(&path, version(number)).await.expect(200);
        assert_eq!(
            told,
            json!({ "id": 5, "applied": applied }),
            "version {number}"
        );
    }
    for number in [1, 2, 3] {
        let path = format!("/queue/{path}");
        let told = fleet
            .post_as(&path, "operator", version(number))
            .await
            .expect(200);
        assert_eq!(told["applied"], json!(false), "version {number} again");
    }
    assert_eq!(fleet.scalar::<String>(shown).await, expected);
    for bad in [json!({}), json!({ "id": 5, "version": 0 })] {
        fleet.command(&path, bad).await.expect(400);
    }
}
