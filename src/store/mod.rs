//! The store: every line of SQL, and nothing but SQL and its types.
//!
//! **Statements are files.** Each stands in `sql/`, is sent as it is, and is prepared by a test
//! against the migrated database, so a misspelt column fails the build and not a worker. No SQL is
//! put together at run time.
//!
//! **A write is one statement.** The runtime's own writes ([`operations`], [`journal`]) and the
//! handlers' ([`change`]) each commit by themselves: one round trip, one commit, and nothing in
//! between where a process could die. A statement takes arrays, so [`coalesce`] can run what many
//! messages want at the same moment as one statement: under load the round trips and the flushes to
//! disk are shared, when idle nothing waits.
//!
//! The usual way, a transaction that a handler fills query by query, lost on both counts: the driver
//! waits for each query (five or more round trips for what is one here), and a batch of messages
//! would share one failing handler's rollback.
//!
//! Time is the database's (`now()`), never the process's: leases, timers and settling times must
//! mean the same to all workers.

pub mod change;
pub mod coalesce;
pub mod dead_letters;
pub mod directory;
pub mod journal;
pub mod movements;
pub mod operations;
pub mod outbox;
pub mod wallets;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use std::time::Duration;

/// The migrations of this program.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database can not be reached, or gave up: the statement may or may not have committed.
    #[error("the database could not be asked; trying again is safe")]
    Unavailable(#[source] sqlx::Error),
    /// Two statements wanted the same rows in different orders, or the same step, and this one lost.
    #[error("the statement lost against another one; trying again is safe")]
    Contended(#[source] sqlx::Error),
    /// The statement does not fit the data: a mistake of ours, or corrupt rows.
    #[error("the database refused the statement")]
    Refused(#[source] sqlx::Error),
    /// A row holds what no program of ours writes.
    #[error("{table}.{column} of {row} is {found:?}, expected {expected}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        row: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// The database is behind this program.
    #[error("the database lacks migration {0}: run `tranche migrate` first")]
    Behind(i64),
    /// A migration failed.
    #[error("a migration failed")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The process is stopping.
    #[error("the process is stopping")]
    Stopped,
}

/// The constraint by which a step is recorded once.
const JOURNAL: &str = "journal_pkey";

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(|e| e.code().map(std::borrow::Cow::into_owned));
        // A step that is in the journal already was committed although its answer was lost.
        let is_repeated = error.as_database_error().and_then(|e| e.constraint()) == Some(JOURNAL);
        match code.as_deref() {
            Some("40001" | "40P01") => Self::Contended(error),
            Some(_) if is_repeated => Self::Contended(error),
            // Class 08, 53, 57: connections, resources, an administrator's shutdown.
            Some(code)
                if ["08", "53", "57"]
                    .iter()
                    .any(|class| code.starts_with(class)) =>
            {
                Self::Unavailable(error)
            }
            Some(_) => Self::Refused(error),
            None => match error {
                sqlx::Error::ColumnNotFound(_)
                | sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::Decode(_)
                | sqlx::Error::Encode(_)
                | sqlx::Error::TypeNotFound { .. }
                | sqlx::Error::RowNotFound => Self::Refused(error),
                other => Self::Unavailable(other),
            },
        }
    }
}

/// What every session is told.
///
/// Each statement finds a few rows by their keys, whatever the tables' sizes: its plan is made once
/// and kept, since planning these statements costs more than running them, and just-in-time
/// compilation would cost more still. Timestamps inside JSON are written in the session's zone.
const SESSION: [(&str, &str); 5] = [
    ("TimeZone", "UTC"),
    ("plan_cache_mode", "force_generic_plan"),
    ("jit", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
];

/// Connects a pool. Connections are not tested before use: a broken one shows in the statement, and
/// every statement may be repeated.
pub async fn connect(url: &SecretString, max_connections: u32) -> Result<PgPool, StoreError> {
    let options: PgConnectOptions = url.expose_secret().parse()?;
    let options = options.statement_cache_capacity(256).options(SESSION);
    let pool = PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(Duration::from_secs(10))
        .test_before_acquire(false)
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// Applies the migrations.
pub async fn migrate(pool: &PgPool) -> Result<(), StoreError> {
    Ok(MIGRATIONS.run(pool).await?)
}

/// Refuses a database that lacks one of this program's migrations.
pub async fn check_migrated(pool: &PgPool) -> Result<(), StoreError> {
    let applied: Vec<i64> = sqlx::query_scalar(include_str!("sql/migrations_applied.sql"))
        .fetch_all(pool)
        .await
        .or_else(|e| {
            match e
                .as_database_error()
                .and_then(sqlx::error::DatabaseError::code)
                .as_deref()
            {
                Some("42P01") => Ok(Vec::new()),
                _ => Err(e),
            }
        })?;
    match MIGRATIONS.iter().find(|m| !applied.contains(&m.version)) {
        Some(missing) => Err(StoreError::Behind(missing.version)),
        None => Ok(()),
    }
}
