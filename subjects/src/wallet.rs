//! The wallet service: dollar wallets at Dwolla, linked bank accounts, transfers.
//!
//! Field names on the wire are the front end's, its spellings included
//! (`pending_outcoming_balance`); Rust names are ours. Stored statuses are richer than what the
//! front end can show, so answers carry the [`outward`](TransactionStatus::outward) ones.

use crate::envelope::Webhook;
use crate::ids::{FundingSourceId, InvestmentId, ProfileId, TransactionId, WalletId};
use crate::money::{Amount, Usd, UsdNumber};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A status that is stored and sent as its `snake_case` name.
macro_rules! statuses {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stored text.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The value with that text.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }
    };
}

statuses! {
    /// How far a wallet's customer is verified at Dwolla. Only `verified` moves money.
    WalletStatus {
        /// Our row exists; Dwolla has not answered yet.
        Pending = "pending",
        /// Dwolla has the customer and has not decided.
        Created = "created",
        /// Verified: the balance exists and money may move.
        Verified = "verified",
        /// Dwolla refused to create the customer, or deactivated it.
        Error = "error",
        /// Dwolla wants the data once more, with the full SSN; one attempt only.
        ErrorRetry = "error_retry",
        /// Dwolla wants a document.
        ErrorDocument = "error_document",
        /// New data or a document is being reviewed.
        ErrorPending = "error_pending",
        /// Suspended: only Dwolla's support can lift it.
        ErrorSuspended = "error_suspended",
    }
}

impl WalletStatus {
    /// The spelling that the front end knows: it has no `pending`.
    #[must_use]
    pub fn outward(self) -> Self {
        match self {
            Self::Pending => Self::Created,
            Self::Created
            | Self::Verified
            | Self::Error
            | Self::ErrorRetry
            | Self::ErrorDocument
            | Self::ErrorPending
            | Self::ErrorSuspended => self,
        }
    }
}

statuses! {
    /// Where a movement of money stands.
    TransactionStatus {
        /// Our row exists and the money is set aside; the partner has not answered yet.
        Created = "created",
        /// The partner has the transfer.
        Pending = "pending",
        /// Set aside, with no transfer at the partner yet.
        Wait = "wait",
        /// Done. An ACH return may still turn it into `failed`.
        Processed = "processed",
        /// Did not happen, or came back.
        Failed = "failed",
        /// Called off before it happened.
        Cancelled = "cancelled",
    }
}

impl TransactionStatus {
    /// The spelling that the front end knows: it has no `created`.
    #[must_use]
    pub fn outward(self) -> Self {
        match self {
            Self::Created => Self::Pending,
            Self::Pending | Self::Wait | Self::Processed | Self::Failed | Self::Cancelled => self,
        }
    }
}

statuses! {
    /// What a movement of money is for.
    TransactionType {
        /// Bank to wallet.
        Deposit = "deposit",
        /// Wallet to bank.
        Withdrawal = "withdrawal",
        /// Investor's wallet to the offer's wallet.
        Investment = "investment",
        /// Offer's wallet to the investor's wallet: a payout.
        Distribution = "distribution",
        /// The reversal of a processed movement that the bank returned.
        Return = "return",
    }
}

statuses! {
    /// Whether a linked bank account can be used.
    FundingSourceStatus {
        /// Known to Dwolla, not yet verified.
        Unverified = "unverified",
        /// May be the source of a deposit and the destination of a withdrawal.
        Verified = "verified",
        /// Unlinked; the row stays for history.
        Removed = "removed",
    }
}

/// Asks for a token with which the browser opens Plaid's bank-link dialog.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BankLink {
    /// The profile whose wallet gets the bank account.
    pub profile_id: ProfileId,
}

/// Plaid's answer, passed on as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BankLinkToken {
    /// When the token stops working, ISO 8601.
    pub expiration: String,
    /// The token for the dialog.
    pub link_token: String,
    /// Plaid's id of the request, for its support.
    pub request_id: String,
}

