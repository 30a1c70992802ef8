//! Switchable faults: what may go wrong between a client and a partner, on demand and per route.
//!
//! A fault strikes **before** the partner does its work (nothing happened) or **after** it (it happened, and the
//! client does not learn so from the answer): the whole difference for a system that must not pay twice. Faults are
//! taken when a request of a known caller arrives, in the order in which they were armed, each at most `times` times.
//! A request that is held or delayed keeps its idempotency key in flight, and runs to its end even if the client has
//! hung up: that is what a slow partner does.

mod fault;
mod strike;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use fault::{Fault, FaultSpec, FaultState, When};
pub(crate) use strike::{CutConnection, Struck};
use tokio::sync::watch;
use uuid::Uuid;

use crate::error::SandboxError;
use crate::ledger::Partner;
use crate::sync::lock;

/// A fault that is armed, with what happened to it so far.
pub(crate) struct Armed {
    id: Uuid,
    spec: FaultSpec,
    /// How often it may still be taken; none is without end.
    left: Mutex<Option<u64>>,
    fired: watch::Sender<u64>,
    waiting: watch::Sender<u64>,
    released: watch::Sender<bool>,
}

impl Armed {
    fn take(&self) -> bool {
        match &mut *lock(&self.left) {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }

    fn state(&self) -> FaultState {
        FaultState {
            id: self.id,
            spec: self.spec.clone(),
            left: *lock(&self.left),
            fired: *self.fired.borrow(),
            waiting: *self.waiting.borrow(),
        }
    }
}

/// What a fault is matched against.
pub(crate) struct Request<'a> {
    pub(crate) partner: Partner,
    pub(crate) method: &'a str,
    /// Path without the partner's prefix.
    pub(crate) path: &'a str,
    pub(crate) body: &'a [u8],
}

/// All armed faults.
#[derive(Default)]
pub(crate) struct Faults {
    armed: Mutex<Vec<Arc<Armed>>>,
    /// So that a benchmark pays one load per request when nothing is armed.
    count: AtomicUsize,
}

impl Faults {
    pub(crate) fn arm(&self, spec: FaultSpec) -> Uuid {
        let id = Uuid::new_v4();
        let armed = Armed {
            id,
            left: Mutex::new((spec.times > 0).then_some(spec.times)),
            spec,
            fired: watch::Sender::new(0),
            waiting: watch::Sender::new(0),
            released: watch::Sender::new(false),
        };
        let mut list = lock(&self.armed);
        list.push(Arc::new(armed));
        self.count.store(list.len(), Ordering::Release);
        id
    }

    pub(crate) fn list(&self) -> Vec<FaultState> {
        lock(&self.armed)
            .iter()
            .map(|armed| armed.state())
            .collect()
    }

    /// Disarms everything and lets go whoever is held.
    pub(crate) fn clear(&self) {
        let list = std::mem::take(&mut *lock(&self.armed));
        self.count.store(0, Ordering::Release);
        for armed in list {
            *lock(&armed.left) = Some(0);
            armed.released.send_replace(true);
        }
    }

    fn get(&self, id: Uuid) -> Result<Arc<Armed>, SandboxError> {
        let list = lock(&self.armed);
        let found = list.iter().find(|armed| armed.id == id).map(Arc::clone);
        found.ok_or_else(|| SandboxError::Unknown {
            what: "fault",
            id: id.to_string(),
        })
    }

    /// Opens a hold for good: for those who wait, and for those who would still come.
    pub(crate) fn release(&self, id: Uuid) -> Result<(), SandboxError> {
        self.get(id)?.released.send_replace(true);
        Ok(())
    }

    /// Waits until a fault has struck `count` times; a hold counts when the request has reached it.
    pub(crate) async fn await_fired(
        &self,
        id: Uuid,
        count: u64,
        bound: Duration,
    ) -> Result<(), SandboxError> {
        let armed = self.get(id)?;
        let mut fired = armed.fired.subscribe();
        let reached = tokio::time::timeout(bound, fired.wait_for(|fired| *fired >= count)).await;
        match reached {
            Ok(_) => Ok(()),
            Err(_) => Err(SandboxError::TimedOut {
                what: format!(
                    "fault {id} to strike {count} times (it struck {})",
                    *armed.fired.borrow()
                ),
                waited: bound,
            }),
        }
    }

    /// Strikes for every armed token expiry that matches: they come before the caller is known.
    pub(crate) fn token_expiries(&self, request: &Request<'_>) -> usize {
        let struck = self.take(request, |fault| matches!(fault, Fault::TokenExpiry));
        for armed in &struck {
            armed.fired.send_modify(|fired| *fired += 1);
        }
        struck.len()
    }

    /// Takes the faults that this request runs into.
    pub(crate) fn strike(&self, request: &Request<'_>) -> Struck {
        Struck::new(self.take(request, |fault| !matches!(fault, Fault::TokenExpiry)))
    }

    fn take(&self, request: &Request<'_>, wanted: impl Fn(&Fault) -> bool) -> Vec<Arc<Armed>> {
        if self.count.load(Ordering::Acquire) == 0 {
            return Vec::new();
        }
        lock(&self.armed)
            .iter()
            .filter(|armed| {
                wanted(&armed.spec.fault) && armed.spec.matches(request) && armed.take()
            })
            .map(Arc::clone)
            .collect()
    }
}
