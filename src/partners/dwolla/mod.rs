//! Dwolla: the dollars.
//!
//! [`Dwolla`] is the client; its reads are methods, its changes are effects, one file each. How an
//! effect is found again differs, and is the heart of each file:
//!
//! | effect | found by | why that proves it |
//! |---|---|---|
//! | [`CreateCustomer`] | e-mail, then correlation id | Dwolla keeps both unique among our customers |
//! | [`RetryCustomer`] | the customer's status | one attempt is allowed, and it leaves `retry` |
//! | [`CreateFundingSource`] | performing again | the same bank of the same customer is refused, with a link to it |
//! | [`RemoveFundingSource`] | the source's `removed` | removal is for good |
//! | [`CreateTransfer`] | correlation id and amount | the id belongs to one row of ours |
//! | [`CancelTransfer`] | the transfer's status | a cancelled transfer stays cancelled |
//!
//! Bank accounts come from Plaid through an *exchange*: Plaid's processor token is exchanged at
//! Dwolla, and the funding source is made from the exchange. The older way, the token inside the
//! funding source (`plaidToken`), is left out: Dwolla describes the exchange as the current one, and
//! two ways to one end would double what has to be reconciled.
//!
//! Dwolla does not promise that a list shows what was just created; seconds have been seen, so
//! `dwolla.settles_ms` is fifteen of them. Should that not be enough, the same key still stands
//! between us and a second transfer.
//!
//! A key of Dwolla's lives 24 hours ([`KEY_LIVES`] stays below) and belongs to one exact body, so
//! bodies are serialised from structs, whose fields keep their order, and amounts are decimal strings
//! with two places.

mod cancel_transfer;
mod client;
mod create_customer;
mod create_funding_source;
mod create_transfer;
mod customer_data;
mod error;
mod reads;
mod remove_funding_source;
mod retry_customer;
mod token;
mod types;
mod wire;

use std::time::Duration;

pub use cancel_transfer::CancelTransfer;
pub use client::Dwolla;
pub use create_customer::CreateCustomer;
pub use create_funding_source::{CreateFundingSource, CreatedFundingSource};
pub use create_transfer::{CreateTransfer, CreatedTransfer};
pub use customer_data::{CustomerData, CustomerKind};
pub use remove_funding_source::RemoveFundingSource;
pub use retry_customer::RetryCustomer;
pub use types::{
    Balance, Customer, CustomerStatus, FundingSource, Party, Transfer, TransferFailure,
    TransferStatus,
};

/// How long a key is used: Dwolla honours it for 24 hours from the first request, and four hours
/// cover clocks that differ and a request that waited.
pub const KEY_LIVES: Duration = Duration::from_hours(20);