/// Exchanges the dialog's public token for access to the bank accounts that were chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BankExchange {
    /// The profile whose wallet gets the bank account.
    pub profile_id: ProfileId,
    /// Plaid's one-time token; it lives 30 minutes.
    #[schemars(length(min = 1, max = 200))]
    pub public_token: String,
}

/// What [`BankExchange`] gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BankExchanged {
    /// An opaque handle. Plaid's own access token never leaves the back end.
    pub access_token: String,
    /// The accounts to choose from.
    pub accounts: Vec<BankAccount>,
}

/// A bank account as the front end shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BankAccount {
    /// Plaid's id of the account.
    pub account_id: String,
    /// The bank's name for it.
    pub name: String,
    /// The last digits of its number.
    pub mask: String,
    /// Plaid's kind of account: `checking` or `savings` can be linked.
    #[serde(default)]
    pub subtype: String,
}

/// Connects one account of an exchanged item to the wallet, as a Dwolla funding source.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BankProcess {
    /// The profile whose wallet gets the bank account.
    pub profile_id: ProfileId,
    /// The handle from [`BankExchanged`].
    #[schemars(length(min = 1, max = 100))]
    pub access_token: String,
    /// Plaid's id of the account.
    #[schemars(length(min = 1, max = 100))]
    pub account_id: String,
    /// The name to show; Dwolla allows 50 characters.
    #[schemars(length(min = 1, max = 50))]
    pub name: String,
    /// The last digits to show.
    #[schemars(length(min = 2, max = 4))]
    pub last4: String,
}

/// What [`BankProcess`] gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BankProcessed {
    /// The handle again; the front end expects a token here and does not read it.
    pub token: String,
    /// The funding source.
    pub additional: FundingSource,
}

/// Unlinks a bank account.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BankDelete {
    /// The profile whose wallet has the bank account.
    pub profile_id: ProfileId,
    /// The bank account.
    pub funding_source_id: FundingSourceId,
}

/// What [`BankDelete`] gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BankDeleted {
    /// The bank account.
    pub funding_source_id: FundingSourceId,
    /// `removed`.
    pub status: FundingSourceStatus,
}

/// A linked bank account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FundingSource {
    /// Row id.
    pub id: FundingSourceId,
    /// The name to show.
    pub name: String,
    /// `checking` or `savings`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it can be used.
    pub status: FundingSourceStatus,
    /// The bank.
    pub bank_name: String,
    /// The last digits of the account number.
    pub last4: Option<String>,
}

/// Asks for the wallet of a profile.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WalletDetail {
    /// The profile that owns it.
    pub profile_id: ProfileId,
}

/// A wallet as the front end reads it. `available` for a withdrawal is balance less outgoing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Wallet {
    /// Row id.
    pub id: WalletId,
    /// How far it is verified.
    pub status: WalletStatus,
    /// Dollars that are there.
    pub balance: UsdNumber,
    /// Dollars on their way in: pending deposits and distributions.
    #[serde(rename = "pending_incoming_balance")]
    pub incoming: UsdNumber,
    /// Dollars set aside to go out: booked investments.
    #[serde(rename = "pending_outcoming_balance")]
    pub outgoing: UsdNumber,
    /// The same as `pending_incoming_balance`, in the spelling of the pushes.
    pub inc_balance: UsdNumber,
    /// The same as `pending_outcoming_balance`, in the spelling of the pushes.
    pub out_balance: UsdNumber,
    /// The linked bank accounts that are not removed.
    pub funding_source: Vec<FundingSource>,
}

/// Asks for the movements of a wallet.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TransactionList {
    /// The wallet.
    pub wallet_id: WalletId,
}

/// The movements of a wallet, newest first, at most 200.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Transactions {
    /// The movements.
    pub items: Vec<Transaction>,
}

