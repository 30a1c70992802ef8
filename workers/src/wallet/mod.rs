//! Dollar wallets at Dwolla: customers, linked bank accounts, movements of money, webhooks.
//!
//! ```text
//! kyc/approved ─▶ wallet_create ─▶ created ─▶ verified        (webhooks, wallet_sync)
//!                                     │   ├▶ error_document ─ review ─▶ error_pending ─▶ verified
//!                                     │   └▶ error_suspended
//!                                     └▶ error_retry ─ wallet_retry ─▶ verified | error_document
//!
//! bank_link ─▶ bank_exchange ─▶ bank_process ─▶ verified ─ bank_delete ─▶ removed
//!
//! transaction_create ─▶ created ─▶ pending ─▶ processed        (webhooks, transaction_sync)
//!                                     │           └▶ failed: a late return, booked as its own row
//!                                     └▶ failed, cancelled
//! ```
//!
//! Which status may follow which, and what that does to the balances, stands in
//! [`tranche::domain`]. Nothing here trusts a webhook's words: each one makes the worker read the
//! resource from Dwolla.

mod bank_delete;
mod bank_exchange;
mod bank_link;
mod bank_process;
mod customer;
mod dwolla;
mod investment_pay;
mod investment_release;
mod investment_reserve;
mod movement;
mod plaid;
mod transaction_cancel;
mod transaction_create;
mod transaction_list;
mod transaction_sync;
mod wallet_create;
mod wallet_detail;
mod wallet_recreate;
mod wallet_retry;
mod wallet_sync;
