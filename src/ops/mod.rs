//! What operators do: look at dead letters and operations, send them back, put them aside.
//!
//! The command line and, later, the console call these functions; both leave the same audit rows.

pub mod dlq;
