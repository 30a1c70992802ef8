//! The handlers, one folder for each service and one file for each topic, and the program around
//! them.
//!
//! To see how a request becomes a transfer, read [`wallet::transaction_create`] first. [`router`]
//! connects the registry's rows to the handlers: a row without a handler does not compile there.
//! [`fleet`] runs them; [`cli`] is the one binary's command line; `dev` (a feature, absent from
//! production builds) holds the private servers, the sandbox and the demo.

pub mod cli;
#[cfg(feature = "dev")]
pub mod dev;
pub mod directory;
pub mod fleet;
pub mod handler;
pub mod kyc;
pub mod operations;
pub mod router;
pub mod services;
pub mod wallet;
