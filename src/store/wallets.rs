//! Wallets and linked bank accounts.

use super::StoreError;
use super::change::{Change, Statements, statements};
use crate::domain::wallet as wallet_rules;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{PgPool, Row as _};
use subjects::directory::{Person, ProfileType};
use subjects::ids::{
    DwollaCustomerId, DwollaFundingSourceId, FundingSourceId, ProfileId, WalletId,
};
use subjects::money::{Usd, UsdNumber};
use subjects::wallet::{
    BankAccount, BankExchanged, BankProcessed, FundingSource, FundingSourceStatus, Wallet,
    WalletState, WalletStatus,
};
use uuid::Uuid;

pub(super) static WALLET_PREPARE: Statements = statements!("wallet_prepare");
pub(super) static WALLET_APPLY: Statements = statements!("wallet_apply");
pub(super) static BANK_ITEM: Statements = statements!("bank_item");
pub(super) static BANK_ADD: Statements = statements!("bank_add");
pub(super) static BANK_HOLD: Statements = statements!("bank_hold");
pub(super) static BANK_STATUS: Statements = statements!("bank_status");
pub(super) static ITEM_NEEDS_LOGIN: Statements = statements!("item_needs_login");

/// Gives a profile its wallet's row, once. Refuses a profile that is unknown (`profile_unknown`),
/// may not have one, or whose identity is not verified.
pub fn prepare(profile: ProfileId) -> Change<WalletState> {
    let input = json!({ "profile_id": profile });
    Change::new(&WALLET_PREPARE, input, vec![format!("profile:{profile}")])
}

/// What Dwolla says of a wallet's customer.
#[derive(Debug, Clone)]
pub struct CustomerSeen {
    /// The customer.
    pub customer: Option<DwollaCustomerId>,
    /// Its balance, once it is verified.
    pub balance: Option<DwollaFundingSourceId>,
    /// What its status means for the wallet.
    pub status: WalletStatus,
    /// Whether the one retry with the full SSN is used up now.
    pub retried: bool,
}

/// Brings a wallet to what Dwolla says, forward only.
pub fn apply(wallet: WalletId, seen: &CustomerSeen) -> Change<WalletState> {
    let input = json!({
        "wallet_id": wallet, "customer_id": seen.customer, "balance_id": seen.balance,
        "status": seen.status, "from": wallet_rules::sources_of(seen.status),
        "retried": seen.retried,
    });
    Change::new(&WALLET_APPLY, input, vec![format!("wallet:{wallet}")])
}

/// Keeps an exchanged login. `access_token` is base64 of the sealed token.
pub fn keep_item(
    profile: ProfileId,
    handle: Uuid,
    item_id: &str,
    access_token: &str,
    accounts: &[BankAccount],
) -> Change<BankExchanged> {
    let input = json!({
        "handle": handle, "profile_id": profile, "item_id": item_id,
        "access_token": access_token, "accounts": accounts,
    });
    Change::new(&BANK_ITEM, input, vec![format!("item:{item_id}")])
}

/// A bank account to link.
#[derive(Debug, Clone)]
pub struct NewBank {
    /// The wallet.
    pub wallet: WalletId,
    /// Dwolla's funding source.
    pub dwolla: DwollaFundingSourceId,
    /// The login that it came from.
    pub item: i64,
    /// The handle that the browser holds.
    pub token: String,
    /// `checking` or `savings`.
    pub kind: String,
    /// The bank.
    pub bank_name: String,
    /// The name to show.
    pub name: String,
    /// The digits to show.
    pub last4: String,
    /// Whether it can be used.
    pub status: FundingSourceStatus,
}

/// Links a bank account to a wallet.
pub fn add_bank(bank: &NewBank) -> Change<BankProcessed> {
    let input = json!({
        "wallet_id": bank.wallet, "dwolla_id": bank.dwolla, "plaid_item_id": bank.item,
        "token": bank.token, "type": bank.kind, "bank_name": bank.bank_name,
        "name": bank.name, "last4": bank.last4, "status": bank.status,
    });
    Change::new(&BANK_ADD, input, vec![format!("wallet:{}", bank.wallet)])
}

