//! Movements of money: how they begin, how they go on, how they are read.

use super::StoreError;
use super::change::{Change, Statements, statements};
use super::wallets::{dollars, wallet_status};
use crate::domain::ledger;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{PgPool, Row as _};
use subjects::ids::{
    DwollaCustomerId, DwollaFundingSourceId, DwollaTransferId, FundingSourceId, InvestmentId,
    OperationId, TransactionId, WalletId,
};
use subjects::money::Usd;
use subjects::wallet::{
    Transaction, TransactionStatus, TransactionType, Transactions, WalletStatus,
};

pub(super) static RESERVE: Statements = statements!("reserve");
pub(super) static POST: Statements = statements!("post");

/// A movement to begin.
#[derive(Debug, Clone)]
pub struct NewMovement {
    /// What it is for, and how that begins.
    pub begins: &'static ledger::Beginning,
    /// Dollars.
    pub amount: Usd,
    /// The wallet of the person who asks: the source, or a deposit's destination.
    pub wallet: WalletId,
    /// The bank account on the other side, of a deposit or a withdrawal.
    pub bank: Option<FundingSourceId>,
    /// The wallet on the other side, of an investment.
    pub other_wallet: Option<WalletId>,
    /// The investment that it pays.
    pub investment: Option<InvestmentId>,
    /// The largest transfer that Dwolla's agreement allows.
    pub transfer_limit: Usd,
}

/// A movement that has begun, with what its transfer needs.
#[derive(Debug, Clone, serde::Serialize, Deserialize)]
pub struct Begun {
    /// What its caller may see.
    pub answer: Transaction,
    /// The row.
    pub id: TransactionId,
    /// The customer whose wallet it is, in whose list the transfer is found again.
    pub customer: DwollaCustomerId,
    /// Where the money is taken.
    pub source: DwollaFundingSourceId,
    /// Where it goes.
    pub destination: DwollaFundingSourceId,
}

/// Begins a movement: refuses what may not be (`insufficient_funds`, `wallet_not_verified`,
/// `wallet_frozen`, `above_transfer_limit`, `already_reserved`, an unlinked or unverified bank
/// account).
pub fn reserve(movement: &NewMovement) -> Change<Begun> {
    let begin = movement.begins;
    let input = json!({
        "type": begin.kind, "status": begin.status, "amount": movement.amount,
        "wallet_id": movement.wallet, "funding_source_id": movement.bank,
        "other_wallet_id": movement.other_wallet, "investment_id": movement.investment,
        "transfer_limit": movement.transfer_limit, "needs_funds": begin.needs_funds,
        "source": effect(begin.source), "dest": effect(begin.dest),
    });
    Change::new(&RESERVE, input, vec![format!("wallet:{}", movement.wallet)])
}

/// What became of a report.
#[derive(Debug, Clone, serde::Serialize, Deserialize)]
pub struct Posted {
    /// Whether it moved.
    pub applied: bool,
    /// The movement as it is now, or what the report asked to be answered.
    pub answer: Value,
}

/// A report of where a movement stands.
#[derive(Debug, Clone)]
pub struct Report {
    /// Which movement.
    pub movement: TransactionId,
    /// Where it stands now.
    pub to: TransactionStatus,
    /// Dwolla's transfer, if the report tells it.
    pub transfer: Option<DwollaTransferId>,
    /// Why it failed: the bank's code and words.
    pub failure: Option<(String, String)>,
    /// What to answer in place of the movement.
    pub answer: Option<Value>,
}

impl Report {
    /// A report that tells nothing but the status.
    pub fn new(movement: TransactionId, to: TransactionStatus) -> Self {
        Self {
            movement,
            to,
            transfer: None,
            failure: None,
            answer: None,
        }
    }
}

/// Moves a movement forward by the ledger's table; a report that does not fit changes nothing.
///
/// Movements are named by their row alone: two reports about one movement, of whatever origin, must
/// never meet in one statement, where one of them would be lost.
pub fn post(report: &Report) -> Change<Posted> {
    let (code, reason) = report.failure.clone().unzip();
    let input = json!({
        "rules": rules(report.to), "transaction_id": report.movement, "transfer_id": report.transfer,
        "to": report.to, "failure_code": code, "failure_reason": reason, "answer": report.answer,
    });
    let touched = format!("transaction:{}", report.movement);
    Change::new(&POST, input, vec![touched])
}

/// The part of the ledger's table that leads to a status, as the statement reads it.
fn rules(to: TransactionStatus) -> Value {
    let leads = ledger::TRANSITIONS.iter().filter(|t| t.to == to);
    let rule = |t: &ledger::Transition| {
        json!({
            "kind": t.kind, "from": t.from, "to": t.to, "source": effect(t.source),
            "dest": effect(t.dest), "reversal": t.reversal,
        })
    };
    Value::Array(leads.map(rule).collect())
}

fn effect(effect: ledger::Effect) -> Value {
    json!({ "balance": effect.balance, "incoming": effect.incoming, "outgoing": effect.outgoing })
}

