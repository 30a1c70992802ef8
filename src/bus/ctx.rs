//! What a handler is given: steps, effects, and the finish.
//!
//! A handler is straight-line code that may be run again from the top after any crash. Three calls
//! make that safe:
//!
//! - [`Ctx::step`]: a change of our rows. It and its journal entry are one statement, so it happens
//!   once; run again, it gives the recorded result.
//! - [`Ctx::effect`]: a change outside. Intent before, outcome after, and a look before any doubt.
//! - [`Ctx::finish`]: the last change, the completion, and its events, in one statement. It gives the
//!   only value with which a handler can say that it completed.
//!
//! Whatever is between these calls must give the same when it runs again: reads, decisions, nothing
//! that anyone else can see.

use super::effect::{Call, Effect, Found, IdempotencyKey, Outcome};
use super::engine::Engine;
use super::fault::{Cause, Fault};
use super::lease::Lease;
use super::route::Finished;
use crate::store::StoreError;
use crate::store::change::{Change, Changed, Message, Submission};
use crate::store::journal::{Entry, EntryState, Intent, Settlement};
use crate::telemetry::boundary;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use subjects::envelope::Caller;
use subjects::ids::OperationId;
use subjects::spec::Topic;

/// The proof that an operation's completion was committed.
#[derive(Debug)]
pub struct Completed<T> {
    messages: Vec<Message>,
    gives: PhantomData<fn() -> T>,
}

impl<T> From<Completed<T>> for Finished {
    fn from(completed: Completed<T>) -> Self {
        Self {
            messages: completed.messages,
        }
    }
}

/// One attempt at one operation.
#[derive(Clone)]
pub struct Ctx {
    pub(super) engine: Arc<Engine>,
    pub(super) topic: &'static Topic,
    pub(super) operation: OperationId,
    pub(super) caller: Caller,
    pub(super) attempt: i32,
    pub(super) lease: Lease,
    pub(super) journal: Arc<HashMap<String, Entry>>,
    /// Whether something outside was done, or may have been, in this attempt.
    pub(super) acted: Arc<AtomicBool>,
}

/// How long a call may take, and how long after it a look that finds nothing proves nothing.
struct Doubt {
    age: Duration,
    total: Duration,
}

impl Ctx {
    /// The operation's id: the root of every key that a partner gets.
    pub fn operation(&self) -> OperationId {
        self.operation
    }

    /// Who asked.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// 1 for the first attempt.
    pub fn attempt(&self) -> i32 {
        self.attempt
    }

    /// Whether something outside was done, or may have been: then a refusal is no way to end any
    /// more, because somebody has to look at what stands outside.
    pub(super) fn has_acted(&self) -> bool {
        let before = |entry: &Entry| {
            let open = matches!(entry.state, EntryState::Done | EntryState::Unknown);
            entry.kind == "effect" && open
        };
        self.acted.load(Ordering::Acquire) || self.journal.values().any(before)
    }

    /// Whether a step or effect of that name was done, in this attempt's past.
    pub fn has_done(&self, name: &str) -> bool {
        self.journal
            .get(name)
            .is_some_and(|entry| entry.state == EntryState::Done)
    }

    /// Whether an effect of that name was intended in this attempt's past, whatever came of it: what
    /// it changed may be visible already, so a rule about the state before it no longer applies.
    pub fn has_begun(&self, name: &str) -> bool {
        self.journal.contains_key(name)
    }

    /// Changes our rows, once.
    pub async fn step<T: DeserializeOwned>(
        &self,
        name: &str,
        change: Change<T>,
    ) -> Result<T, Fault> {
        self.change(name, change, false).await
    }

    /// Changes our rows, once, and tells the waiting caller: the result's public part (`answer`)
    /// leaves as the body of its 202, and the next read shows the row.
    pub async fn accept<T: DeserializeOwned>(
        &self,
        name: &str,
        change: Change<T>,
    ) -> Result<T, Fault> {
        self.change(name, change, true).await
    }

    async fn change<T: DeserializeOwned>(
        &self,
        name: &str,
        change: Change<T>,
        announced: bool,
    ) -> Result<T, Fault> {
        if let Some(entry) = self.journal.get(name) {
            return parse(name, entry.answer.clone().unwrap_or(Value::Null));
        }
        let statement = change.statements.step;
        let (result, messages) = self.commit(statement, name, change, announced).await?;
        boundary!("step.committed", self.operation, name);
        self.engine
            .publisher
            .send_soon(self.operation, messages)
            .await;
        parse(name, result)
    }

