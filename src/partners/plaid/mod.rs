//! Plaid: which bank accounts an investor has, and the token with which Dwolla may see one of them.
//!
//! Plaid has no idempotency keys. Almost everything asked of it may be asked again (link tokens,
//! accounts, processor tokens, webhook keys) and is a method. Two things are effects:
//! [`ExchangePublicToken`], which works once, and [`RemoveItem`], which ends the access.
//!
//! An access token does not expire and opens a person's bank data. It leaves this module only sealed
//! or as a [`SecretString`](secrecy::SecretString).

mod client;
mod error;
mod exchange_public_token;
mod reads;
mod remove_item;
mod wire;

use serde::{Deserialize, Serialize};

pub use client::Plaid;
pub use exchange_public_token::{ExchangePublicToken, ExchangedItem};
pub use remove_item::RemoveItem;

use super::BankAccountKind;

/// A bank account behind a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Plaid's id of the account, case-sensitive.
    pub account_id: String,
    /// The bank's name for it.
    pub name: String,
    /// The last digits of its number, if the bank tells.
    pub mask: Option<String>,
    /// Its kind; none for what can not be linked (credit cards, loans).
    pub kind: Option<BankAccountKind>,
}
