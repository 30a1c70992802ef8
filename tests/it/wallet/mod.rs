//! The wallet service's flows, one file for each topic or query.

mod bank_delete;
mod bank_exchange;
mod bank_link;
mod bank_process;
mod dwolla;
mod investment_pay;
mod investment_release;
mod investment_reserve;
mod plaid;
mod rows;
mod transaction_cancel;
mod transaction_create;
mod transaction_ends;
mod transaction_list;
mod transaction_sync;
mod wallet_create;
mod wallet_detail;
mod wallet_recreate;
mod wallet_retry;
mod wallet_sync;
