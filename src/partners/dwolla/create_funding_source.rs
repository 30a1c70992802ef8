//! Connects a bank account: Plaid's processor token becomes an exchange, and the exchange a funding
//! source.
//!
//! The effect is the funding source. An exchange whose answer is lost moves no money and shows
//! nothing, so it is simply made again; only the second POST can leave anything unknown.
//!
//! # Why `find` says no without looking
//!
//! Nothing that Dwolla returns identifies the attempt: a name is the investor's choice and may be
//! given twice, and the fingerprint of the account is not known before Dwolla has it. But Dwolla
//! itself refuses the same bank for the same customer a second time, with a link to the first
//! (`DuplicateResource`), and [`perform`](Effect::perform) adopts that. So performing again can not
//! double anything, and it is the only way to learn the id: a look that finds a bank of that name
//! could be looking at another account, and one that finds none would say no as well. The settling
//! time still passes first, so that two requests never run at once.

use super::client::{Dwolla, key_of_body};
use super::error::Answer;
use super::reads::read;
use super::wire::{ExchangePartners, Link, Page};
use crate::bus::effect::{Call, Effect, Found, IdempotencyKey, Outcome, Timing};
use crate::bus::fault::{Cause, Fault};
use crate::partners::{BankAccountKind, within};
use bytes::Bytes;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use subjects::ids::{DwollaCustomerId, DwollaFundingSourceId};

/// Connects a bank account to a customer.
#[derive(Debug, Clone)]
pub struct CreateFundingSource {
    /// The client.
    pub dwolla: Dwolla,
    /// The customer.
    pub customer: DwollaCustomerId,
    /// Plaid's processor token for the account. May be another for every attempt.
    pub processor_token: SecretString,
    /// The name to show, at most 50 characters.
    pub name: String,
    /// The kind of account, from Plaid.
    pub kind: BankAccountKind,
}

/// What [`CreateFundingSource`] gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedFundingSource {
    /// The funding source.
    pub id: DwollaFundingSourceId,
    /// Whether Dwolla had this bank account of this customer already, perhaps under another name.
    pub adopted: bool,
}

#[derive(Serialize)]
struct ExchangeBody<'a> {
    #[serde(rename = "_links")]
    links: ExchangeLinks,
    token: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ExchangeLinks {
    exchange_partner: Link,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SourceBody<'a> {
    #[serde(rename = "_links")]
    links: SourceLinks,
    bank_account_type: &'static str,
    name: &'a str,
}

#[derive(Serialize)]
struct SourceLinks {
    exchange: Link,
}

/// What the answer about the exchange means: its address, or why there is no funding source.
fn exchanged(answer: Answer) -> Result<String, Fault> {
    match answer {
        Answer::Created(address) => Ok(address),
        Answer::NotSent(fault) => Err(fault),
        Answer::TooMany(pause) => Err(pause.fault()),
        Answer::Lost(cause) | Answer::Broken(cause) | Answer::Odd(cause) => {
            Err(Fault::Retry(cause))
        }
        Answer::StaleToken(refusal) | Answer::InFlight(refusal) => {
            Err(Fault::Retry(refusal.unknown()))
        }
        Answer::Fine(_) | Answer::Nowhere(_) => Err(Fault::retry(
            "dwolla_no_location",
            "expected 201 with the exchange's address",
        )),
        Answer::Malformed(refusal) => Err(refusal.bug()),
        Answer::Invalid(refusal)
        | Answer::Duplicate(refusal)
        | Answer::BadExchange(refusal)
        | Answer::Unauthorized(refusal)
        | Answer::Forbidden(refusal)
        | Answer::WrongState(refusal)
        | Answer::Missing(refusal) => Err(refusal.reject()),
    }
}

/// What the answer about the funding source means.
fn outcome(answer: Answer) -> Outcome<CreatedFundingSource> {
    match answer {
        Answer::Created(address) => Outcome::Done(CreatedFundingSource {
            id: DwollaFundingSourceId::new(&address),
            adopted: false,
        }),
        Answer::Duplicate(refusal) => match refusal.about() {
            Some(about) => Outcome::Done(CreatedFundingSource {
                id: DwollaFundingSourceId::new(about),
                adopted: true,
            }),
            None => Outcome::NotDone(refusal.reject()),
        },
        Answer::NotSent(fault) => Outcome::NotDone(fault),
        Answer::TooMany(pause) => Outcome::NotDone(pause.fault()),
        Answer::StaleToken(refusal) => Outcome::NotDone(Fault::Retry(refusal.unknown())),
        Answer::Malformed(refusal) => Outcome::NotDone(refusal.bug()),
        Answer::Invalid(refusal)
        | Answer::BadExchange(refusal)
        | Answer::Unauthorized(refusal)
        | Answer::Forbidden(refusal)
        | Answer::WrongState(refusal)
        | Answer::Missing(refusal) => Outcome::NotDone(refusal.reject()),
        Answer::InFlight(refusal) => Outcome::Unknown(refusal.unknown()),
        Answer::Lost(cause) | Answer::Broken(cause) | Answer::Odd(cause) => Outcome::Unknown(cause),
        Answer::Fine(_) | Answer::Nowhere(_) => {
            let message = "expected 201 with the funding source's address, got none";
            Outcome::Unknown(Cause::new("dwolla_no_location", message))
        }
    }
}

