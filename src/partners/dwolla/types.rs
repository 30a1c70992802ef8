//! What Dwolla says, in our types.
//!
//! A status that Dwolla adds one day is neither passing nor a mistake of ours, and guessing what it
//! means for money is out of the question: the operation is rejected with the code `unknown_status`
//! and stands in the dead letters, from where it is replayed once the status is known here.

use super::wire::{BalanceBody, CustomerBody, FundingSourceBody, Links, Money, TransferBody, href};
use crate::partners::BankAccountKind;
use serde::{Deserialize, Serialize};
use subjects::envelope::Problem;
use subjects::ids::{DwollaCustomerId, DwollaFundingSourceId, DwollaTransferId};
use subjects::money::Usd;

/// A status that is Dwolla's text.
macro_rules! statuses {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// Dwolla's text.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            fn parse(text: &str) -> Result<Self, Problem> {
                [$(Self::$variant,)*]
                    .into_iter()
                    .find(|status| status.as_str().eq_ignore_ascii_case(text))
                    .ok_or_else(|| {
                        let known = [$($text,)*].join(", ");
                        let message = format!("expected one of {known}, Dwolla says {text:?}");
                        Problem::new(424, "unknown_status", message)
                    })
            }
        }
    };
}

statuses! {
    /// How far a customer is verified.
    CustomerStatus {
        /// Of a kind that is never verified, and holds no balance.
        Unverified = "unverified",
        /// One more attempt, with all data and the full SSN.
        Retry = "retry",
        /// Questions to answer.
        Kba = "kba",
        /// Documents to upload.
        Document = "document",
        /// May move money.
        Verified = "verified",
        /// Only Dwolla can lift it.
        Suspended = "suspended",
        /// Switched off; may be switched on again.
        Deactivated = "deactivated",
    }
}

statuses! {
    /// Where a transfer stands.
    TransferStatus {
        /// Not settled.
        Pending = "pending",
        /// Settled; a late return of the bank may still turn it into `failed`.
        Processed = "processed",
        /// Returned by the bank.
        Failed = "failed",
        /// Called off, by us or by Dwolla.
        Cancelled = "cancelled",
    }
}

/// A customer. No personal data: it is recorded as the answer of effects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Its id.
    pub id: DwollaCustomerId,
    /// How far it is verified.
    pub status: CustomerStatus,
    /// Our reference.
    pub correlation_id: Option<String>,
    /// Whether it may send money now (its `send` link is there).
    pub sends: bool,
}

/// A funding source: a bank account, or the balance of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundingSource {
    /// Its id.
    pub id: DwollaFundingSourceId,
    /// The customer that it belongs to; none for our own account's.
    pub customer: Option<DwollaCustomerId>,
    /// Whether it is verified.
    pub verified: bool,
    /// Whether it has been removed.
    pub removed: bool,
    /// Whether it is the customer's balance.
    pub is_balance: bool,
    /// The kind of bank account; none for a balance or another kind.
    pub account_kind: Option<BankAccountKind>,
    /// Its name.
    pub name: String,
    /// The bank.
    pub bank_name: Option<String>,
    /// The same for the same account and routing number, across customers and removals.
    pub fingerprint: Option<String>,
}

/// One end of a transfer. Dwolla names a customer where the money stays in its network on that
/// side, and a funding source where a bank is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Party {
    /// A bank account or a balance.
    FundingSource(DwollaFundingSourceId),
    /// A customer.
    Customer(DwollaCustomerId),
    /// Our own account, or nothing that is known here.
    Other,
}

/// A transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Its id.
    pub id: DwollaTransferId,
    /// Where it stands.
    pub status: TransferStatus,
    /// Dollars.
    pub amount: Usd,
    /// Our reference.
    pub correlation_id: Option<String>,
    /// Where the money comes from.
    pub source: Party,
    /// Where it goes.
    pub destination: Party,
    /// Whether it may still be called off (its `cancel` link is there).
    pub cancellable: bool,
    /// The next leg, where one payment takes several transfers.
    pub next_leg: Option<DwollaTransferId>,
}

/// Why a transfer failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferFailure {
    /// The bank's return code: `R01`.
    pub code: String,
    /// In words.
    pub description: String,
}

/// What a balance holds. May be negative after a late return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// Dollars that may be spent.
    pub available: Usd,
    /// Those, and the ones with a label.
    pub total: Usd,
}

