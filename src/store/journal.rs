//! The journal of effects: intents before, outcomes after.

use super::StoreError;
use super::coalesce::{Coalescer, Wish};
use serde_json::Value;
use sqlx::PgPool;
use std::collections::HashSet;
use subjects::ids::OperationId;
use uuid::Uuid;

/// What the journal holds under one name, as it was when the operation was opened.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct Entry {
    /// The step's or effect's name.
    pub name: String,
    /// `step` or `effect`.
    pub kind: String,
    /// How far it came.
    pub state: EntryState,
    /// How many times the key was changed.
    pub generation: i32,
    /// The present key of an effect.
    pub key: Option<Uuid>,
    /// What the effect asked for.
    pub request: Option<Value>,
    /// What it gave.
    pub answer: Option<Value>,
    /// Why it did not happen, or why nobody knows; `refused` says whether the partner said no.
    pub cause: Option<Value>,
    /// Milliseconds since the last intent, by the database's clock.
    pub age_ms: Option<i64>,
    /// Milliseconds since the first intent, by the database's clock.
    pub uncertain_ms: Option<i64>,
}

/// How far a step or an effect came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// About to be done, or being done, or the process died.
    Intended,
    /// It happened.
    Done,
    /// It provably did not happen.
    NotDone,
    /// Nobody knows.
    Unknown,
}

impl EntryState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Done => "done",
            Self::NotDone => "not_done",
            Self::Unknown => "unknown",
        }
    }
}

/// What is about to be done outside.
#[derive(Debug, Clone)]
pub(crate) struct Intent {
    pub(crate) operation: OperationId,
    pub(crate) token: i64,
    pub(crate) name: String,
    pub(crate) generation: i32,
    pub(crate) key: Uuid,
    pub(crate) request: Value,
}

/// How it ended.
#[derive(Debug, Clone)]
pub(crate) struct Settlement {
    pub(crate) operation: OperationId,
    pub(crate) token: i64,
    pub(crate) name: String,
    pub(crate) state: EntryState,
    pub(crate) answer: Option<Value>,
    pub(crate) cause: Option<Value>,
}

impl Wish for Intent {
    fn touches(&self) -> Vec<String> {
        vec![self.operation.to_string()]
    }
}

impl Wish for Settlement {
    fn touches(&self) -> Vec<String> {
        vec![self.operation.to_string()]
    }
}

/// Writes intents and outcomes. Each answers whether the lease was still held; if not, nothing was
/// written.
#[derive(Clone)]
pub struct Journal {
    intents: Coalescer<Intent, bool>,
    settlements: Coalescer<Settlement, bool>,
}

impl Journal {
    /// A journal on this pool.
    pub fn new(pool: &PgPool) -> Self {
        let (a, b) = (pool.clone(), pool.clone());
        Self {
            intents: Coalescer::start(move |batch| intend(a.clone(), batch)),
            settlements: Coalescer::start(move |batch| settle(b.clone(), batch)),
        }
    }

    pub(crate) async fn intend(&self, intent: Intent) -> Result<bool, StoreError> {
        self.intents.ask(intent).await
    }

    pub(crate) async fn settle(&self, settlement: Settlement) -> Result<bool, StoreError> {
        self.settlements.ask(settlement).await
    }
}

async fn intend(pool: PgPool, batch: Vec<Intent>) -> Result<Vec<bool>, StoreError> {
    let operations: Vec<OperationId> = batch.iter().map(|i| i.operation).collect();
    let written: Vec<OperationId> = sqlx::query_scalar(include_str!("sql/intend.sql"))
        .bind(&operations)
        .bind(batch.iter().map(|i| i.token).collect::<Vec<_>>())
        .bind(batch.iter().map(|i| i.name.as_str()).collect::<Vec<_>>())
        .bind(batch.iter().map(|i| i.generation).collect::<Vec<_>>())
        .bind(batch.iter().map(|i| i.key).collect::<Vec<_>>())
        .bind(batch.iter().map(|i| &i.request).collect::<Vec<_>>())
        .fetch_all(&pool)
        .await?;
    Ok(among(&operations, written))
}

async fn settle(pool: PgPool, batch: Vec<Settlement>) -> Result<Vec<bool>, StoreError> {
    let operations: Vec<OperationId> = batch.iter().map(|s| s.operation).collect();
    let written: Vec<OperationId> = sqlx::query_scalar(include_str!("sql/settle.sql"))
        .bind(&operations)
        .bind(batch.iter().map(|s| s.token).collect::<Vec<_>>())
        .bind(batch.iter().map(|s| s.name.as_str()).collect::<Vec<_>>())
        .bind(batch.iter().map(|s| s.state.as_str()).collect::<Vec<_>>())
        .bind(batch.iter().map(|s| s.answer.clone()).collect::<Vec<_>>())
        .bind(batch.iter().map(|s| s.cause.clone()).collect::<Vec<_>>())
        .fetch_all(&pool)
        .await?;
    Ok(among(&operations, written))
}

/// For each operation, whether it is among those that were written.
fn among(asked: &[OperationId], written: Vec<OperationId>) -> Vec<bool> {
    let written: HashSet<OperationId> = written.into_iter().collect();
    asked.iter().map(|id| written.contains(id)).collect()
}
