//! What was committed and must be published, and what is due by its timer.

use super::StoreError;
use super::change::Message;
use super::coalesce::{Coalescer, Wish};
use super::operations::millis;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row as _};
use std::time::Duration;
use subjects::ids::OperationId;

#[derive(Clone, Copy)]
struct Sent(i64);

impl Wish for Sent {
    fn touches(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The outbox and the timers.
#[derive(Clone)]
pub struct Outbox {
    pool: PgPool,
    sent: Coalescer<Sent, ()>,
}

/// A message of the outbox with the operation that wrote it.
#[derive(Debug, Clone)]
pub struct Posted {
    /// The operation.
    pub operation: OperationId,
    /// The message.
    pub message: Message,
}

/// An operation that goes on now.
#[derive(Debug, Clone)]
pub struct Due {
    /// The operation.
    pub id: OperationId,
    /// The topic's service.
    pub service: String,
    /// The topic.
    pub topic: String,
    /// Who asked for it.
    pub caller: Value,
    /// The hash of its request.
    pub request_hash: String,
    /// The headers of its first message.
    pub headers: Value,
    /// The payload, sealed where the topic says so.
    pub payload: Vec<u8>,
    /// The token of its last attempt, which makes this message's id unique.
    pub token: i64,
}

impl Outbox {
    /// The outbox on this pool.
    pub fn new(pool: &PgPool) -> Self {
        let shared = pool.clone();
        let sent = Coalescer::start(move |batch| mark(shared.clone(), batch));
        Self {
            pool: pool.clone(),
            sent,
        }
    }

    /// Notes that a message was published.
    pub async fn sent(&self, id: i64) -> Result<(), StoreError> {
        self.sent.ask(Sent(id)).await
    }

    /// What was left unsent, oldest first.
    pub async fn due(&self, limit: i64) -> Result<Vec<Posted>, StoreError> {
        let rows = sqlx::query(include_str!("sql/outbox_due.sql")).bind(limit);
        rows.fetch_all(&self.pool)
            .await?
            .iter()
            .map(posted)
            .collect()
    }

    /// Takes the operations whose time has come.
    pub async fn timers(&self, limit: i64) -> Result<Vec<Due>, StoreError> {
        let rows = sqlx::query(include_str!("sql/timers_due.sql")).bind(limit);
        rows.fetch_all(&self.pool).await?.iter().map(due).collect()
    }

    /// Gives back timers that were taken and could not be published.
    pub async fn untaken(&self, ids: &[OperationId]) -> Result<(), StoreError> {
        let untaken = sqlx::query(include_str!("sql/timers_untaken.sql")).bind(ids);
        untaken.execute(&self.pool).await?;
        Ok(())
    }

    /// Makes operations due whose worker and message are both gone; answers which.
    pub async fn abandoned(&self, silent: Duration) -> Result<Vec<OperationId>, StoreError> {
        let ids = sqlx::query_scalar(include_str!("sql/abandoned.sql")).bind(millis(silent));
        Ok(ids.fetch_all(&self.pool).await?)
    }

    /// Makes every unfinished operation due that nobody works on; answers which.
    pub async fn requeue(&self) -> Result<Vec<OperationId>, StoreError> {
        Ok(sqlx::query_scalar(include_str!("sql/requeue.sql"))
            .fetch_all(&self.pool)
            .await?)
    }
}

/// The events of an operation after the one that was seen last, oldest first.
pub async fn events(
    pool: &PgPool,
    operation: OperationId,
    after: i64,
) -> Result<Vec<Posted>, StoreError> {
    let rows = sqlx::query(include_str!("sql/outbox_events.sql"))
        .bind(operation)
        .bind(after);
    rows.fetch_all(pool).await?.iter().map(posted).collect()
}

async fn mark(pool: PgPool, batch: Vec<Sent>) -> Result<Vec<()>, StoreError> {
    let ids: Vec<i64> = batch.iter().map(|sent| sent.0).collect();
    sqlx::query(include_str!("sql/outbox_sent.sql"))
        .bind(&ids)
        .execute(&pool)
        .await?;
    Ok(batch.iter().map(|_| ()).collect())
}

fn posted(row: &PgRow) -> Result<Posted, StoreError> {
    Ok(Posted {
        operation: row.try_get("operation")?,
        message: Message {
            id: row.try_get("id")?,
            kind: row.try_get("kind")?,
            subject: row.try_get("subject")?,
            payload: row.try_get("payload")?,
        },
    })
}

fn due(row: &PgRow) -> Result<Due, StoreError> {
    Ok(Due {
        id: row.try_get("id")?,
        service: row.try_get("service")?,
        topic: row.try_get("topic")?,
        caller: row.try_get("caller")?,
        request_hash: row.try_get("request_hash")?,
        headers: row.try_get("headers")?,
        payload: row.try_get("payload")?,
        token: row.try_get("lease_token")?,
    })
}
