//! Creates a customer: the wallet's counterpart at Dwolla.
//!
//! Found by its e-mail address and our correlation id, which Dwolla keeps unique among our
//! customers. An address that is taken by a customer with another correlation id belongs to another
//! wallet of ours, and is never adopted: two people would share one balance.
//!
//! The key is derived from the body, since a person's data may be corrected between two attempts and
//! Dwolla ties a key to one body. That can not create a second customer, by the same uniqueness.

use super::client::{Dwolla, key_of_body};
use super::customer_data::CustomerData;
use super::error::{Answer, Refusal};
use super::types::Customer;
use crate::bus::effect::{Call, Effect, Found, IdempotencyKey, Outcome, Timing};
use crate::bus::fault::{Cause, Fault};
use crate::partners::{inconclusive, unclear, within};
use serde_json::{Value, json};
use subjects::envelope::Problem;
use subjects::ids::DwollaCustomerId;

/// Creates a customer.
#[derive(Debug, Clone)]
pub struct CreateCustomer {
    /// The client.
    pub dwolla: Dwolla,
    /// Our reference, the same for every attempt: `wallet-<id>`. At most 255 of `a-z 0-9 - . _`.
    pub correlation: String,
    /// Who it is.
    pub data: CustomerData,
}

/// What the answer to the POST means.
#[derive(Debug)]
enum Verdict {
    /// Created under this id; the status is still to be read.
    Created(DwollaCustomerId),
    /// Something of ours, or of somebody else's, is in the way.
    Taken(Refusal),
    NotDone(Fault),
    Unknown(Cause),
}

fn verdict(answer: Answer) -> Verdict {
    match answer {
        Answer::Created(address) => Verdict::Created(DwollaCustomerId::new(&address)),
        Answer::Duplicate(refusal) => Verdict::Taken(refusal),
        Answer::NotSent(fault) => Verdict::NotDone(fault),
        Answer::TooMany(pause) => Verdict::NotDone(pause.fault()),
        Answer::StaleToken(refusal) => Verdict::NotDone(Fault::Retry(refusal.unknown())),
        Answer::Malformed(refusal) => Verdict::NotDone(refusal.bug()),
        Answer::Invalid(refusal)
        | Answer::BadExchange(refusal)
        | Answer::Unauthorized(refusal)
        | Answer::Forbidden(refusal)
        | Answer::WrongState(refusal)
        | Answer::Missing(refusal) => Verdict::NotDone(refusal.reject()),
        Answer::InFlight(refusal) => Verdict::Unknown(refusal.unknown()),
        Answer::Lost(cause) | Answer::Broken(cause) | Answer::Odd(cause) => Verdict::Unknown(cause),
        Answer::Fine(_) | Answer::Nowhere(_) => {
            let message = "expected 201 with the customer's address, got a success without one";
            Verdict::Unknown(Cause::new("dwolla_no_location", message))
        }
    }
}

impl CreateCustomer {
    async fn create(&self, call: &Call) -> Outcome<Customer> {
        let body = match self
            .data
            .body(self.dwolla.classification(), Some(&self.correlation))
        {
            Ok(body) => body,
            Err(error) => return Outcome::NotDone(Fault::Bug(Cause::of("dwolla_body", &error))),
        };
        let (url, key) = (self.dwolla.url(&["customers"]), key_of_body(call, &body));
        let answer = self
            .dwolla
            .post("create_customer", url, body, call, key)
            .await;
        match verdict(answer) {
            Verdict::Created(id) => match self.dwolla.customer(&id).await {
                Ok(customer) => Outcome::Done(customer),
                // It is there, and `find` will read it.
                Err(fault) => Outcome::Unknown(unclear(&fault)),
            },
            Verdict::Taken(refusal) => self.adopt(&refusal).await,
            Verdict::NotDone(fault) => Outcome::NotDone(fault),
            Verdict::Unknown(cause) => Outcome::Unknown(cause),
        }
    }

    /// Dwolla has a customer with this address or this correlation id: ours from an attempt whose
    /// answer was lost, or not ours. Nothing was created now, whatever the look brings.
    async fn adopt(&self, refusal: &Refusal) -> Outcome<Customer> {
        let looked = match refusal.about() {
            Some(about) => self
                .dwolla
                .customer(&DwollaCustomerId::new(about))
                .await
                .map(|one| vec![one]),
            None => self.dwolla.customers_by_email(&self.data.email).await,
        };
        match looked {
            Ok(customers) => match self.ours(customers) {
                Some(customer) => Outcome::Done(customer),
                None => Outcome::NotDone(Fault::Reject(taken(refusal))),
            },
            Err(fault) => Outcome::NotDone(fault),
        }
    }

    fn ours(&self, customers: Vec<Customer>) -> Option<Customer> {
        customers
            .into_iter()
            .find(|customer| customer.correlation_id.as_deref() == Some(&self.correlation))
    }
}

/// The refusal, when the customer that is in the way is not ours.
fn taken(refusal: &Refusal) -> Problem {
    let email = refusal.flaws.iter().any(|flaw| flaw.path == "/email");
    if email || refusal.flaws.is_empty() {
        let message = "Dwolla has another customer of ours with this e-mail address";
        return Problem::new(424, "email_taken", message);
    }
    refusal.problem()
}

impl Effect for CreateCustomer {
    type Answer = Customer;

    fn timing(&self) -> Timing {
        self.dwolla.timing(2)
    }

    fn request(&self) -> Value {
        json!({"correlation": self.correlation, "kind": self.data.kind()})
    }

    async fn perform(&self, call: &Call) -> Outcome<Customer> {
        within(self.timing().timeout, self.create(call)).await
    }

    async fn find(&self, _key: &IdempotencyKey) -> Found<Customer> {
        match self.dwolla.customers_by_email(&self.data.email).await {
            Ok(customers) => self.ours(customers).map_or(Found::No, Found::Yes),
            Err(fault) => inconclusive(&fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::tests::{answer, flawed, located};
    use super::*;

    #[test]
    fn a_customer_exists_only_where_dwolla_says_so() {
        let created = verdict(located(201, "https://api.example/customers/A1A1", ""));
        assert!(matches!(created, Verdict::Created(id) if id.as_str() == "a1a1"));
        for unknown in [
            located(201, "", ""),
            answer(500, ""),
            answer(409, ""),
            answer(202, "{}"),
        ] {
            assert!(matches!(verdict(unknown), Verdict::Unknown(_)));
        }
        let invalid = answer(
            400,
            &flawed("Required", "FirstName required.", "/firstName"),
        );
        assert!(
            matches!(verdict(invalid), Verdict::NotDone(Fault::Reject(p)) if p.code == "required")
        );
        assert!(matches!(
            verdict(answer(429, "")),
            Verdict::NotDone(Fault::Retry(_))
        ));
    }

    #[test]
    fn a_duplicate_of_somebody_else_is_a_taken_address() {
        let message = "A customer with the specified email already exists.";
        let body = flawed("Duplicate", message, "/email");
        let Verdict::Taken(refusal) = verdict(answer(400, &body)) else {
            panic!("not taken")
        };
        assert_eq!(taken(&refusal).code, "email_taken");
    }
}
