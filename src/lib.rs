//! Everything that a handler stands on.
//!
//! In reading order: [`bus`] runs handlers (leases, steps, effects, dead letters), [`store`] holds
//! every line of SQL, [`partners`] every call to a partner, [`domain`] the rules of money as tables,
//! [`ingress`] turns HTTP into messages and back, [`ops`] is what operators do. The small modules
//! beside them ([`config`], [`clock`], [`retry`], [`seal`], [`telemetry`]) are used by all of them.
//!
//! Dependencies point one way: `subjects` <- this package <- `workers` <- `tests`.

pub mod bus;
pub mod clock;
pub mod config;
pub mod domain;
pub mod ingress;
pub mod ops;
pub mod partners;
pub mod retry;
pub mod seal;
pub mod store;
pub mod telemetry;
