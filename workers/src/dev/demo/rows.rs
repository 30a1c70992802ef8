//! What the demo reads from the database: the truth that the story is held against.
//!
//! The only SQL outside the store. It looks on from outside, as an auditor would, and changes
//! nothing; the store's own reads are what is being checked.

use crate::cli::Failure;
use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

/// Linked bank accounts.
pub(super) const VERIFIED_BANKS: &str =
    "select count(*) from funding_sources where status = 'verified'";
/// What this demo's operator noted about replays.
pub(super) const REPLAY_AUDITS: &str =
    "select count(*) from audit where action = 'replay' and actor = 'demo'";
/// Dead letters that nobody has seen to.
pub(super) const OPEN_LETTERS: &str = "select count(*) from dead_letters where state = 'open'";
/// Committed events.
pub(super) const EVENTS: &str = "select count(*) from outbox where kind = 'event'";
/// Wallets whose amounts are not the sums of their postings.
pub(super) const UNBALANCED: &str = "
    select count(*) from wallets w
    left join (select wallet, sum(balance) as b, sum(incoming) as i, sum(outgoing) as o
               from postings group by wallet) p on p.wallet = w.id
    where (w.balance, w.inc_balance, w.out_balance)
       is distinct from (coalesce(p.b, 0), coalesce(p.i, 0), coalesce(p.o, 0))";

/// An operation as its row and its journal show it.
#[derive(Debug, FromRow)]
pub(super) struct OperationRow {
    pub(super) id: Uuid,
    pub(super) service: String,
    pub(super) topic: String,
    pub(super) state: String,
    pub(super) attempt: i32,
    /// A webhook's event type.
    pub(super) event_type: Option<String>,
    /// `(name, kind, state)` of steps and effects, oldest first.
    pub(super) journal: Json<Vec<(String, String, String)>>,
}

/// A movement of money.
#[derive(Debug, FromRow)]
pub(super) struct MovementRow {
    pub(super) id: i64,
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) amount: String,
    pub(super) transfer: Option<String>,
}

/// A dead letter.
#[derive(Debug, FromRow)]
pub(super) struct LetterRow {
    pub(super) id: Uuid,
    pub(super) class: String,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) state: String,
}

/// The database's time.
pub(super) async fn now(db: &PgPool) -> Result<DateTime<Utc>, Failure> {
    Ok(sqlx::query_scalar("select clock_timestamp()")
        .fetch_one(db)
        .await?)
}

/// How many operations and outbox rows are not done with.
pub(super) async fn unfinished(db: &PgPool) -> Result<i64, Failure> {
    let sql = "select (select count(*) from operations where state in ('running', 'waiting'))
                    + (select count(*) from outbox where sent_at is null)";
    Ok(sqlx::query_scalar(sql).fetch_one(db).await?)
}

/// The operations that were touched since then, oldest first.
pub(super) async fn operations(
    db: &PgPool,
    since: DateTime<Utc>,
) -> Result<Vec<OperationRow>, Failure> {
    let sql = "select o.id, o.service, o.topic, o.state, o.attempt,
                      case when o.topic = 'dwolla'
                           then convert_from(o.payload, 'UTF8')::jsonb ->> 'event_type' end as event_type,
                      coalesce((select jsonb_agg(jsonb_build_array(j.name, j.kind, j.state) order by j.first_at)
                                from journal j where j.operation = o.id), '[]') as journal
               from operations o where o.updated_at >= $1 order by o.created_at";
    Ok(sqlx::query_as(sql).bind(since).fetch_all(db).await?)
}

/// The subjects of the events that were committed since then, those of webhooks left out.
pub(super) async fn events(db: &PgPool, since: DateTime<Utc>) -> Result<Vec<String>, Failure> {
    let sql = "select subject from outbox
               where kind = 'event' and created_at >= $1 and subject not like 'events.wallet.dwolla.%'
               order by id";
    Ok(sqlx::query_scalar(sql).bind(since).fetch_all(db).await?)
}

/// The users and profiles of a person, in words.
pub(super) async fn person(db: &PgPool, profile: i64) -> Result<String, Failure> {
    let sql = "select format('users %s: version %s · profiles %s: version %s, kyc %s, SSN %s bytes, sealed',
                             u.id, u.version, p.id, p.version, p.kyc_status, length(p.ssn))
               from profiles p join users u on u.id = p.user_id where p.id = $1";
    Ok(sqlx::query_scalar(sql).bind(profile).fetch_one(db).await?)
}

