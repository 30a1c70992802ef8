//! A stateful Dwolla (API v2, the Balance product), as its documents describe it and its sandbox behaves.
//!
//! Responsible for: customers with their verification, funding sources, exchanges, transfers with their legs and
//! events, webhooks that are really signed and sent, idempotency keys, and balances that always add up. Not for:
//! labels, mass payments, cards, KBA questions, beneficial owners as resources (certification exists, as it decides
//! who may send), micro-deposits, facilitator fees, real-time payments.
//!
//! One mutex holds everything, so that each request sees and leaves a consistent bank. Requests do nothing slow
//! while they hold it: webhooks are handed to the courier after it is released. Ids of every hot list are indexed;
//! nothing on the path of `POST /transfers` is proportional to what happened before.

mod customer;
mod document;
mod error;
mod event;
mod exchange;
mod funding;
mod gate;
mod hal;
mod idempotency;
mod on_demand;
mod page;
mod root;
mod routes;
mod simulation;
mod state;
mod token;
mod transfer;
mod webhook;

use std::sync::{Arc, Mutex, Weak};

use chrono::TimeDelta;
pub(crate) use routes::routes;
pub use state::DwollaSwitches;
pub(crate) use state::{Setup, State};

use crate::clock::delta;
use crate::config::SandboxConfig;
use crate::courier::{Courier, Letter};
use crate::error::SandboxError;
use crate::faults::Faults;
use crate::sync::lock;

/// The partner.
pub(crate) struct Dwolla {
    this: Weak<Self>,
    state: Mutex<State>,
    faults: Arc<Faults>,
    courier: Arc<Courier>,
    credentials: (String, String),
    token_life: TimeDelta,
}

impl Dwolla {
    pub(crate) fn new(
        config: &SandboxConfig,
        setup: Setup,
        faults: Arc<Faults>,
        courier: Arc<Courier>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            state: Mutex::new(State::new(config, setup)),
            faults,
            courier,
            credentials: (config.dwolla_key.clone(), config.dwolla_secret.clone()),
            token_life: delta(config.dwolla_token_ttl),
        })
    }

    /// The one way to the state; webhooks that arise leave after the lock.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = lock(&self.state);
        let result = work(&mut state);
        let outbox = std::mem::take(&mut state.outbox);
        drop(state);
        if !outbox.is_empty()
            && let Some(this) = self.this.upgrade()
        {
            let letters = outbox
                .into_iter()
                .map(|sealed| sealed.letter(Arc::clone(&this)));
            self.courier
                .send(letters.map(|letter| Arc::new(letter) as Arc<dyn Letter>));
        }
        result
    }

    /// Sets a customer's status by hand, as Dwolla's staff would; events and balance follow.
    pub(crate) fn set_customer_status(&self, id: &str, status: &str) -> Result<(), SandboxError> {
        self.with(|state| customer::set_by_staff(state, id, status))
    }
}
