//! Plaid's webhooks: pretty-printed with two spaces, a JWT in `Plaid-Verification`, and forgeries on demand.
//!
//! `iat` is real time, not the virtual clock: receivers compare it with their own. It is made anew per attempt, as a
//! retry hours later must still be within the five minutes.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Plaid;
use crate::clock::real_now;
use crate::courier::{Letter, Outcome, Posting};

/// Retries at 30 s, 2 min, 8 min, 32 min … within 24 hours.
const FIRST_RETRY: u64 = 30;
const RETRIES: u32 = 6;

/// What a webhook pretends to be. Only the first one must be accepted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guise {
    /// In order.
    #[default]
    Genuine,
    /// The header names HS256.
    WrongAlg,
    /// The header names `none`, and there is no signature.
    NoneAlg,
    /// Signed ten minutes ago.
    StaleIat,
    /// Signed in ten minutes.
    FutureIat,
    /// The body was changed after it was signed.
    TamperedBody,
    /// The same JSON without its white space.
    CompactBody,
    /// Signed with a key that has expired.
    ExpiredKey,
    /// The header names a key that does not exist.
    UnknownKey,
    /// No `Plaid-Verification` at all.
    Unsigned,
}

/// How Plaid's webhooks are sent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlaidWebhooks {
    /// The URL in Plaid's dashboard; an item's own goes first.
    pub target: Option<String>,
    /// What the webhooks pretend to be.
    pub guise: Guise,
}

struct PlaidLetter {
    plaid: Arc<Plaid>,
    url: String,
    pretty: String,
    compact: String,
}

impl Plaid {
    /// Hands a webhook to the courier.
    pub(super) fn post(&self, url: String, body: &Value) {
        let Some(plaid) = self.this.upgrade() else {
            return;
        };
        let pretty = format!("{body:#}");
        let letter = PlaidLetter {
            plaid,
            url,
            pretty,
            compact: body.to_string(),
        };
        self.courier.send([Arc::new(letter) as Arc<dyn Letter>]);
    }
}

impl PlaidLetter {
    fn token(&self, guise: Guise) -> Option<String> {
        let now = real_now();
        let (current, expired) = self.plaid.with(|state| {
            let expired = (guise == Guise::ExpiredKey)
                .then(|| state.keys.expired(now))
                .flatten();
            (state.keys.current(), expired)
        });
        let key = expired.unwrap_or(current);
        let iat = match guise {
            Guise::StaleIat => now.timestamp() - 600,
            Guise::FutureIat => now.timestamp() + 600,
            _ => now.timestamp(),
        };
        let alg = match guise {
            Guise::WrongAlg => "HS256",
            Guise::NoneAlg => "none",
            _ => "ES256",
        };
        let kid = if guise == Guise::UnknownKey {
            Uuid::new_v4().to_string()
        } else {
            key.kid.clone()
        };
        let header = json!({"alg": alg, "kid": kid, "typ": "JWT"});
        let claims =
            json!({"iat": iat, "request_body_sha256": hex::encode(Sha256::digest(&self.pretty))});
        let token = key.jws(&header, &claims)?;
        match guise {
            Guise::NoneAlg => token
                .rsplit_once('.')
                .map(|(unsigned, _)| format!("{unsigned}.")),
            _ => Some(token),
        }
    }
}

impl Letter for PlaidLetter {
    fn write(&self) -> Option<Posting> {
        let guise = self.plaid.webhooks().guise;
        let mut headers = vec![("content-type", "application/json".to_owned())];
        if guise != Guise::Unsigned {
            headers.push(("plaid-verification", self.token(guise)?));
        }
        let body = match guise {
            Guise::TamperedBody => self.pretty.replacen("sandbox", "production", 1),
            Guise::CompactBody => self.compact.clone(),
            _ => self.pretty.clone(),
        };
        Some(Posting {
            url: self.url.clone(),
            headers,
            body: body.into_bytes(),
        })
    }

    /// Plaid speaks of "non-200": nothing else counts as accepted.
    fn report(&self, attempt: u32, outcome: Outcome) -> Option<Duration> {
        let accepted = outcome.status == Some(200);
        (!accepted && attempt < RETRIES)
            .then(|| Duration::from_secs(FIRST_RETRY * 4_u64.pow(attempt)))
    }
}
