//! The partners' protocols, driven over HTTP as a client would, with the ledger as the judge.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on must fail where it stands"
)]

mod protocol {
    mod calls;
    mod customers;
    mod faults;
    mod flows;
    mod funding;
    mod hangups;
    mod idempotency;
    mod kratos;
    mod link;
    mod link_webhooks;
    mod lists;
    mod returns;
    mod rig;
    mod subscriber;
    mod tokens;
    mod transfers;
    mod webhooks;
}
