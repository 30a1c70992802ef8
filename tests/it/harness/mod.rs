//! What every test stands on.

mod fleet;
mod investor;
mod process;
mod servers;
mod wait;

pub(crate) use fleet::{Fleet, Reply, quick};
pub(crate) use investor::{
    Investor, dwolla_token, public_token, public_token_of, settle_banks, settle_banks_when_started,
};
pub(crate) use process::{Worker, operator_tool};
pub(crate) use wait::{eventually, eventually_some};
