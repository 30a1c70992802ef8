//! The partners: every call that leaves for Dwolla or Plaid is written here.
//!
//! Responsible for the wire (addresses, media types, tokens, error envelopes), for telling apart
//! what happened, what provably did not, and what nobody knows, and for not making a partner's bad
//! hour worse: a budget of calls ([`limit`]) and a breaker ([`breaker`]) stand before every request.
//! Not responsible for our rules or our rows: nothing here reads the database, and a number that a
//! partner reports is handed up as it is.
//!
//! Three kinds of things are offered. A *read* is a method and may be repeated freely. A *value*
//! that costs nothing to ask for again (a link token, a processor token) is a method too. Everything
//! else that a partner can see is an [`Effect`](crate::bus::effect::Effect), in a file of its own,
//! with its outcome table: one `match` over the classified answer, without a wildcard, so that a new
//! class of answer does not compile until every effect has said what it means.
//!
//! What answers mean is decided in two steps, because the first is the same for every endpoint of a
//! partner: status and code become a class (`error.rs`), and the class becomes a consequence (each
//! effect's table). The alternative, a generated SDK with one error type, lost: it hides whether a
//! request left, which is the only question that matters for money.
//!
//! Bodies are never logged: they hold names, tokens and numbers. Each call is a span with the
//! partner, the operation, the status, the time it took and the partner's id of the request.

pub mod breaker;
pub mod dwolla;
pub mod http;
pub mod limit;
pub mod plaid;

use crate::bus::effect::{Found, Outcome};
use crate::bus::fault::{Cause, Fault};
use crate::config::Config;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub use dwolla::Dwolla;
pub use plaid::Plaid;

/// The clients of all partners. Cloning shares the connections, the token, budget and breaker.
#[derive(Debug, Clone)]
pub struct Partners {
    /// Dollar wallets and transfers.
    pub dwolla: Dwolla,
    /// Bank links.
    pub plaid: Plaid,
}

/// Why a client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum PartnersError {
    /// The HTTP client could not be built; over TLS it needs the system's root certificates.
    #[error(
        "the HTTP client of {0} could not be built: expected working TLS with root certificates"
    )]
    Http(&'static str, #[source] reqwest::Error),
    /// A limit of zero, or credentials that no header can carry.
    #[error("{0}")]
    Config(String),
}

impl Partners {
    /// The clients, from their settings. Makes no request.
    pub fn new(config: &Config) -> Result<Self, PartnersError> {
        Ok(Self {
            dwolla: Dwolla::new(&config.dwolla)?,
            plaid: Plaid::new(&config.plaid)?,
        })
    }
}

/// The kinds of bank account that may be linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BankAccountKind {
    /// For payments.
    Checking,
    /// For savings.
    Savings,
}

impl BankAccountKind {
    /// The spelling of both partners.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Savings => "savings",
        }
    }

    /// The kind with that spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Checking, Self::Savings]
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }
}

/// Ends an effect's work after `limit`, waits for budget and tokens included: the runtime counts the
/// time after which a look may say "no" from the intent, so the whole of it has to be over by then.
async fn within<T>(limit: Duration, work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(outcome) => outcome,
        Err(_) => Outcome::Unknown(Cause::new(
            "partner_timeout",
            format!("expected an answer within {} s, got none", limit.as_secs()),
        )),
    }
}

/// Why a read failed, as the reason for which nobody knows how an effect ended.
fn unclear(fault: &Fault) -> Cause {
    Cause::new(fault.code(), fault.message())
}

/// A look that failed decides nothing.
fn inconclusive<T>(fault: &Fault) -> Found<T> {
    Found::Inconclusive(unclear(fault))
}
