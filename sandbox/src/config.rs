//! What a sandbox is started with. The defaults are fixed, so that a development configuration can name them.

use std::net::SocketAddr;
use std::time::Duration;

use rust_decimal::{Decimal, dec};

/// The settings of one sandbox. Start from [`SandboxConfig::default`] and change what matters.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Dwolla application key (`client_id`).
    pub dwolla_key: String,
    /// Dwolla application secret (`client_secret`).
    pub dwolla_secret: String,
    /// Life of a Dwolla access token, on the virtual clock. Dwolla's own is an hour.
    pub dwolla_token_ttl: Duration,
    /// The most that a customer may send in one transfer, in dollars; Dwolla's default is 10,000.
    pub dwolla_transfer_limit: Decimal,
    /// What the master account's balance holds at the start, in dollars.
    pub dwolla_master_balance: Decimal,
    /// Plaid `client_id`.
    pub plaid_client_id: String,
    /// Plaid `secret`.
    pub plaid_secret: String,
    /// The URL that Plaid's dashboard would hold for webhooks; an item's own URL goes first.
    pub plaid_webhook_target: Option<String>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            dwolla_key: "sandbox-dwolla-key".to_owned(),
            dwolla_secret: "sandbox-dwolla-secret".to_owned(),
            dwolla_token_ttl: Duration::from_hours(1),
            dwolla_transfer_limit: dec!(10000),
            dwolla_master_balance: dec!(5000),
            plaid_client_id: "5f0000000000000000sandbox".to_owned(),
            plaid_secret: "sandbox-plaid-secret".to_owned(),
            plaid_webhook_target: None,
        }
    }
}
