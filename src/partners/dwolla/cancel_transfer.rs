//! Calls off a pending transfer, which Dwolla allows until it hands the transfer to the banks.
//!
//! Its status says whether it happened. That it is too late is Dwolla's to say, not ours: the cut-off
//! depends on the day and the bank, so the attempt is the question.

use super::client::Dwolla;
use super::error::{Answer, Refusal};
use super::types::TransferStatus;
use crate::bus::effect::{Call, Effect, Found, IdempotencyKey, Outcome, Timing};
use crate::bus::fault::{Cause, Fault};
use crate::partners::{inconclusive, unclear, within};
use bytes::Bytes;
use serde_json::{Value, json};
use subjects::envelope::Problem;
use subjects::ids::DwollaTransferId;

/// Calls off a transfer.
#[derive(Debug, Clone)]
pub struct CancelTransfer {
    /// The client.
    pub dwolla: Dwolla,
    /// The transfer.
    pub id: DwollaTransferId,
}

/// What the answer to the POST means.
#[derive(Debug)]
enum Verdict {
    Done,
    /// The status can not be changed: too late, or cancelled already.
    Look(Refusal),
    NotDone(Fault),
    Unknown(Cause),
}

fn verdict(answer: Answer) -> Verdict {
    match answer {
        Answer::Fine(_) => Verdict::Done,
        Answer::Invalid(refusal) | Answer::WrongState(refusal) => Verdict::Look(refusal),
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
            let message = "expected 200 with the transfer, got another success";
            Verdict::Unknown(Cause::new("dwolla_unreadable", message))
        }
    }
}

/// The refusal of a transfer that is not cancelled.
fn too_late(refusal: &Refusal) -> Problem {
    let message = format!(
        "the transfer can not be called off any more: {}",
        refusal.summary()
    );
    Problem::new(409, "too_late", message)
}

impl CancelTransfer {
    async fn cancel(&self, call: &Call) -> Outcome<DwollaTransferId> {
        let url = self.dwolla.url(&["transfers", self.id.as_str()]);
        let body = Bytes::from_static(br#"{"status":"cancelled"}"#);
        let key = call.key.value;
        match verdict(
            self.dwolla
                .post("cancel_transfer", url, body, call, key)
                .await,
        ) {
            Verdict::Done => Outcome::Done(self.id.clone()),
            Verdict::Look(refusal) => match self.dwolla.transfer(&self.id).await {
                Ok(transfer) if transfer.status == TransferStatus::Cancelled => {
                    Outcome::Done(self.id.clone())
                }
                Ok(_) => Outcome::NotDone(Fault::Reject(too_late(&refusal))),
                Err(fault) => Outcome::Unknown(unclear(&fault)),
            },
            Verdict::NotDone(fault) => Outcome::NotDone(fault),
            Verdict::Unknown(cause) => Outcome::Unknown(cause),
        }
    }
}

impl Effect for CancelTransfer {
    type Answer = DwollaTransferId;

    fn timing(&self) -> Timing {
        self.dwolla.timing(2)
    }

    fn request(&self) -> Value {
        json!({"transfer": self.id})
    }

    async fn perform(&self, call: &Call) -> Outcome<DwollaTransferId> {
        within(self.timing().timeout, self.cancel(call)).await
    }

    /// Anything but cancelled is a no, a settled transfer included: performing then hears from
    /// Dwolla that it is too late.
    async fn find(&self, _key: &IdempotencyKey) -> Found<DwollaTransferId> {
        match self.dwolla.transfer(&self.id).await {
            Ok(transfer) if transfer.status == TransferStatus::Cancelled => {
                Found::Yes(self.id.clone())
            }
            Ok(_) => Found::No,
            Err(fault) => inconclusive(&fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::tests::{answer, flawed};
    use super::*;

    #[test]
    fn a_status_that_is_not_allowed_is_looked_at_and_then_too_late() {
        let body = flawed("NotAllowed", "Status not allowed.", "/status");
        let Verdict::Look(refusal) = verdict(answer(400, &body)) else {
            panic!("not looked at")
        };
        let problem = too_late(&refusal);
        assert_eq!((problem.status, problem.code.as_str()), (409, "too_late"));
        assert!(matches!(verdict(answer(200, "{}")), Verdict::Done));
        assert!(matches!(verdict(answer(500, "")), Verdict::Unknown(_)));
    }
}
