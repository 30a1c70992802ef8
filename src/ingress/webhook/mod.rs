//! Webhooks of partners: verified over the raw bytes, stored whole, understood later.
//!
//! A body that is signed is never answered with an error, whatever it holds: the partner would send
//! it again for days and then stop sending anything. What the workers can not understand stands in
//! the dead letters.

mod dwolla;
mod plaid;

pub(crate) use plaid::Keys;

use super::Ingress;
use super::problem::Refusal;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use subjects::envelope::Webhook;

/// Headers that are kept with a webhook: what it is, never what proves it.
const KEPT: [&str; 3] = ["content-type", "user-agent", "x-dwolla-topic"];
/// The longest event id that is kept as it is.
const LONGEST_ID: usize = 255;

/// The partners that post here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Partner {
    /// Fiat wallets and transfers.
    Dwolla,
    /// Bank links.
    Plaid,
}

impl Partner {
    /// The partner's name in operations and rows.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dwolla => "dwolla",
            Self::Plaid => "plaid",
        }
    }
}

impl Ingress {
    /// The webhook, if the partner's signature over `body` holds; 401 otherwise.
    pub(crate) async fn webhook(
        &self,
        partner: Partner,
        parts: &Parts,
        body: &[u8],
    ) -> Result<Webhook, Refusal> {
        let (id, kind, salt) = match partner {
            Partner::Dwolla => {
                let secret = self.config.ingress.dwolla_webhook_secret.expose_secret();
                dwolla::verify(secret, &parts.headers, body)?;
                (Some("id"), "topic", String::new())
            }
            Partner::Plaid => {
                // Plaid's events have no id. The same body may tell of two things that happened,
                // so the time of the signature is part of the id. A retry is signed anew and handled
                // again: an event sets a state and adds nothing, so at worst a login is asked for
                // once more.
                let signed_at = self.verify_plaid(&parts.headers, body).await?;
                (None, "webhook_code", format!("{signed_at}."))
            }
        };
        let event: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |field: &str| event[field].as_str().unwrap_or_default();
        let given = id
            .map(text)
            .filter(|id| (1..=LONGEST_ID).contains(&id.len()));
        let derived = || {
            hex::encode(
                Sha256::new()
                    .chain_update(salt)
                    .chain_update(body)
                    .finalize(),
            )
        };
        Ok(Webhook {
            partner: partner.name().to_owned(),
            event_id: given.map_or_else(derived, str::to_owned),
            event_type: text(kind).to_owned(),
            headers: kept(parts),
            body: STANDARD.encode(body),
        })
    }
}

/// The headers that are kept, and the query under the name `query`: the inherited API puts hints
/// for the transfer into it.
fn kept(parts: &Parts) -> BTreeMap<String, String> {
    let texts = KEPT.iter().filter_map(|name| {
        let value = parts.headers.get(*name)?.to_str().ok()?;
        Some(((*name).to_owned(), value.to_owned()))
    });
    let query = parts
        .uri
        .query()
        .map(|query| ("query".to_owned(), query.to_owned()));
    texts.chain(query).collect()
}
