//! The control API: how tests, the demo and people look into the partners and make them misbehave. Every verb exists
//! in process, on [`Control`], and as JSON over HTTP under `/_sandbox`.

mod http;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use http::routes;
use serde_json::Value;
use uuid::Uuid;

use crate::calls::{Call, CallQuery};
use crate::courier::Weather;
use crate::dwolla::DwollaSwitches;
use crate::error::SandboxError;
use crate::faults::{FaultSpec, FaultState};
use crate::kratos::KratosSession;
use crate::ledger::{Effect, LedgerQuery, Partner};
use crate::plaid::PlaidWebhooks;
use crate::world::World;

/// Every wait of the control API ends after so long.
const BOUND: Duration = Duration::from_secs(30);

/// A handle to one sandbox. Cheap to clone.
#[derive(Clone)]
pub struct Control(pub(crate) Arc<World>);

impl Control {
    /// What really happened, oldest first.
    pub fn ledger(&self, query: &LedgerQuery) -> Vec<Effect> {
        self.0.ledger.read(query)
    }

    /// Waits, at most 30 seconds, until at least `count` effects match, and returns them.
    pub async fn await_effects(
        &self,
        query: &LedgerQuery,
        count: usize,
    ) -> Result<Vec<Effect>, SandboxError> {
        self.0.ledger.wait(query, count, BOUND).await
    }

    /// The newest requests that match, oldest first; at most the last 20,000 are kept.
    pub fn calls(&self, query: &CallQuery) -> Vec<Call> {
        self.0.calls.read(query)
    }

    /// How many requests a partner got since the start.
    pub fn call_count(&self, partner: Partner) -> u64 {
        self.0.calls.total(partner)
    }

    /// Arms a fault and answers its id.
    pub fn arm(&self, spec: FaultSpec) -> Uuid {
        self.0.faults.arm(spec)
    }

    /// The armed faults, with how often each struck and how many requests it holds.
    pub fn faults(&self) -> Vec<FaultState> {
        self.0.faults.list()
    }

    /// Disarms all faults and lets go whom they hold.
    pub fn clear_faults(&self) {
        self.0.faults.clear();
    }

    /// Lets go the requests that a hold keeps, now and in future.
    pub fn release(&self, fault: Uuid) -> Result<(), SandboxError> {
        self.0.faults.release(fault)
    }

    /// Waits, at most 30 seconds, until a fault has struck `count` times; at a hold, when a request has reached it.
    pub async fn await_fired(&self, fault: Uuid, count: u64) -> Result<(), SandboxError> {
        self.0.faults.await_fired(fault, count, BOUND).await
    }

    /// What happens to webhooks on their way.
    pub fn webhooks(&self) -> Weather {
        self.0.courier.weather()
    }

    /// Changes what happens to webhooks from now on; what is held stays held until a flush.
    pub fn set_webhooks(&self, weather: Weather) {
        self.0.courier.set_weather(weather);
    }

    /// Delivers held webhooks one after the other, and answers how many there were.
    pub async fn flush_webhooks(&self, reversed: bool) -> usize {
        self.0.courier.flush(reversed).await
    }

    /// How many webhooks are held.
    pub fn held_webhooks(&self) -> usize {
        self.0.courier.held()
    }

    /// Waits, at most 30 seconds, until no webhook is due or in flight; held ones and later retries do not count.
    pub async fn settle_webhooks(&self) -> Result<(), SandboxError> {
        self.0.courier.settle(BOUND).await
    }

    /// Moves the virtual clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.clock.advance(by);
    }

    /// The virtual now, UTC.
    pub fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.0.clock.now()
    }

    /// Dwolla's switchable behaviour.
    pub fn dwolla(&self) -> DwollaSwitches {
        self.0.dwolla.with(|state| state.switches.clone())
    }

    /// Changes Dwolla's behaviour.
    pub fn set_dwolla(&self, switches: DwollaSwitches) {
        self.0.dwolla.with(|state| state.switches = switches);
    }

    /// Sets a Dwolla customer's status, as Dwolla's staff would: any status, or `reactivated` for the previous one.
    pub fn set_customer_status(&self, customer: &str, status: &str) -> Result<(), SandboxError> {
        self.0.dwolla.set_customer_status(customer, status)
    }

    /// Where Plaid's webhooks go, and what they pretend to be.
    pub fn plaid(&self) -> PlaidWebhooks {
        self.0.plaid.webhooks()
    }

    /// Changes where Plaid's webhooks go and what they pretend to be.
    pub fn set_plaid(&self, webhooks: PlaidWebhooks) {
        self.0.plaid.set_webhooks(webhooks);
    }

    /// A new signing key for Plaid's webhooks; answers its id.
    pub fn rotate_plaid_key(&self, expire_old: bool) -> Result<String, SandboxError> {
        self.0.plaid.rotate_key(expire_old)
    }

    /// Sends any body as a webhook of Plaid to its target, signed in the current guise.
    pub fn send_plaid(&self, body: &Value) -> Result<(), SandboxError> {
        self.0.plaid.send(body)
    }

    /// Logs an identity in at Kratos.
    pub fn log_in(&self, identity: Uuid, email: Option<String>) -> KratosSession {
        self.0.kratos.log_in(identity, email)
    }

    /// Ends sessions at Kratos, named by session id, cookie, token or identity; answers how many.
    pub fn log_out(&self, which: &str) -> Result<usize, SandboxError> {
        self.0.kratos.revoke(which)
    }

    /// How often whoami was asked.
    pub fn whoami_calls(&self) -> u64 {
        self.0.kratos.whoami_calls()
    }
}
