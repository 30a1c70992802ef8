//! Removes a bank account. Removal is for good, and the removed source can still be read, so its
//! `removed` says whether it happened.
//!
//! Pending debits from a removed bank are not stopped, and pending credits to it come back to the
//! balance: whether it may be removed now is the handler's question.

use super::client::Dwolla;
use super::error::{Answer, Refusal};
use crate::bus::effect::{Call, Effect, Found, IdempotencyKey, Outcome, Timing};
use crate::bus::fault::{Cause, Fault};
use crate::partners::{inconclusive, unclear, within};
use bytes::Bytes;
use serde_json::{Value, json};
use subjects::ids::DwollaFundingSourceId;

/// Removes a bank account.
#[derive(Debug, Clone)]
pub struct RemoveFundingSource {
    /// The client.
    pub dwolla: Dwolla,
    /// The bank account.
    pub id: DwollaFundingSourceId,
}

/// What the answer to the POST means.
#[derive(Debug)]
enum Verdict {
    Done,
    /// It can not be changed, perhaps because it is removed.
    Look(Refusal),
    NotDone(Fault),
    Unknown(Cause),
}

fn verdict(answer: Answer) -> Verdict {
    match answer {
        Answer::Fine(_) => Verdict::Done,
        Answer::WrongState(refusal) | Answer::Invalid(refusal) => Verdict::Look(refusal),
        Answer::NotSent(fault) => Verdict::NotDone(fault),
        Answer::TooMany(pause) => Verdict::NotDone(pause.fault()),
        Answer::StaleToken(refusal) => Verdict::NotDone(Fault::Retry(refusal.unknown())),
        Answer::Malformed(refusal) => Verdict::NotDone(refusal.bug()),
        Answer::Duplicate(refusal)
        | Answer::BadExchange(refusal)
        | Answer::Unauthorized(refusal)
        | Answer::Forbidden(refusal)
        | Answer::Missing(refusal) => Verdict::NotDone(refusal.reject()),
        Answer::InFlight(refusal) => Verdict::Unknown(refusal.unknown()),
        Answer::Lost(cause) | Answer::Broken(cause) | Answer::Odd(cause) => Verdict::Unknown(cause),
        Answer::Created(_) | Answer::Nowhere(_) => {
            let message = "expected 200 with the funding source, got another success";
            Verdict::Unknown(Cause::new("dwolla_unreadable", message))
        }
    }
}

impl RemoveFundingSource {
    async fn remove(&self, call: &Call) -> Outcome<DwollaFundingSourceId> {
        let url = self.dwolla.url(&["funding-sources", self.id.as_str()]);
        let body = Bytes::from_static(br#"{"removed":true}"#);
        let key = call.key.value;
        match verdict(
            self.dwolla
                .post("remove_funding_source", url, body, call, key)
                .await,
        ) {
            Verdict::Done => Outcome::Done(self.id.clone()),
            Verdict::Look(refusal) => match self.dwolla.funding_source(&self.id).await {
                Ok(source) if source.removed => Outcome::Done(self.id.clone()),
                Ok(_) => Outcome::NotDone(refusal.reject()),
                Err(fault) => Outcome::Unknown(unclear(&fault)),
            },
            Verdict::NotDone(fault) => Outcome::NotDone(fault),
            Verdict::Unknown(cause) => Outcome::Unknown(cause),
        }
    }
}

impl Effect for RemoveFundingSource {
    type Answer = DwollaFundingSourceId;

    fn timing(&self) -> Timing {
        self.dwolla.timing(2)
    }

    fn request(&self) -> Value {
        json!({"funding_source": self.id})
    }

    async fn perform(&self, call: &Call) -> Outcome<DwollaFundingSourceId> {
        within(self.timing().timeout, self.remove(call)).await
    }

    async fn find(&self, _key: &IdempotencyKey) -> Found<DwollaFundingSourceId> {
        match self.dwolla.funding_source(&self.id).await {
            Ok(source) if source.removed => Found::Yes(self.id.clone()),
            Ok(_) => Found::No,
            Err(fault) => inconclusive(&fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::tests::answer;
    use super::*;

    #[test]
    fn a_source_that_can_not_be_changed_is_looked_at() {
        let body =
            r#"{"code":"InvalidResourceState","message":"A removed bank cannot be updated."}"#;
        assert!(matches!(verdict(answer(403, body)), Verdict::Look(_)));
        assert!(matches!(verdict(answer(200, "{}")), Verdict::Done));
        assert!(matches!(verdict(answer(504, "")), Verdict::Unknown(_)));
        let missing = r#"{"code":"NotFound","message":"Funding source not found."}"#;
        assert!(matches!(
            verdict(answer(404, missing)),
            Verdict::NotDone(Fault::Reject(_))
        ));
    }
}
