//! How operations stand, and what verifies a Plaid webhook.

mod events;
mod operation;
mod plaid_key;

use subjects::ids::IdentityId;

/// Whether an identity may see what this caller asked for; internal callers (no identity) may.
fn may_see(caller: &serde_json::Value, identity: Option<IdentityId>) -> bool {
    let Some(identity) = identity else {
        return true;
    };
    caller.get("identity").and_then(|v| v.as_str()) == Some(identity.to_string().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use uuid::Uuid;

    #[test]
    fn a_person_sees_only_their_own_operations_and_services_see_all() {
        let (mine, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let caller = json!({ "kind": "user", "identity": mine, "user": 1 });
        assert!(may_see(&caller, Some(mine)));
        assert!(!may_see(&caller, Some(other)));
        assert!(may_see(&caller, None));
        assert!(!may_see(
            &json!({ "kind": "service", "name": "x" }),
            Some(mine)
        ));
    }
}
