//! What a handler is: a function from a payload to a completion.

use crate::services::Services;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use subjects::envelope::Problem;
use subjects::spec::{Command, Question};
use tranche::bus::ctx::{Completed, store_fault};
use tranche::bus::fault::Fault;
use tranche::store::StoreError;

/// One attempt at one operation, with the services. `step`, `accept`, `effect` and `finish` are
/// those of [`tranche::bus::ctx::Ctx`].
pub struct Ctx {
    bus: tranche::bus::ctx::Ctx,
    services: Arc<Services>,
}

impl Ctx {
    pub(crate) fn new(bus: tranche::bus::ctx::Ctx, services: Arc<Services>) -> Self {
        Self { bus, services }
    }

    /// The services.
    pub fn services(&self) -> &Services {
        &self.services
    }
}

impl Deref for Ctx {
    type Target = tranche::bus::ctx::Ctx;

    fn deref(&self) -> &Self::Target {
        &self.bus
    }
}

/// Works on a command. It may run again from the top after any crash; see
/// [`tranche::bus::ctx`] for what makes that safe.
pub trait Handler: Command {
    /// Completes the operation with [`finish`](tranche::bus::ctx::Ctx::finish), or says why not.
    fn handle(
        self,
        ctx: &Ctx,
    ) -> impl Future<Output = Result<Completed<Self::Completed>, Fault>> + Send;
}

/// Answers a question: a read, or a value that costs nothing to repeat.
pub trait Answerer: Question {
    /// The answer, or the problem that the caller gets.
    fn answer(
        self,
        services: &Services,
    ) -> impl Future<Output = Result<Self::Answer, Problem>> + Send;
}

/// A read's failure as a handler's fault.
pub fn read<T>(result: Result<T, StoreError>) -> Result<T, Fault> {
    result.map_err(|e| store_fault(&e))
}

/// A failure on the way to an answer, as the problem that the caller gets.
pub fn unavailable(error: &dyn std::error::Error) -> Problem {
    tracing::warn!(%error, "a query was not answered");
    Problem::new(
        503,
        "unavailable",
        "the service can not answer at the moment; try again",
    )
}

/// The refusal of what does not exist, or is another's.
pub fn not_found() -> Fault {
    Fault::refuse(404, "not_found", "Not found.")
}
