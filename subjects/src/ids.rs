//! Typed ids, in alphabetical order.
//!
//! `entity_id` means six different things in the inherited contract (a Dwolla customer, a Dwolla
//! transfer, a trade, a signature slug …). Each meaning has its own type here, so that handing one
//! to a place that wants another does not compile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An id of a row of ours: a positive 64-bit integer, a JSON number on the wire.
macro_rules! row_ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(#[schemars(range(min = 1))] pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

/// An id that a partner gave out: opaque text, compared without regard to case.
///
/// Dwolla prints the same UUID in upper and lower case in different places, so the constructor
/// stores lower case.
macro_rules! partner_ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes a bare id or a resource URL, of which it keeps the last path segment.
            pub fn new(id_or_url: &str) -> Self {
                let last = id_or_url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
                Self(last.to_ascii_lowercase())
            }

            /// The id in lower case.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self::new(&String::deserialize(deserializer)?))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

row_ids! {
    /// A bank account that is linked to a wallet: `funding_sources.id`.
    FundingSourceId
    /// An investment: `investments.id`.
    InvestmentId
    /// An offer that can be invested in: `offers.id`.
    OfferId
    /// A persona of an investor (individual, entity, trust …): `profiles.id`.
    ProfileId
    /// A movement of dollars in the fiat ledger: `transactions.id`.
    TransactionId
    /// A login of a person: `users.id`.
    UserId
    /// A dollar wallet at Dwolla: `wallets.id`.
    WalletId
}

partner_ids! {
    /// A customer at Dwolla, one for each wallet.
    DwollaCustomerId
    /// A funding source at Dwolla: a bank account, or the balance of a customer.
    DwollaFundingSourceId
    /// A transfer at Dwolla.
    DwollaTransferId
}

/// One intent of one caller, from the request to the completion event.
pub type OperationId = uuid::Uuid;

/// An Ory Kratos identity.
pub type IdentityId = uuid::Uuid;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partner_id_is_the_last_segment_in_lower_case() {
        let id = DwollaTransferId::new("https://api.example/transfers/7C2D9F60-8A4B");
        assert_eq!(id.as_str(), "7c2d9f60-8a4b");
        assert_eq!(id, DwollaTransferId::new("7c2d9f60-8a4b"));
    }

    #[test]
    fn a_row_id_is_a_json_number() {
        assert_eq!(serde_json::to_string(&WalletId(70)).unwrap(), "70");
        assert!(serde_json::from_str::<WalletId>("\"70\"").is_err());
    }
}
