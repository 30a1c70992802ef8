//! Sends a customer's data once more, with the full SSN, after Dwolla could not verify them.
//!
//! Dwolla allows one such attempt, and it moves the customer out of `retry`, whatever comes of it.
//! So the status itself says whether it happened: no longer `retry` is yes, still `retry` is no.

use super::client::{Dwolla, key_of_body};
use super::customer_data::CustomerData;
use super::error::{Answer, Refusal};
use super::reads::parse;
use super::types::{Customer, CustomerStatus};
use super::wire::CustomerBody;
use crate::bus::effect::{Call, Effect, Found, IdempotencyKey, Outcome, Timing};
use crate::bus::fault::{Cause, Fault};
use crate::partners::{inconclusive, unclear, within};
use bytes::Bytes;
use serde_json::{Value, json};
use subjects::ids::DwollaCustomerId;

/// Sends a customer's data once more. Only for a customer in the status `retry`.
#[derive(Debug, Clone)]
pub struct RetryCustomer {
    /// The client.
    pub dwolla: Dwolla,
    /// The customer.
    pub customer: DwollaCustomerId,
    /// Who it is, with all nine digits of the SSN.
    pub data: CustomerData,
}

/// What the answer to the POST means.
#[derive(Debug)]
enum Verdict {
    /// Done, and this is the customer now.
    Done(Bytes),
    /// The customer is not in `retry` any more, or Dwolla does not take the data.
    Look(Refusal),
    NotDone(Fault),
    Unknown(Cause),
}

fn verdict(answer: Answer) -> Verdict {
    match answer {
        Answer::Fine(body) => Verdict::Done(body),
        Answer::WrongState(refusal) => Verdict::Look(refusal),
        Answer::NotSent(fault) => Verdict::NotDone(fault),
        Answer::TooMany(pause) => Verdict::NotDone(pause.fault()),
        Answer::StaleToken(refusal) => Verdict::NotDone(Fault::Retry(refusal.unknown())),
        Answer::Malformed(refusal) => Verdict::NotDone(refusal.bug()),
        Answer::Invalid(refusal)
        | Answer::Duplicate(refusal)
        | Answer::BadExchange(refusal)
        | Answer::Unauthorized(refusal)
        | Answer::Forbidden(refusal)
        | Answer::Missing(refusal) => Verdict::NotDone(refusal.reject()),
        Answer::InFlight(refusal) => Verdict::Unknown(refusal.unknown()),
        Answer::Lost(cause) | Answer::Broken(cause) | Answer::Odd(cause) => Verdict::Unknown(cause),
        Answer::Created(_) | Answer::Nowhere(_) => {
            let message = "expected 200 with the customer, got a success without one";
            Verdict::Unknown(Cause::new("dwolla_unreadable", message))
        }
    }
}

impl RetryCustomer {
    async fn retry(&self, call: &Call) -> Outcome<Customer> {
        let body = match self.data.body(self.dwolla.classification(), None) {
            Ok(body) => body,
            Err(error) => return Outcome::NotDone(Fault::Bug(Cause::of("dwolla_body", &error))),
        };
        let url = self.dwolla.url(&["customers", self.customer.as_str()]);
        let key = key_of_body(call, &body);
        let answer = self
            .dwolla
            .post("retry_customer", url, body, call, key)
            .await;
        match verdict(answer) {
            Verdict::Done(body) => {
                let read = parse::<CustomerBody>(&body)
                    .and_then(|body| Customer::read(&body).map_err(Fault::Reject));
                read.map_or_else(|fault| Outcome::Unknown(unclear(&fault)), Outcome::Done)
            }
            Verdict::Look(refusal) => match self.dwolla.customer(&self.customer).await {
                Ok(customer) if customer.status != CustomerStatus::Retry => Outcome::Done(customer),
                Ok(_) => Outcome::NotDone(refusal.reject()),
                Err(fault) => Outcome::Unknown(unclear(&fault)),
            },
            Verdict::NotDone(fault) => Outcome::NotDone(fault),
            Verdict::Unknown(cause) => Outcome::Unknown(cause),
        }
    }
}

impl Effect for RetryCustomer {
    type Answer = Customer;

    fn timing(&self) -> Timing {
        self.dwolla.timing(2)
    }

    fn request(&self) -> Value {
        json!({"customer": self.customer, "kind": self.data.kind()})
    }

    async fn perform(&self, call: &Call) -> Outcome<Customer> {
        within(self.timing().timeout, self.retry(call)).await
    }

    async fn find(&self, _key: &IdempotencyKey) -> Found<Customer> {
        match self.dwolla.customer(&self.customer).await {
            Ok(customer) if customer.status == CustomerStatus::Retry => Found::No,
            Ok(customer) => Found::Yes(customer),
            Err(fault) => inconclusive(&fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::tests::{answer, flawed};
    use super::*;

    #[test]
    fn a_second_attempt_is_looked_at_and_bad_data_is_refused() {
        let state = r#"{"code":"InvalidResourceState","message":"Resource cannot be modified."}"#;
        assert!(matches!(verdict(answer(403, state)), Verdict::Look(_)));
        let invalid = answer(400, &flawed("Invalid", "SSN invalid.", "/ssn"));
        assert!(matches!(
            verdict(invalid),
            Verdict::NotDone(Fault::Reject(_))
        ));
        assert!(matches!(verdict(answer(503, "")), Verdict::Unknown(_)));
        assert!(matches!(verdict(answer(200, "{}")), Verdict::Done(_)));
    }
}
