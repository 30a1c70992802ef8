//! Ends the access to a bank login: the access token and every processor token of it die.
//!
//! A second removal is answered with "no such access token", which is as good as done, and the same
//! answer to a read says that it is done. To be performed after Dwolla's funding source is removed
//! and nothing is pending: at some banks the account number that Dwolla holds dies with the item.

use super::client::Plaid;
use super::error::Answer;
use super::wire::ByAccess;
use crate::bus::effect::{Call, Effect, Found, IdempotencyKey, Outcome, Timing};
use crate::partners::{unclear, within};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

/// Ends the access to a bank login.
#[derive(Debug, Clone)]
pub struct RemoveItem {
    /// The client.
    pub plaid: Plaid,
    /// Plaid's id of the login.
    pub item_id: String,
    /// Its access token.
    pub access_token: SecretString,
}

fn outcome(answer: Answer) -> Outcome<()> {
    match answer {
        Answer::Fine(_) | Answer::ItemGone(_) => Outcome::Done(()),
        Answer::NotSent(fault) | Answer::TooMany(fault) => Outcome::NotDone(fault),
        Answer::Credentials(refusal) => Outcome::NotDone(refusal.credentials()),
        Answer::Malformed(refusal) => Outcome::NotDone(refusal.bug()),
        Answer::Refused(refusal) | Answer::NoSuchKey(refusal) => Outcome::NotDone(refusal.reject()),
        Answer::Lost(cause) | Answer::Broken(cause) | Answer::Odd(cause) => Outcome::Unknown(cause),
    }
}

/// What the answer to `/item/get` says about the removal. An item whose login is broken is there.
fn found(answer: Answer) -> Found<()> {
    match answer {
        Answer::ItemGone(_) => Found::Yes(()),
        Answer::Fine(_) => Found::No,
        Answer::NotSent(fault) | Answer::TooMany(fault) => Found::Inconclusive(unclear(&fault)),
        Answer::Credentials(refusal)
        | Answer::Malformed(refusal)
        | Answer::Refused(refusal)
        | Answer::NoSuchKey(refusal) => Found::Inconclusive(unclear(&refusal.reject())),
        Answer::Lost(cause) | Answer::Broken(cause) | Answer::Odd(cause) => {
            Found::Inconclusive(cause)
        }
    }
}

impl RemoveItem {
    async fn post(&self, operation: &'static str, verb: &str, call: Option<&Call>) -> Answer {
        let body = ByAccess {
            access_token: self.access_token.expose_secret(),
        };
        self.plaid
            .post(operation, &["item", verb], &body, call)
            .await
    }
}

impl Effect for RemoveItem {
    type Answer = ();

    fn timing(&self) -> Timing {
        self.plaid.timing()
    }

    fn request(&self) -> Value {
        json!({"item": self.item_id})
    }

    async fn perform(&self, call: &Call) -> Outcome<()> {
        let work = async { outcome(self.post("remove_item", "remove", Some(call)).await) };
        within(self.timing().timeout, work).await
    }

    async fn find(&self, _key: &IdempotencyKey) -> Found<()> {
        found(self.post("item", "get", None).await)
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::tests::{answer, error};
    use super::*;

    #[test]
    fn an_item_that_is_gone_is_removed() {
        let gone = error("INVALID_INPUT", "INVALID_ACCESS_TOKEN");
        assert!(matches!(outcome(answer(400, &gone)), Outcome::Done(())));
        assert!(matches!(found(answer(400, &gone)), Found::Yes(())));
        assert!(matches!(found(answer(200, "{}")), Found::No));
        assert!(matches!(outcome(answer(500, "")), Outcome::Unknown(_)));
        assert!(matches!(found(answer(500, "")), Found::Inconclusive(_)));
    }
}