/// A movement of money as the front end reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Transaction {
    /// Row id.
    pub id: TransactionId,
    /// The wallet that the money leaves; 0 when it leaves a bank.
    pub source_wallet_id: i64,
    /// The wallet that the money reaches; 0 when it reaches a bank.
    pub dest_wallet_id: i64,
    /// Dwolla's transfer, once there is one.
    pub entity_id: Option<String>,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: TransactionType,
    /// Where it stands, in the front end's spelling.
    pub status: TransactionStatus,
    /// Dollars.
    pub amount: UsdNumber,
    /// When the row was written.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a person may ask for: the other types are made by the back end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestedType {
    /// Bank to wallet.
    Deposit,
    /// Wallet to bank.
    Withdrawal,
}

/// Creates a deposit or a withdrawal and starts its transfer at Dwolla.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TransactionCreate {
    /// The wallet.
    pub wallet_id: WalletId,
    /// Which way the money goes.
    #[serde(rename = "type")]
    pub kind: RequestedType,
    /// Dollars.
    pub amount: Amount,
    /// The linked bank account on the other side.
    pub funding_source_id: FundingSourceId,
}

/// The only thing that may be done to a pending movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransactionAction {
    /// Call it off.
    Cancel,
}

/// Calls off a pending deposit or withdrawal, while Dwolla still allows it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TransactionCancel {
    /// The wallet.
    pub wallet_id: WalletId,
    /// The movement.
    pub transaction_id: TransactionId,
    /// What to do.
    pub action: TransactionAction,
}

/// Reads a transfer at Dwolla and brings our row to its state.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TransactionSync {
    /// The movement.
    #[serde(rename = "trans_id")]
    pub transaction_id: TransactionId,
}

/// Creates the wallet of a profile, and its customer at Dwolla. Follows the approval of KYC.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WalletCreate {
    /// The profile that gets a wallet.
    pub profile_id: ProfileId,
}

/// Creates the customer at Dwolla if the wallet has none.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WalletRecreate {
    /// The wallet.
    pub wallet_id: WalletId,
}

/// Sends the profile's data to Dwolla once more, with the full SSN. Dwolla allows it once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WalletRetry {
    /// The wallet, whose status must be `error_retry`.
    pub wallet_id: WalletId,
}

/// Reads the customer at Dwolla and brings our row to its state.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WalletSync {
    /// The wallet.
    pub wallet_id: WalletId,
}

/// Where a wallet stands after a command about its customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WalletState {
    /// Row id.
    pub id: WalletId,
    /// How far it is verified.
    pub status: WalletStatus,
}

/// Sets an investment's money aside in the investor's wallet: `wait`, outgoing grows.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InvestmentReserve {
    /// The investor's wallet.
    pub wallet_id: WalletId,
    /// The offer's wallet.
    pub offer_wallet_id: WalletId,
    /// The investment, by whose id the reservation is found again.
    pub investment_id: InvestmentId,
    /// Dollars.
    pub amount: Usd,
}

/// Pays a reservation: Dwolla moves the money from the investor's wallet to the offer's.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InvestmentPay {
    /// The reservation.
    pub transaction_id: TransactionId,
}

/// Gives a reservation's money free again.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InvestmentRelease {
    /// The reservation.
    pub transaction_id: TransactionId,
}

/// An event of Dwolla's one subscription, dispatched by its topic.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DwollaEvent(pub Webhook);

impl DwollaEvent {
    /// The resource that the event is about, as the thing that one worker at a time works on. The
    /// body is Dwolla's and may be anything; an event without a resource has no order to keep.
    pub fn resource(&self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(&self.0.raw().ok()?).ok()?;
        Some(format!(
            "dwolla:{}",
            body.get("resourceId")?.as_str()?.to_ascii_lowercase()
        ))
    }
}

/// An event of Plaid about a linked bank login.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PlaidEvent(pub Webhook);

/// What a webhook did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookHandled {
    /// What changed: `transaction`, `wallet`, `funding_source`, `item`, or `nothing`.
    pub applied: String,
}