    /// Makes the last change and completes the operation.
    pub async fn finish<T>(&self, change: Change<T>) -> Result<Completed<T>, Fault> {
        let statement = change.statements.finish;
        let (_, messages) = self.commit(statement, "finish", change, false).await?;
        boundary!("finish.committed", self.operation, "finish");
        Ok(Completed {
            messages,
            gives: PhantomData,
        })
    }

    async fn commit<T>(
        &self,
        statement: &'static str,
        name: &str,
        change: Change<T>,
        announced: bool,
    ) -> Result<(Value, Vec<Message>), Fault> {
        let submission = Submission {
            operation: self.operation,
            token: self.lease.token(),
            step: name.to_owned(),
            input: change.input,
            announced,
            touches: change.touches,
        };
        let committed = self.engine.committer.commit(statement, submission).await;
        match committed.map_err(|e| store_fault(&e))? {
            Changed::Committed(result, messages) => Ok((result, messages)),
            Changed::Refused(problem) => Err(Fault::Refuse(problem)),
            Changed::LeaseLost => Err(self.lost()),
        }
    }

    /// Changes something outside, once.
    pub async fn effect<E: Effect>(&self, name: &str, effect: &E) -> Result<E::Answer, Fault> {
        let request = effect.request();
        let Some(entry) = self.journal.get(name) else {
            return self.perform(name, effect, &request, 0, false).await;
        };
        if entry.state == EntryState::Done {
            return parse(name, entry.answer.clone().unwrap_or(Value::Null));
        }
        if entry.state == EntryState::NotDone {
            // The partner may remember its refusal under the old key.
            return self
                .perform(name, effect, &request, entry.generation + 1, false)
                .await;
        }
        if entry.request.as_ref() != Some(&request) {
            let message = format!("{name} was intended with another request: the handler changed");
            return Err(Fault::bug("request_changed", message));
        }
        let doubt = Doubt {
            age: millis(entry.age_ms),
            total: millis(entry.uncertain_ms),
        };
        self.reconcile(name, effect, &request, entry.generation, &doubt)
            .await
    }

    /// An earlier attempt may have done it: look before anything else.
    async fn reconcile<E: Effect>(
        &self,
        name: &str,
        effect: &E,
        request: &Value,
        generation: i32,
        doubt: &Doubt,
    ) -> Result<E::Answer, Fault> {
        let key = IdempotencyKey::derive(self.operation, name, generation);
        let timing = effect.timing();
        match effect.find(&key).await {
            Found::Yes(answer) => self.settle_done(name, answer).await,
            Found::No => {
                let settled = timing.timeout + timing.settles;
                if doubt.age < settled {
                    let cause = Cause::new("not_yet_settled", format!("{name} may still happen"));
                    return Err(Fault::Snooze(settled.saturating_sub(doubt.age), cause));
                }
                let expired = doubt.total >= timing.key_lives;
                let generation = if expired { generation + 1 } else { generation };
                self.perform(name, effect, request, generation, true).await
            }
            Found::Inconclusive(cause) => Err(self.inconclusive(doubt, cause)),
        }
    }

    fn inconclusive(&self, doubt: &Doubt, cause: Cause) -> Fault {
        if doubt.total >= self.topic.patience {
            return Fault::Ambiguous(cause);
        }
        let pause = (doubt.total / 4).clamp(Duration::from_secs(1), Duration::from_mins(5));
        Fault::Snooze(pause.min(self.topic.patience), cause)
    }

    async fn perform<E: Effect>(
        &self,
        name: &str,
        effect: &E,
        request: &Value,
        generation: i32,
        was_uncertain: bool,
    ) -> Result<E::Answer, Fault> {
        let key = IdempotencyKey::derive(self.operation, name, generation);
        self.intend(name, generation, &key, request).await?;
        let call = Call::new(key.clone(), self.lease.clone());
        let outcome = effect.perform(&call).await;
        boundary!("effect.answered", self.operation, name);
        match outcome {
            Outcome::Done(answer) => self.settle_done(name, answer).await,
            // Nothing was sent, and there is no lease to record it under.
            Outcome::NotDone(Fault::LeaseLost) => Err(self.lost()),
            // A "no" after an attempt that nobody knows the end of proves nothing about that one:
            // the money may be short because the first attempt took it.
            Outcome::NotDone(fault @ Fault::Reject(_)) if was_uncertain => {
                self.look_again(name, effect, &key, fault).await
            }
            Outcome::NotDone(fault @ Fault::Reject(_)) => {
                self.settle(name, EntryState::NotDone, None, Some(&fault))
                    .await?;
                Err(fault)
            }
            // An earlier attempt under this key is still in doubt: so is the effect.
            Outcome::NotDone(fault) if was_uncertain => Err(fault),
            Outcome::NotDone(fault) => {
                self.settle(name, EntryState::NotDone, None, Some(&fault))
                    .await?;
                Err(fault)
            }
            Outcome::Unknown(cause) => {
                let fault = Fault::Retry(cause.clone());
                self.settle(name, EntryState::Unknown, None, Some(&fault))
                    .await?;
                self.after_unknown(name, effect, &key, cause).await
            }
        }
    }

