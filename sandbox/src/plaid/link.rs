//! From a link token to an item: `/link/token/create`, the sandbox's public token, the exchange.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Plaid;
use super::account::{Item, ItemPlan};
use super::error::Refusal;
use super::request::text;
use crate::clock::iso;
use crate::ledger::{Effect, Partner};

/// A public token lives 30 minutes.
const PUBLIC_TOKEN_LIFE: TimeDelta = TimeDelta::minutes(30);
/// A link token for a new item lives four hours, in update mode 30 minutes.
const LINK_TOKEN_LIFE: TimeDelta = TimeDelta::hours(4);

/// A token that can be exchanged once.
pub(super) struct PublicToken {
    created: DateTime<Utc>,
    plan: ItemPlan,
    used: bool,
}

fn token(kind: &str) -> String {
    format!("{kind}-sandbox-{}", Uuid::new_v4())
}

/// `/link/token/create`.
pub(super) fn token_create(plaid: &Plaid, body: &Map<String, Value>) -> Result<Value, Refusal> {
    let filled = |name: &str| {
        body.get(name)
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty())
    };
    if !filled("country_codes") {
        return Err(Refusal::request(
            "INVALID_FIELD",
            "country_codes must be a non-empty array",
        ));
    }
    let user = body.get("user").and_then(Value::as_object);
    let named = |field: &str| {
        user.and_then(|user| user.get(field))
            .and_then(Value::as_str)
    };
    match named("client_user_id").filter(|id| !id.is_empty()) {
        None if !body.contains_key("user_id") => {
            let message = "the following required fields are missing: user.client_user_id";
            return Err(Refusal::request("MISSING_FIELDS", message));
        }
        Some(id) if id.contains('@') => {
            let message = "client_user_id must not contain personally identifiable information";
            return Err(Refusal::request("INVALID_FIELD", message));
        }
        _ => {}
    }
    let update = body.get("access_token").and_then(Value::as_str);
    if let Some(access) = update {
        let known = plaid.with(|state| state.items.get(access).is_some_and(|item| !item.removed));
        if !known {
            return Err(Refusal::access_token());
        }
    } else if !filled("products") {
        let message = "the following required fields are missing: products";
        return Err(Refusal::request("MISSING_FIELDS", message));
    }
    let life = if update.is_some() {
        PUBLIC_TOKEN_LIFE
    } else {
        LINK_TOKEN_LIFE
    };
    let (link_token, expiration) = (token("link"), plaid.clock.now() + life);
    plaid.with(|state| state.link_tokens.insert(link_token.clone(), expiration));
    plaid.ledger.append(Effect::new(
        Partner::Plaid,
        "link_token.created",
        &*link_token,
    ));
    Ok(json!({"link_token": link_token, "expiration": iso(expiration)}))
}

/// `/sandbox/public_token/create`: what a user would bring home from Link.
pub(super) fn sandbox_public_token(
    plaid: &Plaid,
    body: &Map<String, Value>,
) -> Result<Value, Refusal> {
    let institution = text(body, "institution_id")?;
    if !institution.starts_with("ins_") {
        return Err(Refusal::input(
            "INVALID_INSTITUTION",
            "invalid institution_id provided",
        ));
    }
    let products = body
        .get("initial_products")
        .and_then(Value::as_array)
        .cloned();
    let products = products
        .filter(|products| !products.is_empty())
        .ok_or_else(|| {
            Refusal::request(
                "INVALID_FIELD",
                "initial_products must be a non-empty array",
            )
        })?;
    let option = |name: &str| {
        body.get("options")
            .and_then(|options| options.get(name))
            .and_then(Value::as_str)
    };
    let public_token = token("public");
    // The same login gives the same accounts; without one, each token is another person.
    let seed = match option("override_username") {
        Some(login) => format!("{institution}/{login}"),
        None => public_token.clone(),
    };
    let plan = ItemPlan {
        institution: institution.to_owned(),
        webhook: option("webhook").map(str::to_owned),
        products,
        seed,
    };
    let stored = PublicToken {
        created: plaid.clock.now(),
        plan,
        used: false,
    };
    plaid.with(|state| state.public_tokens.insert(public_token.clone(), stored));
    plaid.ledger.append(Effect::new(
        Partner::Plaid,
        "public_token.created",
        &*public_token,
    ));
    Ok(json!({"public_token": public_token}))
}

/// `/item/public_token/exchange`: once, and within 30 minutes.
pub(super) fn exchange(plaid: &Plaid, body: &Map<String, Value>) -> Result<Value, Refusal> {
    let public_token = text(body, "public_token")?;
    let invalid = |message: &str| Refusal::input("INVALID_PUBLIC_TOKEN", message);
    let well_formed = public_token
        .strip_prefix("public-sandbox-")
        .is_some_and(|id| Uuid::try_parse(id).is_ok());
    if !well_formed {
        return Err(invalid(
            "provided public token is in an invalid format. expected format: public-<environment>-<identifier>",
        ));
    }
    let now = plaid.clock.now();
    let (access_token, item_id) = plaid.with(|state| {
        let found = state.public_tokens.get_mut(public_token).filter(|token| !token.used);
        let found = found.ok_or_else(|| invalid("could not find matching public token"))?;
        if now - found.created > PUBLIC_TOKEN_LIFE {
            return Err(invalid(
                "provided public token is expired. Public tokens expire 30 minutes after creation at which point they \
                 can no longer be exchanged",
            ));
        }
        found.used = true;
        let item = Item::open(found.plan.clone());
        let (access_token, item_id) = (token("access"), item.id.clone());
        state.items.insert(access_token.clone(), item);
        Ok((access_token, item_id))
    })?;
    let effect = Effect::new(Partner::Plaid, "item.exchanged", &*item_id);
    plaid.ledger.append(Effect {
        source: Some(public_token.into()),
        ..effect
    });
    Ok(json!({"access_token": access_token, "item_id": item_id}))
}
