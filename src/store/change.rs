//! Changes: what handlers write.
//!
//! A [`Change`] is one SQL statement over JSON input, written for many operations at once. It stands
//! between two pieces that every change shares: the front keeps only operations whose lease is still
//! held (`fenced`), the back writes the step into the journal, or completes the operation, and puts
//! the events and follow-up commands into the outbox. All of it is one statement and so one commit:
//! a process that dies has done all of it or nothing.
//!
//! The statement in the middle ends with a table `change (op, result, problem, changed, commands)`.
//! A row with a `problem` must have changed nothing: that is how rules that only the database can
//! check under its locks (is there enough money?) say no.
//!
//! Rules themselves do not live in SQL. A statement that moves money reads the transition table of
//! [`crate::domain`] from its input.

use super::StoreError;
use super::coalesce::{Coalescer, Wish};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::{PgPool, Row as _};
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use subjects::envelope::Problem;
use subjects::ids::OperationId;

/// The statements of one kind of change: as a step in the middle, and as the last one.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Statements {
    /// Its file's name, for logs and tests.
    pub name: &'static str,
    /// Commits the change and the journal's step.
    pub step: &'static str,
    /// Commits the change and the operation's completion.
    pub finish: &'static str,
}

/// Declares the statements of a change from its file in `sql/`.
macro_rules! statements {
    ($file:literal) => {
        $crate::store::change::Statements {
            name: $file,
            step: concat!(
                include_str!("sql/change_prefix.sql"),
                include_str!(concat!("sql/", $file, ".sql")),
                include_str!("sql/change_step.sql")
            ),
            finish: concat!(
                include_str!("sql/change_prefix.sql"),
                include_str!(concat!("sql/", $file, ".sql")),
                include_str!("sql/change_finish.sql")
            ),
        }
    };
}
pub(crate) use statements;

/// Every change that exists, for the test that prepares them all.
pub static ALL: &[&Statements] = &[
    &NOTHING,
    &super::directory::USER_UPSERT,
    &super::directory::PROFILE_UPSERT,
    &super::directory::OFFER_UPSERT,
    &super::directory::INVESTMENT_UPSERT,
    &super::directory::KYC_APPROVE,
    &super::wallets::WALLET_PREPARE,
    &super::wallets::WALLET_APPLY,
    &super::wallets::BANK_ITEM,
    &super::wallets::BANK_ADD,
    &super::wallets::BANK_HOLD,
    &super::wallets::BANK_STATUS,
    &super::wallets::ITEM_NEEDS_LOGIN,
    &super::movements::RESERVE,
    &super::movements::POST,
];

static NOTHING: Statements = statements!("change_nothing");

/// A change of our rows that gives a `T`.
#[derive(Debug)]
pub struct Change<T> {
    pub(crate) statements: &'static Statements,
    pub(crate) input: Value,
    pub(crate) touches: Vec<String>,
    gives: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Change<T> {
    /// A change by these statements. `touches` names the rows that two changes in one statement must
    /// not share.
    pub(crate) fn new(statements: &'static Statements, input: Value, touches: Vec<String>) -> Self {
        Self {
            statements,
            input,
            touches,
            gives: PhantomData,
        }
    }
}

impl<T> Change<T> {
    /// The same change, completing its operation with the public part of what it gives: the
    /// `answer`.
    pub fn answering<A>(self) -> Change<A> {
        let Self {
            statements,
            input,
            touches,
            gives: _,
        } = self;
        Change {
            statements,
            input,
            touches,
            gives: PhantomData,
        }
    }
}

impl<T: Serialize + DeserializeOwned> Change<T> {
    /// No change: the operation's result is `result`.
    pub fn nothing(result: &T) -> Self {
        let input = serde_json::to_value(result).unwrap_or(Value::Null);
        Self::new(&NOTHING, input, Vec::new())
    }
}

/// Something for the broker that was committed with a change.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct Message {
    /// The outbox row.
    pub id: i64,
    /// `event`, `command`, `replay` or `dead`.
    pub kind: String,
    /// Where it goes.
    pub subject: String,
    /// What it says.
    pub payload: Value,
}

