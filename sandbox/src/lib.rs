//! Stateful partners over real HTTP, and private servers, for development, the demo and the tests.
//!
//! **Responsible for** what Dwolla, Plaid and Ory Kratos would answer: the same protocols, errors, event sequences and
//! limits, with state, a ledger of every effect that really happened, and faults that can be switched on per route.
//! **Not for** speed records, persistence, or what no client of ours uses.
//!
//! It stands alone. A fake that shares types with the client under test agrees with its bugs, so nothing here comes
//! from the platform's own packages, and its tests speak HTTP. Mocks per call were the alternative; they cannot hold
//! an idempotency key for 24 hours, answer 500 after the money has moved, or deliver two events for one transfer, and
//! it is there that such a system fails.
//!
//! Reading order: [`Sandbox`] (start, URLs), [`Control`] (ledger, faults, webhooks, clock), `dwolla` (the largest
//! partner; its `gate` is the path of every request, `transfer::legs` how money moves), `courier` (webhooks).
//!
//! Time is one virtual clock for token lives, idempotency windows, webhook retries and list lag; it runs with real
//! time and can be moved forward. Only injected delays are real milliseconds, and only the `iat` of Plaid's webhook
//! tokens is real time, since receivers compare it with their own clock.

mod calls;
mod clock;
mod config;
mod control;
mod courier;
mod dwolla;
mod error;
mod faults;
mod http;
mod kratos;
mod ledger;
mod plaid;
mod server;
pub mod servers;
mod sync;
mod wire;
mod world;

pub use calls::{Call, CallQuery};
pub use config::SandboxConfig;
pub use control::Control;
pub use courier::Weather;
pub use dwolla::DwollaSwitches;
pub use error::SandboxError;
pub use faults::{Fault, FaultSpec, FaultState, When};
pub use kratos::KratosSession;
pub use ledger::{Effect, LedgerQuery, Partner, Ref};
pub use plaid::{Guise, PlaidWebhooks};
pub use server::Sandbox;
