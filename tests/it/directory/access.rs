//! Who may act on what.

use crate::harness::{Fleet, Investor};
use serde_json::{Value, json};

async fn ask(fleet: &Fleet, body: Value) -> Value {
    let subject = "query.directory.access";
    let reply = fleet
        .nats
        .request(subject, body.to_string().into())
        .await
        .unwrap();
    let reply: Value = serde_json::from_slice(&reply.payload).unwrap();
    reply["answer"].clone()
}

#[tokio::test]
async fn a_person_may_act_on_what_is_theirs_and_only_on_all_of_it() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_wallet(&fleet, "Nora", "verified").await;
    let eve = Investor::with_wallet(&fleet, "Eve", "verified").await;
    let of = |user: Option<i64>, profile: Option<i64>, wallet: Option<i64>| {
        json!({ "identity": nora.identity, "user_id": user, "profile_id": profile,
                "wallet_id": wallet })
    };
    let allowed = json!({ "user_id": nora.user, "allowed": true });
    let denied = json!({ "user_id": nora.user, "allowed": false });
    assert_eq!(ask(&fleet, of(None, None, None)).await, allowed);
    let own = of(Some(nora.user), Some(nora.profile), Some(nora.wallet));
    assert_eq!(ask(&fleet, own).await, allowed);
    for other in [
        of(Some(eve.user), None, None),
        of(None, Some(eve.profile), None),
        of(None, None, Some(eve.wallet)),
        of(Some(nora.user), Some(nora.profile), Some(eve.wallet)),
        of(None, Some(999_999), None),
    ] {
        assert_eq!(ask(&fleet, other.clone()).await, denied, "{other}");
    }
    let stranger = json!({ "identity": uuid::Uuid::new_v4() });
    assert_eq!(
        ask(&fleet, stranger).await,
        json!({ "user_id": null, "allowed": false })
    );
    fleet.finish().await;
}
