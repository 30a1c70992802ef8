//! What every test stands on.

mod fleet;
mod investor;
mod process;
mod servers;
mod wait;

pub(crate) use fleet::{Fleet, Reply};
pub(crate) use investor::{Investor, settle_banks_when_started};
pub(crate) use process::Worker;
pub(crate) use wait::{eventually, eventually_some};