impl CreateFundingSource {
    async fn create(&self, call: &Call) -> Outcome<CreatedFundingSource> {
        let exchange = match self.exchange(call).await {
            Ok(address) => address,
            Err(fault) => return Outcome::NotDone(fault),
        };
        let body = body(&SourceBody {
            links: SourceLinks {
                exchange: Link { href: exchange },
            },
            bank_account_type: self.kind.as_str(),
            name: &self.name,
        });
        match body {
            Ok(body) => outcome(
                self.post("create_funding_source", "funding-sources", body, call)
                    .await,
            ),
            Err(fault) => Outcome::NotDone(fault),
        }
    }

    /// The address of an exchange for the processor token.
    async fn exchange(&self, call: &Call) -> Result<String, Fault> {
        let partner = self.dwolla.exchange_partner();
        let partner = partner
            .get_or_try_init(|| plaid_at(&self.dwolla))
            .await?
            .clone();
        let body = body(&ExchangeBody {
            links: ExchangeLinks {
                exchange_partner: Link { href: partner },
            },
            token: self.processor_token.expose_secret(),
        })?;
        exchanged(self.post("create_exchange", "exchanges", body, call).await)
    }

    async fn post(&self, operation: &'static str, list: &str, body: Bytes, call: &Call) -> Answer {
        let url = self
            .dwolla
            .url(&["customers", self.customer.as_str(), list]);
        let key = key_of_body(call, &body);
        self.dwolla.post(operation, url, body, call, key).await
    }
}

/// The address of Plaid among Dwolla's exchange partners, by name: its id differs by environment.
async fn plaid_at(dwolla: &Dwolla) -> Result<String, Fault> {
    let url = dwolla.url(&["exchange-partners"]);
    let page: Page<ExchangePartners> = read(dwolla.get("exchange_partners", url).await)?;
    let mut partners = page.embedded.exchange_partners.into_iter();
    let plaid = partners.find(|partner| partner.name.eq_ignore_ascii_case("plaid"));
    let plaid = plaid.ok_or_else(|| {
        let message = "expected Plaid among Dwolla's exchange partners; ask Dwolla to enable it";
        Fault::retry("dwolla_no_exchange_partner", message)
    })?;
    Ok(dwolla.url(&["exchange-partners", &plaid.id]).into())
}

fn body(value: &impl Serialize) -> Result<Bytes, Fault> {
    let body = serde_json::to_vec(value);
    body.map(Bytes::from)
        .map_err(|error| Fault::Bug(Cause::of("dwolla_body", &error)))
}

impl Effect for CreateFundingSource {
    type Answer = CreatedFundingSource;

    fn timing(&self) -> Timing {
        self.dwolla.timing(3)
    }

    fn request(&self) -> Value {
        json!({"customer": self.customer, "name": self.name, "kind": self.kind})
    }

    async fn perform(&self, call: &Call) -> Outcome<CreatedFundingSource> {
        within(self.timing().timeout, self.create(call)).await
    }

    async fn find(&self, _key: &IdempotencyKey) -> Found<CreatedFundingSource> {
        Found::No
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::tests::{answer, located};
    use super::*;

    #[test]
    fn the_same_bank_twice_is_adopted_by_its_link() {
        let body = r#"{"code":"DuplicateResource","message":"Bank already exists: id=B0B0",
            "_links":{"about":{"href":"https://api.example/funding-sources/B0B0"}}}"#;
        let Outcome::Done(created) = outcome(answer(400, body)) else {
            panic!("not done")
        };
        assert_eq!((created.id.as_str(), created.adopted), ("b0b0", true));
    }

    #[test]
    fn a_lost_exchange_is_made_again_and_a_lost_source_is_unknown() {
        assert!(matches!(exchanged(answer(500, "")), Err(Fault::Retry(_))));
        assert!(matches!(outcome(answer(500, "")), Outcome::Unknown(_)));
        assert!(matches!(outcome(located(201, "", "")), Outcome::Unknown(_)));
        assert!(matches!(
            outcome(located(201, "/funding-sources/b", "")),
            Outcome::Done(_)
        ));
    }

    #[test]
    fn a_bad_processor_token_is_a_refusal_whatever_its_status() {
        let body = r#"{"code":"InvalidExchangeToken","message":"Exchange token is expired."}"#;
        for status in [400, 401] {
            let Err(Fault::Reject(problem)) = exchanged(answer(status, body)) else {
                panic!("not a refusal")
            };
            assert_eq!(problem.code, "invalid_exchange_token");
        }
    }
}
