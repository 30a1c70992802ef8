//! Effects: changes that a partner or a chain can see.
//!
//! **An effect is a type with two methods: it knows how to do itself and how to find itself.** The
//! runtime ([`super::ctx`]) commits the intent before [`perform`](Effect::perform) and the outcome
//! after it. After a crash, or when nobody knows how a call ended, it asks
//! [`find`](Effect::find) first, and performs again only when the effect is provably not there.
//! Because `find` is not optional, no effect can be written that can not be reconciled.
//!
//! This module is only the vocabulary. What a partner's answer means stands beside that partner's
//! client, as one `match` without a wildcard.
//!
//! The alternative, a middleware that retries calls under an idempotency key, lost: keys expire
//! (Dwolla's after 24 hours), lock after some errors, or do not exist at all (North Capital), and a
//! retry that can not tell "not yet" from "no" pays twice.

use super::fault::{Cause, Fault};
use super::lease::Lease;
use serde::{Serialize, de::DeserializeOwned};
use std::future::Future;
use std::time::Duration;
use uuid::Uuid;

/// How a call ended.
#[derive(Debug)]
pub enum Outcome<T> {
    /// It happened; this is the answer.
    Done(T),
    /// It provably did not happen, for this reason.
    NotDone(Fault),
    /// It may have happened.
    Unknown(Cause),
}

/// What a look for an effect found.
#[derive(Debug)]
pub enum Found<T> {
    /// It is there; this is the answer.
    Yes(T),
    /// It is not there at this moment.
    No,
    /// The look itself failed, or its answer does not decide.
    Inconclusive(Cause),
}

/// The key under which a partner executes an effect at most once, and by which it is found.
///
/// It derives from the operation, the effect's name and a generation. The generation grows only when
/// an attempt provably did not happen and its key can not be used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The operation that wants the effect: the reference that partners carry for us.
    pub operation: Uuid,
    /// The value of the `Idempotency-Key` header.
    pub value: Uuid,
}

impl IdempotencyKey {
    /// The key of an operation's effect.
    pub fn derive(operation: Uuid, effect: &str, generation: i32) -> Self {
        let value = Uuid::new_v5(&operation, format!("{effect}\u{0}{generation}").as_bytes());
        Self { operation, value }
    }
}

/// One call of [`Effect::perform`].
#[derive(Debug, Clone)]
pub struct Call {
    /// The key to send.
    pub key: IdempotencyKey,
    lease: Lease,
}

impl Call {
    pub(crate) fn new(key: IdempotencyKey, lease: Lease) -> Self {
        Self { key, lease }
    }

    /// To be asked right before the first byte leaves: a process that was paused and has lost its
    /// lease must not send any more, since another worker may be looking for the effect already.
    pub fn may_send(&self) -> Result<(), Fault> {
        if self.lease.is_held() {
            Ok(())
        } else {
            Err(Fault::LeaseLost)
        }
    }
}

/// How long things take at a partner: configured, because its sandbox and its production differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// The longest that one call may take, from the first byte to the last.
    pub timeout: Duration,
    /// How long after that a look that finds nothing may still mean "not yet".
    pub settles: Duration,
    /// How long the partner surely honours a key; after that a repetition takes a new one.
    pub key_lives: Duration,
}

/// A change that a partner or a chain can see.
pub trait Effect: Send + Sync {
    /// What is recorded once it happened.
    type Answer: Serialize + DeserializeOwned + Send + Sync;

    /// How long things take at this partner.
    fn timing(&self) -> Timing;

    /// What is asked, for the journal and the dead letters: no personal data, no secrets. A changed
    /// request under the same name is a bug that the runtime notices.
    fn request(&self) -> serde_json::Value;

    /// Does it.
    fn perform(&self, call: &Call) -> impl Future<Output = Outcome<Self::Answer>> + Send;

    /// Looks whether it happened.
    fn find(&self, key: &IdempotencyKey) -> impl Future<Output = Found<Self::Answer>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_stable_and_differs_by_operation_effect_and_generation() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let key = IdempotencyKey::derive(a, "transfer", 0);
        assert_eq!(key, IdempotencyKey::derive(a, "transfer", 0));
        assert_ne!(key.value, IdempotencyKey::derive(b, "transfer", 0).value);
        assert_ne!(key.value, IdempotencyKey::derive(a, "remove", 0).value);
        assert_ne!(key.value, IdempotencyKey::derive(a, "transfer", 1).value);
    }
}