/// What became of a change.
#[derive(Debug, Clone)]
pub enum Changed {
    /// Committed: the result, and what must be published.
    Committed(Value, Vec<Message>),
    /// The change's own rule said no, and nothing was changed.
    Refused(Problem),
    /// The lease was lost, and nothing was changed.
    LeaseLost,
}

/// A change that an operation wants committed.
#[derive(Clone)]
pub(crate) struct Submission {
    pub(crate) operation: OperationId,
    pub(crate) token: i64,
    pub(crate) step: String,
    pub(crate) input: Value,
    pub(crate) announced: bool,
    pub(crate) touches: Vec<String>,
}

impl Wish for Submission {
    fn touches(&self) -> Vec<String> {
        let mut rows = self.touches.clone();
        rows.push(self.operation.to_string());
        rows
    }
}

type Lane = Coalescer<Submission, Changed>;

/// Commits changes, those of one kind together.
#[derive(Clone)]
pub struct Committer {
    pool: PgPool,
    lanes: Arc<Mutex<HashMap<&'static str, Lane>>>,
}

impl Committer {
    /// A committer on this pool.
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            lanes: Arc::default(),
        }
    }

    pub(crate) async fn commit(
        &self,
        statement: &'static str,
        submission: Submission,
    ) -> Result<Changed, StoreError> {
        let lane = self.lane(statement);
        lane.ask(submission).await
    }

    fn lane(&self, statement: &'static str) -> Lane {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = &self.pool;
        let start = || {
            let pool = pool.clone();
            Lane::start(move |batch| commit(pool.clone(), statement, batch))
        };
        lanes.entry(statement).or_insert_with(start).clone()
    }
}

async fn commit(
    pool: PgPool,
    statement: &'static str,
    batch: Vec<Submission>,
) -> Result<Vec<Changed>, StoreError> {
    let operations: Vec<OperationId> = batch.iter().map(|s| s.operation).collect();
    let tokens: Vec<i64> = batch.iter().map(|s| s.token).collect();
    let steps: Vec<&str> = batch.iter().map(|s| s.step.as_str()).collect();
    let inputs: Vec<&Value> = batch.iter().map(|s| &s.input).collect();
    let announced: Vec<bool> = batch.iter().map(|s| s.announced).collect();
    let rows = sqlx::query(statement)
        .bind(&operations)
        .bind(&tokens)
        .bind(&steps)
        .bind(&inputs)
        .bind(&announced)
        .fetch_all(&pool)
        .await?;
    let mut outcomes = HashMap::with_capacity(rows.len());
    for row in &rows {
        outcomes.insert(row.try_get::<OperationId, _>("op")?, outcome(row)?);
    }
    Ok(operations
        .iter()
        .map(|op| outcomes.remove(op).unwrap_or(Changed::LeaseLost))
        .collect())
}

fn outcome(row: &sqlx::postgres::PgRow) -> Result<Changed, StoreError> {
    use sqlx::types::Json;
    if !row.try_get::<bool, _>("said")? {
        return Err(StoreError::Corrupt {
            table: "change",
            column: "op",
            row: row.try_get::<OperationId, _>("op")?.to_string(),
            found: "no row".to_owned(),
            expected: "one row for each operation, with a result or a problem",
        });
    }
    if let Some(Json(problem)) = row.try_get::<Option<Json<Problem>>, _>("problem")? {
        return Ok(Changed::Refused(problem));
    }
    let result: Option<Json<Value>> = row.try_get("result")?;
    let messages: Option<Json<Vec<Message>>> = row.try_get("messages")?;
    let result = result.map_or(Value::Null, |Json(value)| value);
    Ok(Changed::Committed(
        result,
        messages.map_or_else(Vec::new, |Json(list)| list),
    ))
}
