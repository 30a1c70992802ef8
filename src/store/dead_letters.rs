//! Dead letters, and what operators do with them. Every act leaves an audit row in the same
//! statement.

use super::StoreError;
use super::change::Message;
use super::operations::message;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row as _};
use subjects::ids::OperationId;
use uuid::Uuid;

/// The dead letters.
#[derive(Clone)]
pub struct DeadLetters {
    pool: PgPool,
}

/// A message that never became an operation.
#[derive(Debug, Clone)]
pub(crate) struct Unopened {
    pub(crate) id: Uuid,
    pub(crate) service: String,
    pub(crate) topic: String,
    pub(crate) class: &'static str,
    pub(crate) message: String,
    pub(crate) subject: String,
    pub(crate) headers: Value,
    pub(crate) body: Vec<u8>,
    pub(crate) sealed: bool,
}

/// A dead letter as operators see it.
#[derive(Debug, Clone, Serialize)]
pub struct DeadLetter {
    /// Its id.
    pub id: Uuid,
    /// The operation; none for messages that never became one.
    pub operation: Option<OperationId>,
    /// The topic's service.
    pub service: String,
    /// The topic.
    pub topic: String,
    /// Why it is here.
    pub class: String,
    /// The stable code of the last fault.
    pub code: String,
    /// The sentence of the last fault.
    pub message: String,
    /// Where the message was published.
    pub subject: String,
    /// Its headers.
    pub headers: Value,
    /// Its body; sealed for topics with personal data.
    #[serde(skip)]
    pub body: Vec<u8>,
    /// Whether the body is sealed.
    pub sealed: bool,
    /// The faults, oldest first.
    pub faults: Value,
    /// The effects so far.
    pub effects: Value,
    /// `open`, `replayed`, `discarded` or `resolved`.
    pub state: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// Which dead letters.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// `service/topic`, `service/*` or nothing for all.
    pub topic: Option<String>,
    /// The class.
    pub class: Option<String>,
    /// The state; open ones when nothing is said.
    pub state: Option<String>,
    /// At most so many, newest first.
    pub limit: i64,
}

/// What an operator wants with a dead letter.
#[derive(Debug, Clone)]
pub struct Act<'a> {
    /// The dead letter.
    pub letter: Uuid,
    /// Who.
    pub actor: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// What became of an act.
#[derive(Debug, Clone)]
pub enum Acted {
    /// Done; these messages must be published.
    Done(Vec<Message>),
    /// Not done, for this reason.
    Refused(String),
}

impl DeadLetters {
    /// The dead letters on this pool.
    pub fn new(pool: &PgPool) -> Self {
        Self { pool: pool.clone() }
    }

    pub(crate) async fn bury(&self, letter: &Unopened) -> Result<Vec<Message>, StoreError> {
        let rows = sqlx::query(include_str!("sql/bury_message.sql"))
            .bind(letter.id)
            .bind(&letter.service)
            .bind(&letter.topic)
            .bind(letter.class)
            .bind(letter.class)
            .bind(&letter.message)
            .bind(&letter.subject)
            .bind(&letter.headers)
            .bind(&letter.body)
            .bind(letter.sealed)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(message).collect()
    }

    /// Dead letters, newest first.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<DeadLetter>, StoreError> {
        let pattern = filter.topic.as_ref().map(|topic| topic.replace('*', "%"));
        let rows = sqlx::query(include_str!("sql/letters.sql"))
            .bind(pattern)
            .bind(&filter.class)
            .bind(filter.state.as_deref().unwrap_or("open"))
            .bind(filter.limit)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(letter).collect()
    }

    /// One dead letter.
    pub async fn get(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        let row = sqlx::query(include_str!("sql/letter.sql"))
            .bind(id)
            .fetch_optional(&self.pool);
        row.await?.as_ref().map(letter).transpose()
    }

    /// Sends a dead letter back: its operation waits again, with its journal, its id and its keys,
    /// and with a new count of attempts. Refused while an effect of it is in doubt.
    pub async fn replay(&self, act: &Act<'_>) -> Result<Acted, StoreError> {
        self.act(include_str!("sql/letter_replay.sql"), act).await
    }

    /// Puts a dead letter aside for good.
    pub async fn discard(&self, act: &Act<'_>) -> Result<Acted, StoreError> {
        self.act(include_str!("sql/letter_discard.sql"), act).await
    }

    async fn act(&self, statement: &'static str, act: &Act<'_>) -> Result<Acted, StoreError> {
        let row = sqlx::query(statement)
            .bind(act.letter)
            .bind(act.actor)
            .bind(act.reason)
            .fetch_one(&self.pool)
            .await?;
        acted(&row)
    }

    /// Notes what a person found out about an effect in doubt: it happened, with this answer, or it
    /// did not.
    pub async fn mark(
        &self,
        act: &Act<'_>,
        effect: &str,
        answer: Option<&Value>,
    ) -> Result<Acted, StoreError> {
        let row = sqlx::query(include_str!("sql/letter_mark.sql"))
            .bind(act.letter)
            .bind(act.actor)
            .bind(act.reason)
            .bind(effect)
            .bind(answer)
            .fetch_one(&self.pool)
            .await?;
        acted(&row)
    }
}

fn acted(row: &PgRow) -> Result<Acted, StoreError> {
    if let Some(refusal) = row.try_get::<Option<String>, _>("refusal")? {
        return Ok(Acted::Refused(refusal));
    }
    let messages: Option<sqlx::types::Json<Vec<Message>>> = row.try_get("messages")?;
    Ok(Acted::Done(
        messages.map_or_else(Vec::new, |sqlx::types::Json(list)| list),
    ))
}

fn letter(row: &PgRow) -> Result<DeadLetter, StoreError> {
    Ok(DeadLetter {
        id: row.try_get("id")?,
        operation: row.try_get("operation")?,
        service: row.try_get("service")?,
        topic: row.try_get("topic")?,
        class: row.try_get("class")?,
        code: row.try_get("code")?,
        message: row.try_get("message")?,
        subject: row.try_get("subject")?,
        headers: row.try_get("headers")?,
        body: row.try_get("body")?,
        sealed: row.try_get("sealed")?,
        faults: row.try_get("faults")?,
        effects: row.try_get("effects")?,
        state: row.try_get("state")?,
        created_at: row.try_get("created_at")?,
    })
}
