//! An event of Plaid about a linked bank login.
//!
//! None of them touches an account that is linked at Dwolla already; a login that must be renewed is
//! noted, so that the next link of it asks for that.

use crate::handler::{Ctx, Handler};
use serde::Deserialize;
use subjects::envelope::Problem;
use subjects::wallet::{PlaidEvent, WebhookHandled};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::store::change::Change;
use tranche::store::wallets;

#[derive(Deserialize)]
struct Body {
    webhook_type: String,
    webhook_code: String,
    item_id: Option<String>,
}

impl Handler for PlaidEvent {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<WebhookHandled>, Fault> {
        let raw = self.0.raw().map_err(|e| unknown(&e.to_string()))?;
        let body: Body = serde_json::from_slice(&raw).map_err(|e| unknown(&e.to_string()))?;
        let needs_login = match (body.webhook_type.as_str(), body.webhook_code.as_str()) {
            (
                "ITEM",
                "ERROR"
                | "PENDING_DISCONNECT"
                | "PENDING_EXPIRATION"
                | "USER_PERMISSION_REVOKED"
                | "USER_ACCOUNT_REVOKED",
            ) => true,
            ("ITEM", "LOGIN_REPAIRED") => false,
            ("ITEM", "NEW_ACCOUNTS_AVAILABLE" | "WEBHOOK_UPDATE_ACKNOWLEDGED") => {
                let nothing = WebhookHandled {
                    applied: "nothing".to_owned(),
                };
                return ctx.finish(Change::nothing(&nothing)).await;
            }
            (kind, code) => return Err(unknown(&format!("{kind} {code}"))),
        };
        let item = body
            .item_id
            .ok_or_else(|| unknown("an ITEM event without item_id"))?;
        ctx.finish(wallets::item_needs_login(&item, needs_login))
            .await
    }
}

/// Kept for a person, never answered with an error.
fn unknown(what: &str) -> Fault {
    let text = format!("no rule for this event of Plaid: {what}");
    Fault::Reject(Problem::new(422, "unknown_event", text))
}