impl Customer {
    pub(super) fn read(body: &CustomerBody) -> Result<Self, Problem> {
        Ok(Self {
            id: DwollaCustomerId::new(&body.id),
            status: CustomerStatus::parse(&body.status)?,
            correlation_id: body.correlation_id.clone(),
            sends: href(&body.links, "send").is_some(),
        })
    }
}

impl FundingSource {
    pub(super) fn read(body: FundingSourceBody) -> Self {
        let bank = body.kind.eq_ignore_ascii_case("bank");
        Self {
            id: DwollaFundingSourceId::new(&body.id),
            customer: href(&body.links, "customer").map(DwollaCustomerId::new),
            verified: body.status.eq_ignore_ascii_case("verified"),
            removed: body.removed,
            is_balance: body.kind.eq_ignore_ascii_case("balance"),
            account_kind: body
                .bank_account_type
                .filter(|_| bank)
                .and_then(|kind| BankAccountKind::parse(&kind)),
            name: body.name,
            bank_name: body.bank_name,
            fingerprint: body.fingerprint,
        }
    }
}

impl Party {
    fn read(links: &Links, name: &str) -> Self {
        let Some(address) = href(links, name) else {
            return Self::Other;
        };
        let collection = address.trim_end_matches('/').rsplit('/').nth(1);
        match collection {
            Some("funding-sources") => Self::FundingSource(DwollaFundingSourceId::new(address)),
            Some("customers") => Self::Customer(DwollaCustomerId::new(address)),
            Some(_) | None => Self::Other,
        }
    }
}

impl Transfer {
    pub(super) fn read(body: TransferBody) -> Result<Self, Problem> {
        Ok(Self {
            id: DwollaTransferId::new(&body.id),
            status: TransferStatus::parse(&body.status)?,
            amount: dollars(&body.amount)?,
            correlation_id: body.correlation_id,
            source: Party::read(&body.links, "source"),
            destination: Party::read(&body.links, "destination"),
            cancellable: href(&body.links, "cancel").is_some(),
            next_leg: href(&body.links, "funded-transfer").map(DwollaTransferId::new),
        })
    }
}

impl Balance {
    pub(super) fn read(body: &BalanceBody) -> Result<Self, Problem> {
        let available = dollars(&body.balance)?;
        let total = body.total.as_ref().map_or(Ok(available), dollars)?;
        Ok(Self { available, total })
    }
}

fn dollars(money: &Money) -> Result<Usd, Problem> {
    if money.currency.eq_ignore_ascii_case("USD") {
        return Ok(money.value);
    }
    let message = format!("expected dollars, Dwolla says {:?}", money.currency);
    Err(Problem::new(424, "unknown_currency", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_is_not_known_is_for_a_person() {
        let body = r#"{"id":"A1","status":"hibernating"}"#;
        let problem = Customer::read(&serde_json::from_str(body).unwrap()).unwrap_err();
        assert_eq!(problem.code, "unknown_status");
    }

    #[test]
    fn a_deposit_goes_from_a_bank_to_a_customer_and_its_ids_are_lower_case() {
        let body = r#"{"_links":{
              "cancel":{"href":"https://api.example/transfers/7C2D"},
              "source":{"href":"https://api.example/funding-sources/B0B0"},
              "destination":{"href":"https://api.example/customers/A1A1"}},
            "id":"7C2D","status":"pending","amount":{"value":"10.00","currency":"usd"},
            "created":"2018-11-29 21:00:59 UTC","correlationId":"txn-1","individualAchId":"X"}"#;
        let transfer = Transfer::read(serde_json::from_str(body).unwrap()).unwrap();
        assert_eq!(transfer.id.as_str(), "7c2d");
        assert_eq!(
            transfer.source,
            Party::FundingSource(DwollaFundingSourceId::new("b0b0"))
        );
        assert_eq!(
            transfer.destination,
            Party::Customer(DwollaCustomerId::new("a1a1"))
        );
        assert!(transfer.cancellable);
    }

    #[test]
    fn a_balance_may_be_negative() {
        let body = r#"{"balance":{"value":"-12.50","currency":"USD"}}"#;
        let balance = Balance::read(&serde_json::from_str(body).unwrap()).unwrap();
        assert_eq!(balance.available, Usd::from_cents(-1250));
        assert_eq!(balance.total, balance.available);
    }
}
