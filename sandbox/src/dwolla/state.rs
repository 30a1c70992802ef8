//! Everything that this Dwolla knows, behind one mutex.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::customer::Customers;
use super::document::Document;
use super::event::Events;
use super::exchange::Exchange;
use super::funding::{Master, Source, Sources};
use super::idempotency::Keys;
use super::token::Tokens;
use super::transfer::Transfers;
use super::webhook::{Hooks, Sealed};
use crate::clock::Clock;
use crate::config::SandboxConfig;
use crate::ledger::{Effect, Ledger};
use crate::plaid::Plaid;

/// Behaviour that Dwolla shows at times, or does not document, selectable by control.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, each by its own name"
)]
pub struct DwollaSwitches {
    /// Ids in `Location` and in events are upper case.
    pub uppercase_ids: bool,
    /// A 5xx answer locks its idempotency key for 24 hours: 409, even if nothing happened.
    pub lock_key_after_500: bool,
    /// The same key with another body makes a new resource instead of a 409.
    pub other_body_is_new: bool,
    /// A created transfer stays out of lists for so long, in milliseconds of the virtual clock.
    pub list_lag_ms: i64,
    /// A second transfer out of a balance while one is open is refused with 429.
    pub serial_balances: bool,
    /// The banking day's cut-off has passed: no pending transfer can be cancelled, and none shows a cancel link.
    pub past_cut_off: bool,
    /// The most that a customer may send in one transfer, in dollars.
    pub transfer_limit: Decimal,
}

impl Default for DwollaSwitches {
    fn default() -> Self {
        Self {
            uppercase_ids: false,
            lock_key_after_500: false,
            other_body_is_new: false,
            list_lag_ms: 0,
            serial_balances: true,
            past_cut_off: false,
            transfer_limit: SandboxConfig::default().dwolla_transfer_limit,
        }
    }
}

/// What the state needs from its surroundings.
pub(crate) struct Setup {
    pub(crate) clock: Clock,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) base: String,
    pub(crate) plaid: Arc<Plaid>,
}

/// Who holds a funding source: our master account or one of our customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    Master,
    Customer(Uuid),
}

/// The state.
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) base: String,
    pub(crate) plaid: Arc<Plaid>,
    pub(crate) switches: DwollaSwitches,
    pub(crate) tokens: Tokens,
    pub(crate) keys: Keys,
    pub(crate) busy: HashSet<Uuid>,
    pub(crate) master: Master,
    pub(crate) customers: Customers,
    pub(crate) sources: Sources,
    pub(crate) exchanges: HashMap<Uuid, Exchange>,
    pub(crate) documents: HashMap<Uuid, Document>,
    pub(crate) transfers: Transfers,
    pub(crate) events: Events,
    pub(crate) hooks: Hooks,
    pub(crate) outbox: Vec<Sealed>,
}

impl State {
    pub(crate) fn new(config: &SandboxConfig, setup: Setup) -> Self {
        let mut sources = Sources::default();
        let now = setup.clock.now();
        let master = Master::open(&mut sources, config.dwolla_master_balance, now);
        Self {
            clock: setup.clock,
            ledger: setup.ledger,
            base: setup.base,
            plaid: setup.plaid,
            switches: DwollaSwitches {
                transfer_limit: config.dwolla_transfer_limit,
                ..DwollaSwitches::default()
            },
            tokens: Tokens::default(),
            keys: Keys::default(),
            busy: HashSet::new(),
            master,
            customers: Customers::default(),
            sources,
            exchanges: HashMap::new(),
            documents: HashMap::new(),
            transfers: Transfers::default(),
            events: Events::default(),
            hooks: Hooks::default(),
            outbox: Vec::new(),
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn record(&self, effect: Effect) {
        self.ledger.append(effect);
    }

    /// The URL of a resource, its id in lower case.
    pub(crate) fn href(&self, collection: &str, id: Uuid) -> String {
        format!("{}/{collection}/{id}", self.base)
    }

    /// The URL of a resource as `Location` and events spell it.
    pub(crate) fn location(&self, collection: &str, id: Uuid) -> String {
        format!("{}/{collection}/{}", self.base, self.spell(id))
    }

    pub(crate) fn spell(&self, id: Uuid) -> String {
        let id = id.to_string();
        if self.switches.uppercase_ids {
            id.to_uppercase()
        } else {
            id
        }
    }

    /// The URL of an owner.
    pub(crate) fn owner_href(&self, owner: Owner) -> String {
        match owner {
            Owner::Master => self.href("accounts", self.master.id),
            Owner::Customer(id) => self.href("customers", id),
        }
    }

    /// Must transfers out of this source come one at a time?
    pub(crate) fn is_serial(&self, source: Uuid) -> bool {
        self.switches.serial_balances && self.sources.get(source).is_some_and(Source::is_balance)
    }
}

impl Owner {
    /// The `resource-type` of links to it.
    pub(crate) fn resource_type(self) -> &'static str {
        match self {
            Self::Master => "account",
            Self::Customer(_) => "customer",
        }
    }
}
