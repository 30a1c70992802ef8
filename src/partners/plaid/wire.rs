//! Plaid's JSON, as much of it as is read or written. Unknown fields are ignored, since Plaid adds
//! them at any time; options that are empty are left out, since Plaid refuses explicit nulls.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// `/link/token/create`.
#[derive(Serialize)]
pub(super) struct LinkToken<'a> {
    pub(super) client_name: &'a str,
    pub(super) language: &'static str,
    pub(super) country_codes: [&'static str; 1],
    pub(super) products: [&'static str; 1],
    pub(super) user: User<'a>,
    pub(super) webhook: &'a str,
    pub(super) account_filters: Filters,
}

/// Who links.
#[derive(Serialize)]
pub(super) struct User<'a> {
    pub(super) client_user_id: &'a str,
}

/// Which accounts the dialog offers.
#[derive(Serialize)]
pub(super) struct Filters {
    pub(super) depository: Subtypes,
}

/// Kinds of account.
#[derive(Serialize)]
pub(super) struct Subtypes {
    pub(super) account_subtypes: [&'static str; 2],
}

/// A request that holds only the access token.
#[derive(Serialize)]
pub(super) struct ByAccess<'a> {
    pub(super) access_token: &'a str,
}

/// `/processor/token/create`.
#[derive(Serialize)]
pub(super) struct ProcessorAsk<'a> {
    pub(super) access_token: &'a str,
    pub(super) account_id: &'a str,
    pub(super) processor: &'static str,
}

/// The answer to it.
#[derive(Deserialize)]
pub(super) struct ProcessorAnswer {
    pub(super) processor_token: SecretString,
}

/// `/item/public_token/exchange`.
#[derive(Serialize)]
pub(super) struct Exchange<'a> {
    pub(super) public_token: &'a str,
}

/// The answer to it.
#[derive(Deserialize)]
pub(super) struct Exchanged {
    pub(super) access_token: SecretString,
    pub(super) item_id: String,
}

/// `/webhook_verification_key/get`.
#[derive(Serialize)]
pub(super) struct KeyAsk<'a> {
    pub(super) key_id: &'a str,
}

/// The answer to it.
#[derive(Deserialize)]
pub(super) struct KeyAnswer {
    pub(super) key: Key,
}

/// A public key.
#[derive(Deserialize)]
pub(super) struct Key {
    pub(super) alg: String,
    pub(super) crv: String,
    pub(super) x: String,
    pub(super) y: String,
    #[serde(default)]
    pub(super) expired_at: Option<i64>,
}

/// The answer to `/accounts/get`.
#[derive(Deserialize)]
pub(super) struct Accounts {
    #[serde(default)]
    pub(super) accounts: Vec<AccountBody>,
}

/// An account.
#[derive(Deserialize)]
pub(super) struct AccountBody {
    pub(super) account_id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) mask: Option<String>,
    #[serde(default)]
    pub(super) subtype: Option<String>,
}
