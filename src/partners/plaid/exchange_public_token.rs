//! Exchanges the dialog's public token for lasting access to a bank login.
//!
//! A public token works once, and nothing at Plaid tells what came of it: neither the access token
//! nor the item can be found by it. So an exchange whose answer is lost is lost for good, and `find`
//! never decides; the investor has to go through the dialog again, which the dead letter says. Asking
//! again would only spend the token: if the first request failed, a second could succeed, but if it
//! did not, the refusal of the second would look like "never happened" while a login stays open.
//!
//! The answer is recorded in the journal, so the access token stands in it sealed, and nothing else
//! is asked in the same effect: accounts can be read again at any time, the token can not.

use super::client::Plaid;
use super::error::Answer;
use super::wire::{Exchange, Exchanged};
use crate::bus::effect::{Call, Effect, Found, IdempotencyKey, Outcome, Timing};
use crate::bus::fault::{Cause, Fault};
use crate::partners::within;
use crate::seal::Sealer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Exchanges a public token. Plaid gives it 30 minutes.
#[derive(Debug, Clone)]
pub struct ExchangePublicToken {
    /// The client.
    pub plaid: Plaid,
    /// What seals the access token.
    pub sealer: Sealer,
    /// The dialog's token.
    pub public_token: SecretString,
}

/// What [`ExchangePublicToken`] gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangedItem {
    /// Plaid's id of the login, by which its webhooks name it.
    pub item_id: String,
    /// The access token, sealed, in base64.
    pub sealed_access_token: String,
}

impl ExchangedItem {
    /// The access token, opened.
    pub fn access_token(&self, sealer: &Sealer) -> Result<SecretString, Fault> {
        let bytes = STANDARD
            .decode(&self.sealed_access_token)
            .map_err(|error| Fault::Bug(Cause::of("access_token_sealed", &error)))?;
        let plain = sealer
            .open(&bytes)
            .map_err(|error| Fault::Bug(Cause::of("access_token_sealed", &error)))?;
        let text = String::from_utf8(plain).map_err(|_| {
            Fault::bug(
                "access_token_sealed",
                "expected text in what was sealed, got other bytes",
            )
        })?;
        Ok(text.into())
    }
}

/// What the answer to the POST means.
#[derive(Debug)]
enum Verdict {
    Done(Bytes),
    NotDone(Fault),
    Unknown(Cause),
}

fn verdict(answer: Answer) -> Verdict {
    match answer {
        Answer::Fine(body) => Verdict::Done(body),
        Answer::NotSent(fault) | Answer::TooMany(fault) => Verdict::NotDone(fault),
        Answer::Credentials(refusal) => Verdict::NotDone(refusal.credentials()),
        Answer::Malformed(refusal) => Verdict::NotDone(refusal.bug()),
        Answer::Refused(refusal) | Answer::ItemGone(refusal) | Answer::NoSuchKey(refusal) => {
            Verdict::NotDone(refusal.reject())
        }
        Answer::Lost(cause) | Answer::Broken(cause) | Answer::Odd(cause) => Verdict::Unknown(cause),
    }
}

impl ExchangePublicToken {
    async fn exchange(&self, call: &Call) -> Outcome<ExchangedItem> {
        // A sealer that does not work has to show before the token is spent.
        if let Err(error) = self.sealer.seal(b"") {
            return Outcome::NotDone(Fault::Bug(Cause::of("access_token_sealed", &error)));
        }
        let body = Exchange {
            public_token: self.public_token.expose_secret(),
        };
        let path = ["item", "public_token", "exchange"];
        let answer = self
            .plaid
            .post("exchange_public_token", &path, &body, Some(call))
            .await;
        match verdict(answer) {
            Verdict::Done(body) => self.sealed(&body),
            Verdict::NotDone(fault) => Outcome::NotDone(fault),
            Verdict::Unknown(cause) => Outcome::Unknown(cause),
        }
    }

    fn sealed(&self, body: &[u8]) -> Outcome<ExchangedItem> {
        let unknown = |message: &str| Outcome::Unknown(Cause::new("plaid_unreadable", message));
        let Ok(exchanged) = serde_json::from_slice::<Exchanged>(body) else {
            return unknown("expected an access token, got a success without one");
        };
        match self
            .sealer
            .seal(exchanged.access_token.expose_secret().as_bytes())
        {
            Ok(sealed) => Outcome::Done(ExchangedItem {
                item_id: exchanged.item_id,
                sealed_access_token: STANDARD.encode(sealed),
            }),
            Err(_) => unknown("the access token came and could not be sealed"),
        }
    }
}

impl Effect for ExchangePublicToken {
    type Answer = ExchangedItem;

    fn timing(&self) -> Timing {
        self.plaid.timing()
    }

    /// Nothing: the token is a secret, and there is nothing else.
    fn request(&self) -> Value {
        json!({})
    }

    async fn perform(&self, call: &Call) -> Outcome<ExchangedItem> {
        within(self.timing().timeout, self.exchange(call)).await
    }

    async fn find(&self, _key: &IdempotencyKey) -> Found<ExchangedItem> {
        let message = "the answer to a one-time exchange was lost and Plaid can not be asked for it; \
                       the investor has to link the bank again";
        Found::Inconclusive(Cause::new("exchange_lost", message))
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::tests::{answer, error};
    use super::*;

    #[test]
    fn a_spent_public_token_is_a_refusal_and_a_server_error_is_unknown() {
        let spent = verdict(answer(400, &error("INVALID_INPUT", "INVALID_PUBLIC_TOKEN")));
        assert!(
            matches!(spent, Verdict::NotDone(Fault::Reject(p)) if p.code == "invalid_public_token")
        );
        assert!(matches!(verdict(answer(500, "")), Verdict::Unknown(_)));
        assert!(matches!(verdict(answer(503, "")), Verdict::Unknown(_)));
        assert!(matches!(
            verdict(answer(429, "")),
            Verdict::NotDone(Fault::Retry(_))
        ));
    }

    #[test]
    fn the_recorded_answer_holds_no_plain_token() {
        let key = crate::config::Seal {
            key: "ab".repeat(32).into(),
        };
        let sealer = Sealer::new(&key).unwrap();
        let item = ExchangedItem {
            item_id: "item-1".to_owned(),
            sealed_access_token: STANDARD.encode(sealer.seal(b"access-sandbox-1").unwrap()),
        };
        assert!(
            !serde_json::to_string(&item)
                .unwrap()
                .contains("access-sandbox")
        );
        assert_eq!(
            item.access_token(&sealer).unwrap().expose_secret(),
            "access-sandbox-1"
        );
    }
}
