//! Operation rows: opening, heartbeats, giving back, ending.

use super::StoreError;
use super::change::Message;
use super::coalesce::{Coalescer, Wish};
use super::journal::Entry;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgPool, Row as _};
use std::collections::HashMap;
use std::time::Duration;
use subjects::envelope::Problem;
use subjects::ids::OperationId;
use subjects::operations::Operation;
use uuid::Uuid;

/// A message that wants to become an operation, or to go on with one.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    pub(crate) id: OperationId,
    pub(crate) service: &'static str,
    pub(crate) topic: &'static str,
    pub(crate) caller: Value,
    pub(crate) request_hash: String,
    pub(crate) entity: Option<String>,
    pub(crate) headers: Value,
    pub(crate) payload: Vec<u8>,
}

impl Wish for Opening {
    fn touches(&self) -> Vec<String> {
        let mut rows = vec![self.id.to_string()];
        rows.extend(self.entity.clone());
        rows
    }
}

/// What became of an opening.
#[derive(Debug, Clone)]
pub(crate) enum Opened {
    /// The operation is ours: its token, its attempt, and what it did before.
    Ours {
        /// The fencing token.
        token: i64,
        /// 1 for the first attempt.
        attempt: i32,
        /// What the journal holds.
        journal: Vec<Entry>,
    },
    /// Another operation works on the same entity. It waits in its row: the end of the other one
    /// makes it due.
    Parked,
    /// Another worker was a moment earlier.
    Contended,
    /// Another worker has it and gives signs of life.
    Held,
    /// It waits for a time that has not come; its timer will bring it back.
    Early,
    /// It ended before.
    Finished {
        /// How.
        state: String,
        /// Its result.
        result: Option<Value>,
        /// Its problem.
        problem: Option<Problem>,
    },
    /// The key belongs to an operation with another request.
    Conflict,
}

/// The operations table.
#[derive(Clone)]
pub struct Operations {
    pool: PgPool,
    openings: Coalescer<Opening, Opened>,
}

/// An operation given back until a time.
#[derive(Debug, Clone)]
pub(crate) struct Wait {
    pub(crate) id: OperationId,
    pub(crate) token: i64,
    pub(crate) delay: Duration,
    pub(crate) counted: bool,
    pub(crate) fault: Option<Value>,
}

/// How an operation ends in the dead letters.
#[derive(Debug, Clone)]
pub(crate) struct Burial {
    pub(crate) id: OperationId,
    pub(crate) token: i64,
    pub(crate) problem: Problem,
    pub(crate) letter: Uuid,
    pub(crate) class: &'static str,
    pub(crate) sealed: bool,
    pub(crate) fault: Value,
}

impl Operations {
    /// Whether a worker has opened this operation.
    pub(crate) async fn is_opened(&self, id: OperationId) -> Result<bool, StoreError> {
        Ok(look_up(&self.pool, id).await?.is_some())
    }

    /// The table on this pool, for a worker of that name, with leases of that length.
    pub fn new(pool: &PgPool, worker: &str, lease: Duration) -> Self {
        let (shared, worker) = (pool.clone(), worker.to_owned());
        let openings =
            Coalescer::start(move |batch| open(shared.clone(), worker.clone(), lease, batch));
        Self {
            pool: pool.clone(),
            openings,
        }
    }

    pub(crate) async fn open(&self, opening: Opening) -> Result<Opened, StoreError> {
        self.openings.ask(opening).await
    }

    /// Extends leases; answers for each whether it is still held.
    pub(crate) async fn heartbeat(
        &self,
        held: &[(OperationId, i64)],
        lease: Duration,
    ) -> Result<Vec<bool>, StoreError> {
        let ids: Vec<OperationId> = held.iter().map(|(id, _)| *id).collect();
        let tokens: Vec<i64> = held.iter().map(|(_, token)| *token).collect();
        let kept: Vec<i64> = sqlx::query_scalar(include_str!("sql/heartbeat.sql"))
            .bind(&ids)
            .bind(&tokens)
            .bind(millis(lease))
            .fetch_all(&self.pool)
            .await?;
        Ok(tokens.iter().map(|token| kept.contains(token)).collect())
    }

    /// Gives an operation back; answers whether the lease was still held.
    pub(crate) async fn wait(&self, wait: Wait) -> Result<bool, StoreError> {
        let given: Vec<OperationId> = sqlx::query_scalar(include_str!("sql/wait.sql"))
            .bind(vec![wait.id])
            .bind(vec![wait.token])
            .bind(vec![millis(wait.delay)])
            .bind(vec![wait.counted])
            .bind(vec![wait.fault])
            .fetch_all(&self.pool)
            .await?;
        Ok(!given.is_empty())
    }