/// The movements of a wallet, newest first, at most 200.
pub async fn transactions(pool: &PgPool, wallet: WalletId) -> Result<Transactions, StoreError> {
    let answers: Vec<Json<Transaction>> =
        sqlx::query_scalar(include_str!("sql/transaction_list.sql"))
            .bind(wallet.0)
            .fetch_all(pool)
            .await?;
    Ok(Transactions {
        items: answers.into_iter().map(|Json(answer)| answer).collect(),
    })
}

/// A movement with what a call about its transfer needs.
#[derive(Debug, Clone)]
pub struct MovementRow {
    /// The row.
    pub id: TransactionId,
    /// The operation that made it.
    pub operation: OperationId,
    /// What it is for.
    pub kind: TransactionType,
    /// Where it stands.
    pub status: TransactionStatus,
    /// Dollars.
    pub amount: Usd,
    /// Dwolla's transfer.
    pub transfer: Option<DwollaTransferId>,
    /// The wallets on its sides.
    pub wallets: Vec<WalletId>,
    /// The customer whose wallet the money leaves.
    pub source_customer: Option<DwollaCustomerId>,
    /// How far the wallet that it leaves is verified.
    pub source_status: Option<WalletStatus>,
    /// Whether that wallet is frozen.
    pub source_frozen: bool,
    /// How far the wallet that it reaches is verified.
    pub dest_status: Option<WalletStatus>,
    /// The balance that it leaves.
    pub source_balance: Option<DwollaFundingSourceId>,
    /// The balance that it reaches.
    pub dest_balance: Option<DwollaFundingSourceId>,
    /// What its caller may see.
    pub answer: Transaction,
}

/// A movement.
pub async fn movement(pool: &PgPool, id: TransactionId) -> Result<Option<MovementRow>, StoreError> {
    look_up(pool, Some(id), None, None).await
}

/// The movement that a transfer at Dwolla carries out. `origin` is the operation that the transfer's
/// correlation id names, if it is one of ours: the transfer may be told of before its id was stored.
pub async fn movement_of(
    pool: &PgPool,
    transfer: &DwollaTransferId,
    origin: Option<OperationId>,
) -> Result<Option<MovementRow>, StoreError> {
    look_up(pool, None, Some(transfer), origin).await
}

async fn look_up(
    pool: &PgPool,
    id: Option<TransactionId>,
    transfer: Option<&DwollaTransferId>,
    origin: Option<OperationId>,
) -> Result<Option<MovementRow>, StoreError> {
    let row = sqlx::query(include_str!("sql/movement.sql"))
        .bind(id.map(|id| id.0))
        .bind(transfer.map(DwollaTransferId::as_str))
        .bind(origin)
        .fetch_optional(pool)
        .await?;
    row.map(|row| read(&row)).transpose()
}

fn read(row: &sqlx::postgres::PgRow) -> Result<MovementRow, StoreError> {
    let id: i64 = row.try_get("id")?;
    let text = |column| row.try_get::<Option<String>, _>(column);
    let wallets = [
        row.try_get::<Option<i64>, _>("source_wallet_id")?,
        row.try_get("dest_wallet_id")?,
    ];
    let (kind, status): (String, String) = (row.try_get("type")?, row.try_get("status")?);
    let corrupt = |column, found: &str| StoreError::Corrupt {
        table: "transactions",
        column,
        row: id.to_string(),
        found: found.to_owned(),
        expected: "a value of the check constraint",
    };
    let wallet = |column| {
        let status = text(column)?;
        status.map(|text| wallet_status(&text)).transpose()
    };
    let Json(answer): Json<Transaction> = row.try_get("answer")?;
    Ok(MovementRow {
        id: TransactionId(id),
        operation: row.try_get("operation")?,
        kind: TransactionType::parse(&kind).ok_or_else(|| corrupt("type", &kind))?,
        status: TransactionStatus::parse(&status).ok_or_else(|| corrupt("status", &status))?,
        amount: dollars(row, "amount")?,
        transfer: text("dwolla_id")?.map(|id| DwollaTransferId::new(&id)),
        wallets: wallets.into_iter().flatten().map(WalletId).collect(),
        source_customer: text("source_customer")?.map(|id| DwollaCustomerId::new(&id)),
        source_status: wallet("source_status")?,
        source_frozen: row.try_get("source_frozen")?,
        dest_status: wallet("dest_status")?,
        source_balance: text("source_balance")?.map(|id| DwollaFundingSourceId::new(&id)),
        dest_balance: text("dest_balance")?.map(|id| DwollaFundingSourceId::new(&id)),
        answer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_reports_about_one_movement_never_share_a_statement() {
        let ours = Report::new(TransactionId(7), TransactionStatus::Pending);
        let told = Report {
            transfer: Some(DwollaTransferId::new("a1")),
            ..Report::new(TransactionId(7), TransactionStatus::Processed)
        };
        assert_eq!(post(&ours).touches, post(&told).touches);
        let other = Report::new(TransactionId(8), TransactionStatus::Pending);
        assert_ne!(post(&ours).touches, post(&other).touches);
    }
}
