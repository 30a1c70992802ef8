//! All partners together with what they share.

use std::sync::Arc;

use crate::calls::CallLog;
use crate::clock::Clock;
use crate::config::SandboxConfig;
use crate::courier::Courier;
use crate::dwolla::{Dwolla, Setup};
use crate::error::SandboxError;
use crate::faults::Faults;
use crate::kratos::Kratos;
use crate::ledger::Ledger;
use crate::plaid::Plaid;

/// The whole state of one sandbox.
pub(crate) struct World {
    pub(crate) base: String,
    pub(crate) clock: Clock,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) calls: Arc<CallLog>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) courier: Arc<Courier>,
    pub(crate) dwolla: Arc<Dwolla>,
    pub(crate) plaid: Arc<Plaid>,
    pub(crate) kratos: Arc<Kratos>,
}

impl World {
    /// `base` is the URL under which the partners' prefixes stand.
    pub(crate) fn new(config: &SandboxConfig, base: String) -> Result<Arc<Self>, SandboxError> {
        let clock = Clock::new();
        let ledger = Arc::new(Ledger::new(clock.clone()));
        let faults = Arc::new(Faults::default());
        let courier = Courier::new(clock.clone())?;
        let plaid = Plaid::new(
            config,
            clock.clone(),
            Arc::clone(&ledger),
            Arc::clone(&faults),
            Arc::clone(&courier),
        )?;
        let setup = Setup {
            clock: clock.clone(),
            ledger: Arc::clone(&ledger),
            base: format!("{base}/dwolla"),
            plaid: Arc::clone(&plaid),
        };
        let dwolla = Dwolla::new(config, setup, Arc::clone(&faults), Arc::clone(&courier));
        let kratos = Arc::new(Kratos::new(
            clock.clone(),
            Arc::clone(&ledger),
            Arc::clone(&faults),
        ));
        let calls = Arc::new(CallLog::default());
        Ok(Arc::new(Self {
            base,
            clock,
            ledger,
            calls,
            faults,
            courier,
            dwolla,
            plaid,
            kratos,
        }))
    }
}
