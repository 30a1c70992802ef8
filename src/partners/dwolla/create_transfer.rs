//! Moves dollars: the effect that must never happen twice.
//!
//! Found by the correlation id, which belongs to one row of ours, among the transfers of the customer
//! whose money moves. A transfer counts whatever became of it: a failed one did happen. The same id
//! with another amount is somebody's mistake, and nothing that may be paid again: it is for a person.
//!
//! A refusal proves only that *this* request did nothing. After an attempt whose end nobody knows,
//! the reason may be that attempt (it took the money, so now the funds do not suffice): the runtime
//! then looks once more before the refusal counts.
//!
//! A 5xx and a 409 are unknown. Twice in 2025 Dwolla answered a POST with 500 and then locked its
//! key for a day; only a look could tell which transfers existed.

use super::client::Dwolla;
use super::error::Answer;
use super::types::{Party, Transfer};
use super::wire::{Link, Money};
use crate::bus::effect::{Call, Effect, Found, IdempotencyKey, Outcome, Timing};
use crate::bus::fault::{Cause, Fault};
use crate::partners::{inconclusive, within};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use subjects::ids::{DwollaCustomerId, DwollaFundingSourceId, DwollaTransferId};
use subjects::money::Usd;

/// Moves dollars from one funding source to another.
#[derive(Debug, Clone)]
pub struct CreateTransfer {
    /// The client.
    pub dwolla: Dwolla,
    /// Where the money comes from.
    pub source: DwollaFundingSourceId,
    /// Where it goes.
    pub destination: DwollaFundingSourceId,
    /// Dollars.
    pub amount: Usd,
    /// Our reference, one for each row that is to become one transfer: 1 to 255 of
    /// `A-Z a-z 0-9 . _ -`.
    pub correlation: String,
    /// The customer among whose transfers it is found: either party.
    pub owner: DwollaCustomerId,
}

/// What [`CreateTransfer`] gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedTransfer {
    /// The transfer.
    pub id: DwollaTransferId,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(rename = "_links")]
    links: Ends,
    amount: Money,
    correlation_id: &'a str,
}

#[derive(Serialize)]
struct Ends {
    source: Link,
    destination: Link,
}

/// What the answer to the POST means.
fn outcome(answer: Answer) -> Outcome<CreatedTransfer> {
    match answer {
        Answer::Created(address) => Outcome::Done(CreatedTransfer {
            id: DwollaTransferId::new(&address),
        }),
        Answer::NotSent(fault) => Outcome::NotDone(fault),
        Answer::TooMany(pause) => Outcome::NotDone(pause.fault()),
        Answer::StaleToken(refusal) => Outcome::NotDone(Fault::Retry(refusal.unknown())),
        Answer::Malformed(refusal) => Outcome::NotDone(refusal.bug()),
        Answer::Invalid(refusal)
        | Answer::Duplicate(refusal)
        | Answer::BadExchange(refusal)
        | Answer::Unauthorized(refusal)
        | Answer::Forbidden(refusal)
        | Answer::WrongState(refusal)
        | Answer::Missing(refusal) => Outcome::NotDone(refusal.reject()),
        Answer::InFlight(refusal) => Outcome::Unknown(refusal.unknown()),
        Answer::Lost(cause) | Answer::Broken(cause) | Answer::Odd(cause) => Outcome::Unknown(cause),
        Answer::Fine(_) | Answer::Nowhere(_) => {
            let message = "expected 201 with the transfer's address, got a success without one";
            Outcome::Unknown(Cause::new("dwolla_no_location", message))
        }
    }
}

impl CreateTransfer {
    fn body(&self) -> serde_json::Result<Bytes> {
        let link = |id: &DwollaFundingSourceId| Link {
            href: self.dwolla.url(&["funding-sources", id.as_str()]).into(),
        };
        let body = Body {
            links: Ends {
                source: link(&self.source),
                destination: link(&self.destination),
            },
            amount: Money {
                currency: "USD".to_owned(),
                value: self.amount,
            },
            correlation_id: &self.correlation,
        };
        serde_json::to_vec(&body).map(Bytes::from)
    }

    async fn create(&self, call: &Call) -> Outcome<CreatedTransfer> {
        let body = match self.body() {
            Ok(body) => body,
            Err(error) => return Outcome::NotDone(Fault::Bug(Cause::of("dwolla_body", &error))),
        };
        let (url, key) = (self.dwolla.url(&["transfers"]), call.key.value);
        outcome(
            self.dwolla
                .post("create_transfer", url, body, call, key)
                .await,
        )
    }
}

/// Which of the transfers with our correlation id is ours.
fn among(transfers: &[Transfer], amount: Usd) -> Found<CreatedTransfer> {
    let unclear = |message: String| Found::Inconclusive(Cause::new("transfer_unclear", message));
    if let Some(other) = transfers.iter().find(|transfer| transfer.amount != amount) {
        let (id, got) = (&other.id, other.amount);
        return unclear(format!(
            "expected {amount} under this correlation id, {id} is {got}"
        ));
    }
    match transfers {
        [] => Found::No,
        [transfer] => Found::Yes(CreatedTransfer {
            id: transfer.id.clone(),
        }),
        several => posted(several).map_or_else(
            || {
                let ids: Vec<&str> = several
                    .iter()
                    .map(|transfer| transfer.id.as_str())
                    .collect();
                let ids = ids.join(", ");
                unclear(format!(
                    "expected one transfer with this correlation id, got {ids}"
                ))
            },
            |transfer| {
                Found::Yes(CreatedTransfer {
                    id: transfer.id.clone(),
                })
            },
        ),
    }
}

/// Of the legs of one payment, the one that the POST answered with: the leg between two customers.
/// None when the transfers are not the legs of one payment.
fn posted(legs: &[Transfer]) -> Option<&Transfer> {
    let is_leg = |id: &DwollaTransferId| legs.iter().any(|leg| leg.id == *id);
    let follows = |leg: &Transfer| leg.next_leg.as_ref().is_some_and(is_leg);
    // A chain of n legs has n - 1 links from one of them to another, each to a different one.
    let links: Vec<&Transfer> = legs.iter().filter(|leg| follows(leg)).collect();
    let mut targets: Vec<&DwollaTransferId> = links
        .iter()
        .filter_map(|leg| leg.next_leg.as_ref())
        .collect();
    targets.sort();
    targets.dedup();
    if targets.len() + 1 != legs.len() || links.len() != targets.len() {
        return None;
    }
    let bank = |party: &Party| matches!(party, Party::FundingSource(_));
    let mut between = legs
        .iter()
        .filter(|leg| !bank(&leg.source) && !bank(&leg.destination));
    let first = between.next()?;
    between.next().is_none().then_some(first)
}

impl Effect for CreateTransfer {
    type Answer = CreatedTransfer;

    fn timing(&self) -> Timing {
        self.dwolla.timing(2)
    }

    fn request(&self) -> Value {
        json!({
            "source": self.source,
            "destination": self.destination,
            "amount": self.amount,
            "correlation": self.correlation,
        })
    }

    async fn perform(&self, call: &Call) -> Outcome<CreatedTransfer> {
        within(self.timing().timeout, self.create(call)).await
    }

    async fn find(&self, _key: &IdempotencyKey) -> Found<CreatedTransfer> {
        match self
            .dwolla
            .transfers_by_correlation(&self.owner, &self.correlation)
            .await
        {
            Ok(transfers) => among(&transfers, self.amount),
            Err(fault) => inconclusive(&fault),
        }
    }
}

#[cfg(test)]
#[path = "create_transfer_tests.rs"]
mod tests;
