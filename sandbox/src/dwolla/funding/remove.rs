//! Removal is soft: the source stays readable. Debits on their way go on; credits on their way to it are cancelled.

use uuid::Uuid;

use super::super::event::{self, Subject};
use super::super::state::State;
use super::super::transfer;
use super::Kind;
use crate::ledger::{Effect, Partner};

/// Removes a source.
pub(super) fn remove(state: &mut State, id: Uuid) {
    let Some(source) = state.sources.get_mut(id) else {
        return;
    };
    source.removed = true;
    let owner = source.owner;
    state.record(Effect::new(Partner::Dwolla, "funding_source.removed", id));
    event::emit(
        state,
        "customer_funding_source_removed",
        Subject::source(id),
        owner,
        None,
    );
    transfer::cancel_credits_to(state, id);
}

/// Removes a bank on Dwolla's own account, after a return that says that the account is no good (R02, R03).
pub(crate) fn remove_after_return(state: &mut State, id: Uuid) {
    let Some(source) = state.sources.get_mut(id) else {
        return;
    };
    if source.removed {
        return;
    }
    let owner = source.owner;
    if let Kind::Bank(bank) = &mut source.kind {
        bank.verified = false;
    }
    event::emit(
        state,
        "customer_funding_source_unverified",
        Subject::source(id),
        owner,
        None,
    );
    remove(state, id);
}
