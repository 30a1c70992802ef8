//! A stateful Plaid as far as bank linking needs it: link tokens, items, processor tokens, signed webhooks.
//!
//! Responsible for: one-time public tokens with their 30 minutes, items with two accounts each, processor tokens that
//! this sandbox's Dwolla resolves through the same table, error shapes, strict request fields, ES256 webhook JWTs with
//! key rotation and hostile variants. Not for: identity verification, transactions, Link's own screens; a public token
//! comes from `/sandbox/public_token/create`, as it does at Plaid's sandbox without a browser.

mod account;
mod error;
mod item;
mod link;
mod request;
mod sign;
mod webhook;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use account::Item;
pub(crate) use account::Linked;
use chrono::{DateTime, Utc};
use link::PublicToken;
pub(crate) use request::routes;
use sign::Keys;
pub use webhook::{Guise, PlaidWebhooks};

use crate::clock::{Clock, real_now};
use crate::config::SandboxConfig;
use crate::courier::Courier;
use crate::error::SandboxError;
use crate::faults::Faults;
use crate::ledger::Ledger;
use crate::sync::lock;

/// What a processor token leads to.
pub(crate) enum Resolved {
    /// A live account.
    Account(Linked),
    /// Its item was removed.
    Removed,
    /// No such token.
    Unknown,
}

/// Everything that this Plaid knows.
struct State {
    /// Link tokens with the end of their lives.
    link_tokens: HashMap<String, DateTime<Utc>>,
    public_tokens: HashMap<String, PublicToken>,
    /// By access token; removed items stay, so that their tokens are known to be dead.
    items: HashMap<String, Item>,
    /// Processor token to access token and account id.
    processor_tokens: HashMap<String, (String, String)>,
    keys: Keys,
    webhooks: PlaidWebhooks,
}

/// The partner.
pub(crate) struct Plaid {
    this: Weak<Self>,
    clock: Clock,
    ledger: Arc<Ledger>,
    faults: Arc<Faults>,
    courier: Arc<Courier>,
    credentials: (String, String),
    state: Mutex<State>,
}

impl Plaid {
    pub(crate) fn new(
        config: &SandboxConfig,
        clock: Clock,
        ledger: Arc<Ledger>,
        faults: Arc<Faults>,
        courier: Arc<Courier>,
    ) -> Result<Arc<Self>, SandboxError> {
        let keys = Keys::new(real_now())?;
        let webhooks = PlaidWebhooks {
            target: config.plaid_webhook_target.clone(),
            guise: Guise::Genuine,
        };
        Ok(Arc::new_cyclic(|this| Self {
            this: this.clone(),
            clock,
            ledger,
            faults,
            courier,
            credentials: (config.plaid_client_id.clone(), config.plaid_secret.clone()),
            state: Mutex::new(State {
                link_tokens: HashMap::new(),
                public_tokens: HashMap::new(),
                items: HashMap::new(),
                processor_tokens: HashMap::new(),
                keys,
                webhooks,
            }),
        }))
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut lock(&self.state))
    }

    /// What a processor token leads to; this is how Dwolla asks Plaid.
    pub(crate) fn resolve(&self, processor_token: &str) -> Resolved {
        self.with(|state| {
            let Some((access, account)) = state.processor_tokens.get(processor_token) else {
                return Resolved::Unknown;
            };
            match state.items.get(access).filter(|item| !item.removed) {
                None => Resolved::Removed,
                Some(item) => item
                    .linked(account)
                    .map_or(Resolved::Unknown, Resolved::Account),
            }
        })
    }

    pub(crate) fn webhooks(&self) -> PlaidWebhooks {
        self.with(|state| state.webhooks.clone())
    }

    pub(crate) fn set_webhooks(&self, webhooks: PlaidWebhooks) {
        self.with(|state| state.webhooks = webhooks);
    }

    /// A new signing key; the old one goes on verifying unless it expires now. Answers the new key's id.
    pub(crate) fn rotate_key(&self, expire_old: bool) -> Result<String, SandboxError> {
        self.with(|state| state.keys.rotate(real_now(), expire_old))
    }

    /// Sends any webhook body to the target, signed in the current guise.
    pub(crate) fn send(&self, body: &serde_json::Value) -> Result<(), SandboxError> {
        let target = self
            .with(|state| state.webhooks.target.clone())
            .ok_or_else(|| {
                SandboxError::Invalid(
                    "no webhook target is set for Plaid; set `target` first".to_owned(),
                )
            })?;
        self.post(target, body);
        Ok(())
    }
}