    /// The call ended in doubt; often one look at once is enough.
    async fn after_unknown<E: Effect>(
        &self,
        name: &str,
        effect: &E,
        key: &IdempotencyKey,
        cause: Cause,
    ) -> Result<E::Answer, Fault> {
        match effect.find(key).await {
            Found::Yes(answer) => self.settle_done(name, answer).await,
            Found::No => {
                let timing = effect.timing();
                Err(Fault::Snooze(timing.timeout + timing.settles, cause))
            }
            Found::Inconclusive(_) => Err(Fault::Snooze(Duration::from_secs(1), cause)),
        }
    }

    async fn look_again<E: Effect>(
        &self,
        name: &str,
        effect: &E,
        key: &IdempotencyKey,
        rejection: Fault,
    ) -> Result<E::Answer, Fault> {
        match effect.find(key).await {
            Found::Yes(answer) => self.settle_done(name, answer).await,
            Found::No => {
                self.settle(name, EntryState::NotDone, None, Some(&rejection))
                    .await?;
                Err(rejection)
            }
            Found::Inconclusive(cause) => Err(Fault::Snooze(Duration::from_secs(5), cause)),
        }
    }

    async fn intend(
        &self,
        name: &str,
        generation: i32,
        key: &IdempotencyKey,
        request: &Value,
    ) -> Result<(), Fault> {
        let intent = Intent {
            operation: self.operation,
            token: self.lease.token(),
            name: name.to_owned(),
            generation,
            key: key.value,
            request: request.clone(),
        };
        let held = self
            .engine
            .journal
            .intend(intent)
            .await
            .map_err(|e| store_fault(&e))?;
        if !held {
            return Err(self.lost());
        }
        boundary!("effect.intended", self.operation, name);
        Ok(())
    }

    async fn settle_done<A: Serialize>(&self, name: &str, answer: A) -> Result<A, Fault> {
        let value = serde_json::to_value(&answer)
            .map_err(|e| Fault::Bug(Cause::of("answer_not_json", &e)))?;
        self.settle(name, EntryState::Done, Some(value), None)
            .await?;
        boundary!("effect.recorded", self.operation, name);
        Ok(answer)
    }

    async fn settle(
        &self,
        name: &str,
        state: EntryState,
        answer: Option<Value>,
        fault: Option<&Fault>,
    ) -> Result<(), Fault> {
        if state != EntryState::NotDone {
            self.acted.store(true, Ordering::Release);
        }
        let settlement = Settlement {
            operation: self.operation,
            token: self.lease.token(),
            name: name.to_owned(),
            state,
            answer,
            cause: fault.map(|f| {
                let refused = matches!(f, Fault::Reject(_));
                json!({ "code": f.code(), "message": f.message(), "refused": refused })
            }),
        };
        // What is known now can not always be found out again, so it is not given up while the
        // attempt has time: noting the same twice does no harm.
        loop {
            match self.engine.journal.settle(settlement.clone()).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(self.lost()),
                Err(error @ (StoreError::Unavailable(_) | StoreError::Contended(_))) => {
                    tracing::warn!(%error, operation = %self.operation, name, "noted again soon");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(error) => return Err(store_fault(&error)),
            }
        }
    }

    fn lost(&self) -> Fault {
        self.lease.revoke();
        Fault::LeaseLost
    }
}

fn millis(ms: Option<i64>) -> Duration {
    Duration::from_millis(ms.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0))
}

fn parse<T: DeserializeOwned>(name: &str, value: Value) -> Result<T, Fault> {
    serde_json::from_value(value).map_err(|e| {
        let message = format!("what {name} gave does not parse: {e}");
        Fault::bug("journal_unreadable", message)
    })
}

/// What a failure of the database means for a handler: the connection passes, the rest is a mistake
/// of ours.
pub fn store_fault(error: &StoreError) -> Fault {
    match error {
        StoreError::Unavailable(_) | StoreError::Contended(_) | StoreError::Stopped => {
            Fault::Retry(Cause::of("database_unavailable", error))
        }
        StoreError::Refused(_)
        | StoreError::Corrupt { .. }
        | StoreError::Behind(_)
        | StoreError::Migration(_) => Fault::Bug(Cause::of("database_refused", error)),
    }
}