    /// Ends an operation that our rules refuse; nothing to publish means that the lease was lost.
    pub(crate) async fn refuse(
        &self,
        id: OperationId,
        token: i64,
        problem: &Problem,
    ) -> Result<Vec<Message>, StoreError> {
        let rows = sqlx::query(include_str!("sql/refuse.sql"))
            .bind(id)
            .bind(token)
            .bind(Json(problem))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(message).collect()
    }

    /// Ends an operation in the dead letters; nothing to publish means that the lease was lost.
    pub(crate) async fn bury(&self, burial: &Burial) -> Result<Vec<Message>, StoreError> {
        let rows = sqlx::query(include_str!("sql/bury.sql"))
            .bind(burial.id)
            .bind(burial.token)
            .bind(Json(&burial.problem))
            .bind(burial.letter)
            .bind(burial.class)
            .bind(burial.sealed)
            .bind(&burial.fault)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(message).collect()
    }
}

/// An operation as its caller sees it.
pub async fn look_up(pool: &PgPool, id: OperationId) -> Result<Option<Seen>, StoreError> {
    let row = sqlx::query(include_str!("sql/operation.sql"))
        .bind(id)
        .fetch_optional(pool);
    row.await?.as_ref().map(seen).transpose()
}

/// An operation, and who asked for it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What its caller sees.
    pub operation: Operation,
    /// Who asked for it.
    pub caller: Value,
}

pub(super) fn message(row: &PgRow) -> Result<Message, StoreError> {
    let subject: String = row.try_get("subject")?;
    let kind = match subject.split('.').next() {
        Some("events") => "event",
        Some("dlq") => "dead",
        _ => "command",
    };
    Ok(Message {
        id: row.try_get("id")?,
        kind: kind.to_owned(),
        payload: row.try_get("payload")?,
        subject,
    })
}

fn seen(row: &PgRow) -> Result<Seen, StoreError> {
    Ok(Seen {
        caller: row.try_get("caller")?,
        operation: Operation {
            operation: row.try_get("id")?,
            service: row.try_get("service")?,
            topic: row.try_get("topic")?,
            status: row.try_get("state")?,
            request_hash: row.try_get("request_hash")?,
            attempt: row.try_get("attempt")?,
            accepted: row.try_get("accepted")?,
            result: row.try_get("result")?,
            problem: row
                .try_get::<Option<Json<Problem>>, _>("problem")?
                .map(|Json(p)| p),
            created_at: row.try_get::<DateTime<Utc>, _>("created_at")?,
            updated_at: row.try_get::<DateTime<Utc>, _>("updated_at")?,
        },
    })
}

async fn open(
    pool: PgPool,
    worker: String,
    lease: Duration,
    batch: Vec<Opening>,
) -> Result<Vec<Opened>, StoreError> {
    let ids: Vec<OperationId> = batch.iter().map(|o| o.id).collect();
    let rows = sqlx::query(include_str!("sql/open.sql"))
        .bind(&ids)
        .bind(batch.iter().map(|o| o.service).collect::<Vec<_>>())
        .bind(batch.iter().map(|o| o.topic).collect::<Vec<_>>())
        .bind(batch.iter().map(|o| &o.caller).collect::<Vec<_>>())
        .bind(
            batch
                .iter()
                .map(|o| o.request_hash.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(
            batch
                .iter()
                .map(|o| o.entity.as_deref())
                .collect::<Vec<_>>(),
        )
        .bind(batch.iter().map(|o| &o.headers).collect::<Vec<_>>())
        .bind(
            batch
                .iter()
                .map(|o| o.payload.as_slice())
                .collect::<Vec<_>>(),
        )
        .bind(&worker)
        .bind(millis(lease))
        .fetch_all(&pool)
        .await?;
    let mut verdicts = HashMap::with_capacity(rows.len());
    for row in &rows {
        verdicts.insert(row.try_get::<OperationId, _>("id")?, opened(row)?);
    }
    Ok(ids
        .iter()
        .map(|id| verdicts.remove(id).unwrap_or(Opened::Contended))
        .collect())
}

fn opened(row: &PgRow) -> Result<Opened, StoreError> {
    let verdict: String = row.try_get("verdict")?;
    Ok(match verdict.as_str() {
        "opened" => Opened::Ours {
            token: row.try_get("lease_token")?,
            attempt: row.try_get("attempt")?,
            journal: row
                .try_get::<Option<Json<Vec<Entry>>>, _>("journal")?
                .map_or_else(Vec::new, |Json(entries)| entries),
        },
        "parked" => Opened::Parked,
        "held" => Opened::Held,
        "early" => Opened::Early,
        "finished" => Opened::Finished {
            state: row.try_get("state")?,
            result: row.try_get("result")?,
            problem: row
                .try_get::<Option<Json<Problem>>, _>("problem")?
                .map(|Json(p)| p),
        },
        "conflict" => Opened::Conflict,
        _ => Opened::Contended,
    })
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
