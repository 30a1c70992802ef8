//! The runtime's own promises.

mod crash;
mod dlq;
mod drain;
mod effects;
mod lab;
mod leases;
mod messages;
mod outage;
mod outbox;
mod partner;
mod round_trips;
mod shutdown;
mod statements;
mod verdicts;
