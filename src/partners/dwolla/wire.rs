//! Dwolla's JSON, as much of it as is read. Everything is optional that Dwolla has been seen to leave
//! out, and unknown fields are ignored.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use subjects::money::Usd;

/// Links by name.
pub(super) type Links = BTreeMap<String, Link>;

/// A link.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub(super) struct Link {
    #[serde(default)]
    pub(super) href: String,
}

/// The address behind a link.
pub(super) fn href<'a>(links: &'a Links, name: &str) -> Option<&'a str> {
    links
        .get(name)
        .map(|link| link.href.as_str())
        .filter(|href| !href.is_empty())
}

/// The error envelope, Dwolla's or (for the token) OAuth's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Envelope {
    pub(super) code: Option<String>,
    pub(super) error: Option<String>,
    pub(super) message: Option<String>,
    #[serde(rename = "_links")]
    pub(super) links: Links,
    #[serde(rename = "_embedded")]
    pub(super) embedded: Errors,
}

/// The embedded errors.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Errors {
    pub(super) errors: Vec<Embedded>,
}

/// An embedded error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Embedded {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) path: String,
    #[serde(rename = "_links")]
    pub(super) links: Links,
}

/// An amount.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct Money {
    pub(super) currency: String,
    pub(super) value: Usd,
}

/// A customer.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CustomerBody {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) correlation_id: Option<String>,
    #[serde(default, rename = "_links")]
    pub(super) links: Links,
}

/// A funding source.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FundingSourceBody {
    pub(super) id: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default, rename = "type")]
    pub(super) kind: String,
    pub(super) bank_account_type: Option<String>,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) removed: bool,
    pub(super) bank_name: Option<String>,
    pub(super) fingerprint: Option<String>,
    #[serde(default, rename = "_links")]
    pub(super) links: Links,
}

/// A transfer.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TransferBody {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) amount: Money,
    pub(super) correlation_id: Option<String>,
    #[serde(default, rename = "_links")]
    pub(super) links: Links,
}

/// Why a transfer failed.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct FailureBody {
    pub(super) code: String,
    #[serde(default)]
    pub(super) description: String,
}

/// What a balance holds.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct BalanceBody {
    pub(super) balance: Money,
    pub(super) total: Option<Money>,
}

/// One page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    #[serde(default, rename = "_links")]
    pub(super) links: Links,
    #[serde(rename = "_embedded")]
    pub(super) embedded: T,
}

/// A list of customers.
#[derive(Debug, Deserialize)]
pub(super) struct Customers {
    #[serde(default)]
    pub(super) customers: Vec<CustomerBody>,
}

/// A list of funding sources.
#[derive(Debug, Deserialize)]
pub(super) struct FundingSources {
    #[serde(default, rename = "funding-sources")]
    pub(super) funding_sources: Vec<FundingSourceBody>,
}

/// A list of a customer's documents.
#[derive(Debug, Deserialize)]
pub(super) struct Documents {
    #[serde(default)]
    pub(super) documents: Vec<DocumentBody>,
}

/// A document.
#[derive(Debug, Deserialize)]
pub(super) struct DocumentBody {
    /// `pending` or `reviewed`.
    #[serde(default)]
    pub(super) status: String,
}

/// A list of transfers.
#[derive(Debug, Deserialize)]
pub(super) struct Transfers {
    #[serde(default)]
    pub(super) transfers: Vec<TransferBody>,
}

/// A list of exchange partners.
#[derive(Debug, Deserialize)]
pub(super) struct ExchangePartners {
    #[serde(default, rename = "exchange-partners")]
    pub(super) exchange_partners: Vec<ExchangePartner>,
}

/// An exchange partner.
#[derive(Debug, Deserialize)]
pub(super) struct ExchangePartner {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
}