/// The wallet of a profile, in words.
pub(super) async fn wallet(db: &PgPool, profile: i64) -> Result<String, Failure> {
    let sql =
        "select format('wallets %s: %s, balance %s, incoming %s, customer %s', id, status, balance,
                             inc_balance, coalesce('…' || right(dwolla_customer_id, 8), 'none'))
               from wallets where owner_kind = 'profile' and owner_id = $1";
    Ok(sqlx::query_scalar(sql).bind(profile).fetch_one(db).await?)
}

/// The bank account of a wallet, in words.
pub(super) async fn bank(db: &PgPool, id: i64) -> Result<String, Failure> {
    let sql =
        "select format('funding_sources %s: %s %s, %s, source …%s', id, bank_name, type, status,
                             right(dwolla_id, 8))
               from funding_sources where id = $1";
    Ok(sqlx::query_scalar(sql).bind(id).fetch_one(db).await?)
}

/// The movement that an operation made.
pub(super) async fn movement(db: &PgPool, operation: Uuid) -> Result<Option<MovementRow>, Failure> {
    let sql = "select id, type as kind, status, amount::text as amount, dwolla_id as transfer
               from transactions where operation = $1";
    Ok(sqlx::query_as(sql)
        .bind(operation)
        .fetch_optional(db)
        .await?)
}

/// The references that the movements' transfers must carry, in order.
pub(super) async fn references(db: &PgPool) -> Result<Vec<String>, Failure> {
    let sql = "select 'txn-' || operation from transactions where dwolla_id is not null";
    let mut references: Vec<String> = sqlx::query_scalar(sql).fetch_all(db).await?;
    references.sort();
    Ok(references)
}

/// How often an operation was attempted.
pub(super) async fn attempts(db: &PgPool, operation: Uuid) -> Result<i32, Failure> {
    let sql = "select attempt from operations where id = $1";
    Ok(sqlx::query_scalar(sql)
        .bind(operation)
        .fetch_one(db)
        .await?)
}

/// The state of an operation's effect in its journal.
pub(super) async fn effect(db: &PgPool, operation: Uuid, name: &str) -> Result<String, Failure> {
    let sql = "select state from journal where operation = $1 and name = $2";
    Ok(sqlx::query_scalar(sql)
        .bind(operation)
        .bind(name)
        .fetch_one(db)
        .await?)
}

/// The newest dead letter of a topic.
pub(super) async fn letter(db: &PgPool, topic: &str) -> Result<Option<LetterRow>, Failure> {
    let sql = "select id, class, code, message, state from dead_letters
               where topic = $1 order by created_at desc limit 1";
    Ok(sqlx::query_as(sql).bind(topic).fetch_optional(db).await?)
}

/// A number that a claim speaks of.
pub(super) async fn count(db: &PgPool, sql: &'static str) -> Result<i64, Failure> {
    Ok(sqlx::query_scalar(sql).fetch_one(db).await?)
}

/// How many rows hold this text in clear: payloads, journal, outbox, dead letters, people.
pub(super) async fn in_clear(db: &PgPool, text: &str) -> Result<i64, Failure> {
    let sql = "select (select count(*) from operations o
                       where position(convert_to($1, 'UTF8') in o.payload) > 0 or position($1 in (to_jsonb(o) - 'payload')::text) > 0)
                    + (select count(*) from journal j where position($1 in to_jsonb(j)::text) > 0)
                    + (select count(*) from outbox b where position($1 in b.payload::text) > 0)
                    + (select count(*) from dead_letters d
                       where position(convert_to($1, 'UTF8') in d.body) > 0 or position($1 in (to_jsonb(d) - 'body')::text) > 0)
                    + (select count(*) from profiles p
                       where position(convert_to($1, 'UTF8') in p.ssn) > 0 or position($1 in (to_jsonb(p) - 'ssn')::text) > 0)";
    Ok(sqlx::query_scalar(sql).bind(text).fetch_one(db).await?)
}

/// The customer and the balance of a profile's wallet at Dwolla, and the balance in our books.
pub(super) async fn books(
    db: &PgPool,
    profile: i64,
) -> Result<(Option<String>, Option<String>, String, String), Failure> {
    let sql = "select dwolla_customer_id, dwolla_balance_id, balance::text, status
               from wallets where owner_kind = 'profile' and owner_id = $1";
    Ok(sqlx::query_as(sql).bind(profile).fetch_one(db).await?)
}
