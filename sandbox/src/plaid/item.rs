//! What can be done with an item, and with the key that its webhooks are signed with.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::account::Item;
use super::error::Refusal;
use super::request::text;
use super::{Plaid, State};
use crate::ledger::{Effect, Partner};

const REASONS: [&str; 6] = [
    "FRAUD_FIRST_PARTY",
    "FRAUD_FALSE_IDENTITY",
    "FRAUD_ABUSE",
    "FRAUD_OTHER",
    "CONNECTION_IS_NON_FUNCTIONAL",
    "OTHER",
];

/// The live item behind the request's access token.
fn live<'a>(state: &'a mut State, body: &Map<String, Value>) -> Result<&'a mut Item, Refusal> {
    let access = text(body, "access_token")?;
    state
        .items
        .get_mut(access)
        .filter(|item| !item.removed)
        .ok_or_else(Refusal::access_token)
}

/// The live item, if its login works.
fn usable<'a>(state: &'a mut State, body: &Map<String, Value>) -> Result<&'a mut Item, Refusal> {
    let item = live(state, body)?;
    if item.login_required {
        let message = "the login details of this item have changed (credentials, MFA, or required user action) and a \
                       user login is required to update this information. use Link's update mode to restore the item \
                       to a good state";
        return Err(Refusal::item("ITEM_LOGIN_REQUIRED", message));
    }
    Ok(item)
}

/// `/accounts/get`.
pub(super) fn accounts(plaid: &Plaid, body: &Map<String, Value>) -> Result<Value, Refusal> {
    plaid.with(|state| {
        let item = usable(state, body)?;
        Ok(json!({"accounts": item.shown_accounts(), "item": item.shown()}))
    })
}

/// `/auth/get`.
pub(super) fn auth(plaid: &Plaid, body: &Map<String, Value>) -> Result<Value, Refusal> {
    plaid.with(|state| {
        let item = usable(state, body)?;
        Ok(json!({"accounts": item.shown_accounts(), "numbers": item.numbers(), "item": item.shown()}))
    })
}

/// `/processor/token/create`, for Dwolla; each call gives another token.
pub(super) fn processor_token(plaid: &Plaid, body: &Map<String, Value>) -> Result<Value, Refusal> {
    let (access, account) = (text(body, "access_token")?, text(body, "account_id")?);
    if text(body, "processor")? != "dwolla" {
        return Err(Refusal::input(
            "INVALID_PRODUCT",
            "client is not authorized to access the following processor",
        ));
    }
    let token = format!("processor-sandbox-{}", Uuid::new_v4());
    let item_id = plaid.with(|state| {
        let item = usable(state, body)?;
        if !item.has_account(account) {
            let message = "failed to find requested account ID for requested item";
            return Err(Refusal::input("INVALID_ACCOUNT_ID", message));
        }
        let item_id = item.id.clone();
        state
            .processor_tokens
            .insert(token.clone(), (access.to_owned(), account.to_owned()));
        Ok(item_id)
    })?;
    let effect = Effect::new(Partner::Plaid, "processor_token.created", &*token);
    plaid.ledger.append(Effect {
        owner: Some((&*item_id).into()),
        source: Some(account.into()),
        ..effect
    });
    Ok(json!({"processor_token": token}))
}

/// `/item/get`.
pub(super) fn get(plaid: &Plaid, body: &Map<String, Value>) -> Result<Value, Refusal> {
    plaid.with(|state| Ok(json!({"item": live(state, body)?.shown(), "status": {}})))
}

/// `/item/remove`: the access token and all processor tokens are dead after it.
pub(super) fn remove(plaid: &Plaid, body: &Map<String, Value>) -> Result<Value, Refusal> {
    let reason = body.get("reason_code").and_then(Value::as_str);
    if reason.is_some_and(|reason| !REASONS.contains(&reason)) {
        return Err(Refusal::request(
            "INVALID_FIELD",
            "reason_code must be one of the documented reasons",
        ));
    }
    let item_id = plaid.with(|state| {
        let item = live(state, body)?;
        item.removed = true;
        Ok(item.id.clone())
    })?;
    plaid
        .ledger
        .append(Effect::new(Partner::Plaid, "item.removed", &*item_id));
    Ok(json!({}))
}

/// `/sandbox/item/fire_webhook`.
pub(super) fn fire_webhook(plaid: &Plaid, body: &Map<String, Value>) -> Result<Value, Refusal> {
    let code = text(body, "webhook_code")?;
    let kind = body
        .get("webhook_type")
        .and_then(Value::as_str)
        .unwrap_or("ITEM");
    let (item_id, own) = plaid.with(|state| {
        let item = live(state, body)?;
        Ok((item.id.clone(), item.webhook.clone()))
    })?;
    let target = own.or_else(|| plaid.webhooks().target).ok_or_else(|| {
        Refusal::request(
            "INVALID_FIELD",
            "this item has no webhook, and none is configured",
        )
    })?;
    let body = json!({
        "webhook_type": kind, "webhook_code": code, "item_id": item_id, "error": null, "environment": "sandbox",
    });
    plaid.post(target, &body);
    Ok(json!({"webhook_fired": true}))
}

/// `/sandbox/item/reset_login`: the next use asks for the login again.
pub(super) fn reset_login(plaid: &Plaid, body: &Map<String, Value>) -> Result<Value, Refusal> {
    let item_id = plaid.with(|state| {
        let item = live(state, body)?;
        item.login_required = true;
        Ok(item.id.clone())
    })?;
    plaid
        .ledger
        .append(Effect::new(Partner::Plaid, "item.login_reset", &*item_id));
    Ok(json!({"reset_login": true}))
}

/// `/webhook_verification_key/get`.
pub(super) fn verification_key(plaid: &Plaid, body: &Map<String, Value>) -> Result<Value, Refusal> {
    let kid = text(body, "key_id")?;
    let key = plaid.with(|state| state.keys.shown(kid)).ok_or_else(|| {
        Refusal::input(
            "INVALID_WEBHOOK_VERIFICATION_KEY_ID",
            "invalid key_id provided. note that key_ids are specific to Plaid environments, and verification requests \
             must be made to the same environment that the webhook was sent from",
        )
    })?;
    Ok(json!({"key": key}))
}