/// A bank account that was taken out of use, with what its removal needs.
#[derive(Debug, Clone, serde::Serialize, Deserialize)]
pub struct HeldBank {
    /// The row.
    pub id: FundingSourceId,
    /// Dwolla's funding source.
    pub dwolla_id: DwollaFundingSourceId,
    /// The login that it came from.
    pub plaid_item_id: Option<i64>,
    /// Whether the login has no other account in use.
    pub last_of_item: bool,
}

/// Takes a bank account out of use; refuses one that a pending movement uses (`bank_in_use`).
pub fn hold_bank(profile: ProfileId, bank: FundingSourceId) -> Change<HeldBank> {
    let input = json!({ "profile_id": profile, "funding_source_id": bank });
    Change::new(&BANK_HOLD, input, vec![format!("bank:{bank}")])
}

/// Brings a bank account to what Dwolla says of it; the operation gives `answer`.
pub fn bank_status<T: serde::Serialize + serde::de::DeserializeOwned>(
    bank: &DwollaFundingSourceId,
    status: FundingSourceStatus,
    item_removed: Option<i64>,
    answer: &T,
) -> Change<T> {
    let input = json!({
        "dwolla_id": bank, "status": status, "item_removed": item_removed, "answer": answer,
    });
    Change::new(&BANK_STATUS, input, vec![format!("dwolla:{bank}")])
}

/// Notes whether a linked login has to be renewed by its owner.
pub fn item_needs_login<T: serde::de::DeserializeOwned>(item: &str, needs: bool) -> Change<T> {
    let input = json!({ "item_id": item, "needs_login": needs });
    Change::new(&ITEM_NEEDS_LOGIN, input, vec![format!("item:{item}")])
}

/// The wallet of a profile, if it has one.
pub async fn detail(pool: &PgPool, profile: ProfileId) -> Result<Option<Wallet>, StoreError> {
    let row = sqlx::query(include_str!("sql/wallet_detail.sql")).bind(profile.0);
    let Some(row) = row.fetch_optional(pool).await? else {
        return Ok(None);
    };
    let status: String = row.try_get("status")?;
    let (balance, incoming, outgoing) = (
        dollars(&row, "balance")?,
        dollars(&row, "inc_balance")?,
        dollars(&row, "out_balance")?,
    );
    let Json(funding_source): Json<Vec<FundingSource>> = row.try_get("funding_source")?;
    Ok(Some(Wallet {
        id: WalletId(row.try_get("id")?),
        status: wallet_status(&status)?.outward(),
        balance: UsdNumber(balance),
        incoming: UsdNumber(incoming),
        outgoing: UsdNumber(outgoing),
        inc_balance: UsdNumber(incoming),
        out_balance: UsdNumber(outgoing),
        funding_source,
    }))
}

pub(super) fn dollars(
    row: &sqlx::postgres::PgRow,
    column: &'static str,
) -> Result<Usd, StoreError> {
    let value: rust_decimal::Decimal = row.try_get(column)?;
    Usd::new(value).map_err(|e| StoreError::Corrupt {
        table: "wallets",
        column,
        row: String::new(),
        found: e.to_string(),
        expected: "an amount with two decimals",
    })
}

pub(super) fn wallet_status(text: &str) -> Result<WalletStatus, StoreError> {
    WalletStatus::parse(text).ok_or_else(|| StoreError::Corrupt {
        table: "wallets",
        column: "status",
        row: String::new(),
        found: text.to_owned(),
        expected: "a wallet status",
    })
}

/// A wallet with what its customer at Dwolla is made from.
#[derive(Debug, Clone)]
pub struct WalletCustomer {
    /// The wallet.
    pub wallet: WalletId,
    /// How far it is verified.
    pub status: WalletStatus,
    /// Its customer at Dwolla.
    pub customer: Option<DwollaCustomerId>,
    /// Its balance at Dwolla.
    pub balance: Option<DwollaFundingSourceId>,
    /// Whether the one retry is used up.
    pub retried: bool,
    /// The profile.
    pub profile: ProfileId,
    /// The kind of persona.
    pub kind: ProfileType,
    /// The person, without the SSN.
    pub person: Person,
    /// The SSN, sealed.
    pub sealed_ssn: Option<Vec<u8>>,
    /// How many digits of it are known.
    pub ssn_digits: i32,
    /// The address of the login.
    pub email: String,
}

