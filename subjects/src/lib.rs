//! The contract of Tranche: what may be said, by whom, and what comes back.
//!
//! Read [`registry`] first: it is the table of topics and queries, and everything else about a
//! message follows from its row. The other modules are the vocabulary that rows are written in:
//! payloads per service ([`wallet`], [`directory`], [`kyc`], [`operations`]), [`ids`] and [`money`],
//! the envelope around a payload ([`envelope`]), and the documents generated from it all ([`docs`]).
//!
//! This package knows no runtime and does no input or output, but for writing its own documents: the ingress, the workers, the tests
//! and other teams' tools can all link it.

pub mod directory;
pub mod docs;
pub mod envelope;
pub mod ids;
pub mod kyc;
pub mod money;
pub mod operations;
pub mod registry;
pub mod spec;
mod table;
pub mod topology;
pub mod wallet;
