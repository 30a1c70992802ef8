//! The integration tests: one binary, real NATS and PostgreSQL, the partners' sandbox over HTTP, the
//! fleet's own ingress and workers.
//!
//! `harness` starts all that for each test, on free ports, with a database and a broker of its own.
//! Flows are in one folder for each service, faults in `faults`, documents and layout in `contracts`
//! and `tidy`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's helpers fail the test, as its own lines do"
)]

mod contracts;
mod directory;
mod faults;
mod harness;
mod ingress;
mod kyc;
mod runtime;
mod tidy;
mod wallet;
