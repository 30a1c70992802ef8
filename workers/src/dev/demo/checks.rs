//! The claims of the story, each held against the database and the partners' ledger.

use super::rows;
use super::stage::Stage;
use super::story::{Good, SSN};
use super::trouble::{Bad, transfers};
use crate::cli::Failure;
use sandbox::{CallQuery, Effect, LedgerQuery, Partner};
use uuid::Uuid;

/// A claim with what it expects and what was found.
pub(super) struct Check {
    pub(super) claim: &'static str,
    pub(super) expected: String,
    pub(super) found: String,
}

impl Check {
    fn new(claim: &'static str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            claim,
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// Whether it holds.
    pub(super) fn passes(&self) -> bool {
        self.expected == self.found
    }
}

/// Every claim.
pub(super) async fn all(stage: &Stage, good: &Good, bad: &Bad) -> Result<Vec<Check>, Failure> {
    let mut checks = people(stage, good, bad).await?;
    checks.extend(money(stage, good, bad).await?);
    checks.extend(letters(stage, bad).await?);
    checks.extend(books(stage, good).await?);
    checks.extend(promises(stage).await?);
    Ok(checks)
}

async fn people(stage: &Stage, good: &Good, bad: &Bad) -> Result<Vec<Check>, Failure> {
    let mut checks = Vec::new();
    for (claim, person) in [
        (
            "Nora's wallet is verified, with one customer at Dwolla",
            &good.nora,
        ),
        (
            "Omar's wallet is verified, with one customer at Dwolla",
            &bad.omar,
        ),
    ] {
        let (customer, _, _, status) = rows::books(&stage.db, person.profile).await?;
        let query = LedgerQuery {
            kind: Some("customer.created".to_owned()),
            id: customer,
            ..LedgerQuery::default()
        };
        let customers = stage.partners().ledger(&query).len();
        checks.push(Check::new(
            claim,
            "verified, customers: 1",
            format!("{status}, customers: {customers}"),
        ));
    }
    let rows = rows::count(&stage.db, rows::VERIFIED_BANKS).await?;
    let sources = effects(stage, "funding_source.created");
    let items = effects(stage, "item.exchanged");
    checks.push(Check::new(
        "Nora's bank account is linked once",
        "rows: 1, funding sources: 1, items: 1",
        format!("rows: {rows}, funding sources: {sources}, items: {items}"),
    ));
    Ok(checks)
}

async fn money(stage: &Stage, good: &Good, bad: &Bad) -> Result<Vec<Check>, Failure> {
    let mut checks = Vec::new();
    for (claim, operation, amount) in [
        ("The deposit is one transfer", good.deposit, "500.00"),
        ("The withdrawal is one transfer", good.withdrawal, "120.00"),
        (
            "The killed worker's withdrawal is one transfer",
            bad.killed,
            "80.00",
        ),
        (
            "The request that came twice is one transfer",
            bad.first,
            "25.00",
        ),
    ] {
        let row = rows::movement(&stage.db, operation).await?;
        let (status, found) = row.map_or_else(Default::default, |row| (row.status, row.amount));
        let made = transfers(stage, operation).len();
        checks.push(Check::new(
            claim,
            format!("{amount} processed, transfers: 1"),
            format!("{found} {status}, transfers: {made}"),
        ));
    }
    checks.push(taken_up_again(stage, bad.killed).await?);
    checks.push(Check::new(
        "Both answers name one operation, another body is refused",
        format!("{}, 409", bad.first),
        format!("{}, {}", bad.second, bad.other_body),
    ));
    Ok(checks)
}

/// The killed worker's operation had a second attempt, and that attempt sent nothing.
async fn taken_up_again(stage: &Stage, operation: Uuid) -> Result<Check, Failure> {
    let attempts = rows::attempts(&stage.db, operation).await?;
    let posts = CallQuery {
        partner: Some(Partner::Dwolla),
        method: Some("POST".to_owned()),
        path: Some("/transfers".to_owned()),
    };
    let made = transfers(stage, operation);
    let key = made
        .first()
        .and_then(|made| made.idempotency_key.as_deref());
    let calls = stage.partners().calls(&posts);
    let calls = calls
        .iter()
        .filter(|call| call.idempotency_key.as_deref() == key);
    let again = if attempts > 1 {
        "taken up again"
    } else {
        "not taken up again"
    };
    Ok(Check::new(
        "It was found again, not asked for again",
        "taken up again, calls: 1",
        format!("{again}, calls: {}", calls.count()),
    ))
}

async fn letters(stage: &Stage, bad: &Bad) -> Result<Vec<Check>, Failure> {
    let row = rows::letter(&stage.db, "wallet_create").await?;
    let now = row.filter(|row| row.id == bad.letter).map(|row| row.state);
    let audits = rows::count(&stage.db, rows::REPLAY_AUDITS).await?;
    let open = rows::count(&stage.db, rows::OPEN_LETTERS).await?;
    let (class, now) = (&bad.class, now.unwrap_or_default());
    Ok(vec![
        Check::new(
            "Dwolla's refusal was a dead letter, and was replayed",
            "rejected, then replayed, audit rows: 1",
            format!("{class}, then {now}, audit rows: {audits}"),
        ),
        Check::new(
            "No dead letter is left open",
            "0 open",
            format!("{open} open"),
        ),
    ])
}

async fn books(stage: &Stage, good: &Good) -> Result<Vec<Check>, Failure> {
    let (_, balance, ours, _) = rows::books(&stage.db, good.nora.profile).await?;
    let theirs = match balance {
        Some(id) => stage.stack.balance(&id).await?,
        None => "no balance at Dwolla".to_owned(),
    };
    let off = rows::count(&stage.db, rows::UNBALANCED).await?;
    let rows = rows::references(&stage.db).await?;
    Ok(vec![
        Check::new(
            "Nora's balance is 325.00, in our books and at Dwolla",
            "325.00 and 325.00",
            format!("{ours} and {theirs}"),
        ),
        Check::new(
            "Every wallet is the sum of its postings",
            "0 differ",
            format!("{off} differ"),
        ),
        Check::new(
            "Every transfer at Dwolla has one row, every row one transfer",
            tails(&rows),
            tails(&made_transfers(stage)),
        ),
    ])
}

/// The references of all transfers at Dwolla, in order; one that was used twice is there twice.
fn made_transfers(stage: &Stage) -> Vec<String> {
    let query = LedgerQuery {
        kind: Some("transfer.created".to_owned()),
        ..LedgerQuery::default()
    };
    let made = stage.partners().ledger(&query).into_iter();
    let reference = |made: Effect| made.correlation_id.map(|id| id.to_string());
    let mut references: Vec<String> = made
        .map(|made| reference(made).unwrap_or_default())
        .collect();
    references.sort();
    references
}

/// References by their last digits.
fn tails(references: &[String]) -> String {
    let tail = |reference: &String| reference.get(32..).unwrap_or("foreign").to_owned();
    references.iter().map(tail).collect::<Vec<_>>().join(", ")
}

async fn promises(stage: &Stage) -> Result<Vec<Check>, Failure> {
    let open = rows::unfinished(&stage.db).await?;
    let queued = stage.queued().await?;
    let committed = rows::count(&stage.db, rows::EVENTS).await?;
    let published = stage.stored("EVENTS").await?;
    let clear = rows::in_clear(&stage.db, SSN).await?;
    Ok(vec![
        Check::new(
            "Whatever was accepted has ended",
            "0 open, 0 queued",
            format!("{open} open, {queued} queued"),
        ),
        Check::new(
            "Every committed event is on the wire, once",
            format!("{committed} committed, {committed} published"),
            format!("{committed} committed, {published} published"),
        ),
        Check::new(
            "Nora's SSN is in no row in clear",
            "0 rows",
            format!("{clear} rows"),
        ),
    ])
}

fn effects(stage: &Stage, kind: &str) -> usize {
    let query = LedgerQuery {
        kind: Some(kind.to_owned()),
        ..LedgerQuery::default()
    };
    stage.partners().ledger(&query).len()
}
