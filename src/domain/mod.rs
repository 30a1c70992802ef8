//! The rules of money: which status may follow which, and what that does to balances.
//!
//! Pure tables and functions: no database, no partner, no clock. The store's statements read the
//! tables from here, so a rule stands in one place. Each table has a test that walks every pair of
//! statuses, and the ledger has property tests over random histories.

pub mod ledger;
pub mod wallet;