/// A wallet with what its customer is made from.
pub async fn customer(pool: &PgPool, id: WalletId) -> Result<Option<WalletCustomer>, StoreError> {
    let row = sqlx::query(include_str!("sql/wallet_customer.sql")).bind(id.0);
    let Some(row) = row.fetch_optional(pool).await? else {
        return Ok(None);
    };
    let status: String = row.try_get("status")?;
    let kind: String = row.try_get("type")?;
    let Json(person): Json<Person> = row.try_get("person")?;
    let text = |column| row.try_get::<Option<String>, _>(column);
    Ok(Some(WalletCustomer {
        wallet: WalletId(row.try_get("id")?),
        status: wallet_status(&status)?,
        customer: text("dwolla_customer_id")?.map(|id| DwollaCustomerId::new(&id)),
        balance: text("dwolla_balance_id")?.map(|id| DwollaFundingSourceId::new(&id)),
        retried: row.try_get("retried")?,
        profile: ProfileId(row.try_get("profile_id")?),
        kind: serde_json::from_value(Value::String(kind.clone())).map_err(|_| {
            StoreError::Corrupt {
                table: "profiles",
                column: "type",
                row: id.to_string(),
                found: kind,
                expected: "a profile type",
            }
        })?,
        person,
        sealed_ssn: row.try_get("ssn")?,
        ssn_digits: row.try_get::<Option<i32>, _>("ssn_digits")?.unwrap_or(0),
        email: row.try_get("email")?,
    }))
}

/// The wallet of a customer at Dwolla, by the customer's id or by the id that our correlation names.
pub async fn by_customer(
    pool: &PgPool,
    customer: &DwollaCustomerId,
    correlated: Option<WalletId>,
) -> Result<Option<WalletId>, StoreError> {
    let id: Option<i64> = sqlx::query_scalar(include_str!("sql/wallet_by.sql"))
        .bind(customer.as_str())
        .bind(correlated.map(|id| id.0))
        .fetch_optional(pool)
        .await?;
    Ok(id.map(WalletId))
}

/// A linked login, with the wallet that its accounts go to.
#[derive(Debug, Clone)]
pub struct Item {
    /// The row.
    pub id: i64,
    /// The access token, sealed.
    pub access_token: Vec<u8>,
    /// Its accounts.
    pub accounts: Vec<BankAccount>,
    /// Whether access was given back.
    pub removed: bool,
    /// The wallet, its status, and its customer.
    pub wallet: Option<(WalletId, WalletStatus, Option<DwollaCustomerId>)>,
}

/// The login behind a handle, if it is this profile's.
pub async fn item(
    pool: &PgPool,
    handle: Uuid,
    profile: ProfileId,
) -> Result<Option<Item>, StoreError> {
    let row = sqlx::query(include_str!("sql/item_by_handle.sql"))
        .bind(handle)
        .bind(profile.0);
    let Some(row) = row.fetch_optional(pool).await? else {
        return Ok(None);
    };
    let wallet: Option<i64> = row.try_get("wallet_id")?;
    let status: Option<String> = row.try_get("wallet_status")?;
    let customer: Option<String> = row.try_get("dwolla_customer_id")?;
    let Json(accounts): Json<Vec<BankAccount>> = row.try_get("accounts")?;
    let wallet = match (wallet, status) {
        (Some(id), Some(status)) => {
            let customer = customer.map(|id| DwollaCustomerId::new(&id));
            Some((WalletId(id), wallet_status(&status)?, customer))
        }
        _ => None,
    };
    Ok(Some(Item {
        id: row.try_get("id")?,
        access_token: row.try_get("access_token")?,
        accounts,
        removed: row.try_get("removed")?,
        wallet,
    }))
}

/// Plaid's id of a login, and its access token, sealed.
pub async fn login(pool: &PgPool, item: i64) -> Result<Option<(String, Vec<u8>)>, StoreError> {
    let login = sqlx::query_as(include_str!("sql/item_token.sql")).bind(item);
    Ok(login.fetch_optional(pool).await?)
}
