//! The one error type of the library: what a caller of [`crate::Sandbox`] or [`crate::Control`] can run into.

use std::time::Duration;

/// Why a sandbox could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address is taken or not ours.
    #[error("cannot listen on {addr}: {source}; choose another address or port 0")]
    Listen {
        /// The address asked for.
        addr: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The client that delivers webhooks could not be built.
    #[error("cannot build the HTTP client that delivers webhooks: {0}")]
    Client(#[from] reqwest::Error),
    /// The signing key of Plaid's webhooks could not be made.
    #[error("cannot generate an ES256 key: the system's randomness refused")]
    Key,
    /// A control verb named something that does not exist.
    #[error("no {what} with id {id}; list them first, they may have been cleared")]
    Unknown {
        /// The kind of thing.
        what: &'static str,
        /// The id asked for.
        id: String,
    },
    /// A control verb's argument makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// A wait ran into its bound.
    #[error("waited {waited:?} for {what}; it did not come")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// The bound.
        waited: Duration,
    },
}
