//! The life of legs: how money moves with each step, which events each party gets, and what follows in the chain.
//!
//! An outgoing leg takes the money at its creation and gives it back when it fails or is cancelled; an incoming leg
//! brings it only when it is processed; an inner leg moves it at once. A return after processing takes back what was
//! brought, even below zero.

use std::sync::Arc;

use uuid::Uuid;

use super::super::event::{self, Subject};
use super::super::funding;
use super::super::state::{Owner, State};
use super::check::Draft;
use super::{Leg, Row, Status, Transfer};
use crate::ledger::{Effect, Partner};

/// What happened to a leg, as topics spell it.
#[derive(Debug, Clone, Copy)]
enum Step {
    Created,
    Completed,
    Failed,
    Cancelled,
    /// A last leg that could not even begin.
    CreationFailed,
}

fn topic(leg: Leg, owner: Owner, step: Step) -> &'static str {
    match (leg, owner, step) {
        (Leg::Inner, Owner::Customer(_), Step::Created) => "customer_transfer_created",
        (Leg::Inner, Owner::Customer(_), Step::Completed) => "customer_transfer_completed",
        (Leg::Inner, Owner::Customer(_), Step::Failed | Step::CreationFailed) => {
            "customer_transfer_failed"
        }
        (Leg::Inner, Owner::Customer(_), Step::Cancelled) => "customer_transfer_cancelled",
        (Leg::Inner, Owner::Master, Step::Created) => "transfer_created",
        (Leg::Inner, Owner::Master, Step::Completed) => "transfer_completed",
        (Leg::Inner, Owner::Master, Step::Failed | Step::CreationFailed) => "transfer_failed",
        (Leg::Inner, Owner::Master, Step::Cancelled) => "transfer_cancelled",
        (_, Owner::Customer(_), Step::Created) => "customer_bank_transfer_created",
        (_, Owner::Customer(_), Step::Completed) => "customer_bank_transfer_completed",
        (_, Owner::Customer(_), Step::Failed) => "customer_bank_transfer_failed",
        (_, Owner::Customer(_), Step::Cancelled) => "customer_bank_transfer_cancelled",
        (_, Owner::Customer(_), Step::CreationFailed) => "customer_bank_transfer_creation_failed",
        (_, Owner::Master, Step::Created) => "bank_transfer_created",
        (_, Owner::Master, Step::Completed) => "bank_transfer_completed",
        (_, Owner::Master, Step::Failed) => "bank_transfer_failed",
        (_, Owner::Master, Step::Cancelled) => "bank_transfer_cancelled",
        (_, Owner::Master, Step::CreationFailed) => "bank_transfer_creation_failed",
    }
}

/// One event per party: two for an inner leg, same resource, different ids.
fn announce(state: &mut State, row: Row, step: Step) {
    let Some(transfer) = state.transfers.get(row) else {
        return;
    };
    let (leg, subject) = (transfer.leg, Subject::transfer(transfer.id));
    let parties = match leg {
        Leg::In => vec![transfer.sender],
        Leg::Out => vec![transfer.receiver],
        Leg::Inner => vec![transfer.sender, transfer.receiver],
    };
    let correlation = transfer.correlation.clone();
    for party in parties {
        event::emit(
            state,
            topic(leg, party, step),
            subject,
            party,
            correlation.clone(),
        );
    }
}

fn record(state: &State, row: Row, kind: &'static str, key: Option<Arc<str>>) {
    let Some(transfer) = state.transfers.get(row) else {
        return;
    };
    state.record(Effect {
        correlation_id: transfer.correlation.clone(),
        idempotency_key: key,
        amount: Some(transfer.amount),
        source: Some(transfer.source.into()),
        destination: Some(transfer.destination.into()),
        status: Some(transfer.status.name()),
        ..Effect::new(Partner::Dwolla, kind, transfer.id)
    });
}

/// Makes the legs that exist from the start and answers the id of the one to follow.
pub(super) fn start(state: &mut State, draft: &Draft, key: Option<Arc<str>>) -> Uuid {
    let from_bank = state
        .sources
        .get(draft.source)
        .is_some_and(|source| !source.is_balance());
    let crosses = draft.sender != draft.receiver;
    let first = match (from_bank, crosses) {
        (true, _) => Leg::In,
        (false, true) => Leg::Inner,
        (false, false) => Leg::Out,
    };
    let row = open(state, draft, first, None);
    let followed = if from_bank && crosses {
        open(state, draft, Leg::Inner, Some(row))
    } else {
        row
    };
    if followed != row {
        record(state, row, "transfer.leg_created", None);
    }
    record(state, followed, "transfer.created", key);
    announce(state, row, Step::Created);
    if followed != row {
        announce(state, followed, Step::Created);
    }
    if first == Leg::Inner {
        complete(state, row);
    }
    state
        .transfers
        .get(followed)
        .map_or_else(Uuid::nil, |transfer| transfer.id)
}

/// Makes one leg of a draft, behind `funding` if it is not the first. An outgoing leg takes its money now.
fn open(state: &mut State, draft: &Draft, leg: Leg, funding: Option<Row>) -> Row {
    let balance = |owner| funding::balance_of(state, owner).unwrap_or_else(Uuid::nil);
    let (sender, receiver, source, destination) = match leg {
        Leg::In => (
            draft.sender,
            draft.sender,
            draft.source,
            balance(draft.sender),
        ),
        Leg::Inner => (
            draft.sender,
            draft.receiver,
            draft.source,
            draft.destination,
        ),
        Leg::Out => (
            draft.receiver,
            draft.receiver,
            balance(draft.receiver),
            draft.destination,
        ),
    };
    let transfer = Transfer {
        id: Uuid::new_v4(),
        leg,
        status: Status::Pending,
        created: state.now(),
        amount: draft.amount,
        correlation: draft.correlation.clone(),
        sender,
        receiver,
        source,
        destination,
        metadata: draft.metadata.clone(),
        funding,
        funded: None,
        returned: None,
    };
    let row = state.transfers.push(transfer);
    if let Some(before) = funding.and_then(|before| state.transfers.get_mut(before)) {
        before.funded = Some(row);
    }
    if leg == Leg::Out {
        funding::change_balance(state, source, -draft.amount);
    }
    row
}

/// The new status, with everything that goes with it but money.
fn enter(state: &mut State, row: Row, status: Status, step: Step) {
    if let Some(transfer) = state.transfers.get_mut(row) {
        transfer.status = status;
    }
    state.transfers.leave_pending(row);
    let kind = match status {
        Status::Pending => return,
        Status::Processed => "transfer.processed",
        Status::Failed => "transfer.failed",
        Status::Cancelled => "transfer.cancelled",
    };
    record(state, row, kind, None);
    announce(state, row, step);
}

/// A leg has come through; the next one of its chain follows.
pub(super) fn complete(state: &mut State, row: Row) {
    let Some(transfer) = state.transfers.get(row) else {
        return;
    };
    let (leg, amount, funded) = (transfer.leg, transfer.amount, transfer.funded);
    let sender = funding::balance_of(state, transfer.sender).unwrap_or_else(Uuid::nil);
    let receiver = funding::balance_of(state, transfer.receiver).unwrap_or_else(Uuid::nil);
    match leg {
        Leg::In => {
            funding::change_balance(state, receiver, amount);
            enter(state, row, Status::Processed, Step::Completed);
            if let Some(next) = funded {
                complete(state, next);
            }
        }
        Leg::Inner => {
            let covered = state.sources.get(sender).and_then(funding::Source::dollars);
            if covered.is_none_or(|dollars| dollars < amount) {
                enter(state, row, Status::Failed, Step::Failed);
                return;
            }
            funding::change_balance(state, sender, -amount);
            funding::change_balance(state, receiver, amount);
            enter(state, row, Status::Processed, Step::Completed);
            go_out(state, row, receiver);
        }
        Leg::Out => enter(state, row, Status::Processed, Step::Completed),
    }
}

/// The last leg of a chain that ends at a bank; without cover or bank the money stays in the balance.
fn go_out(state: &mut State, inner: Row, balance: Uuid) {
    let Some(transfer) = state.transfers.get(inner) else {
        return;
    };
    let Some(target) = state.sources.get(transfer.destination) else {
        return;
    };
    if target.is_balance() {
        return;
    }
    let covered = state
        .sources
        .get(balance)
        .and_then(funding::Source::dollars);
    if target.removed || covered.is_none_or(|dollars| dollars < transfer.amount) {
        let (subject, owner) = (Subject::transfer(transfer.id), transfer.receiver);
        let correlation = transfer.correlation.clone();
        let topic = topic(Leg::Out, owner, Step::CreationFailed);
        event::emit(state, topic, subject, owner, correlation);
        return;
    }
    let draft = Draft {
        source: transfer.source,
        destination: transfer.destination,
        sender: transfer.sender,
        receiver: transfer.receiver,
        amount: transfer.amount,
        correlation: transfer.correlation.clone(),
        metadata: transfer.metadata.clone(),
    };
    let row = open(state, &draft, Leg::Out, Some(inner));
    record(state, row, "transfer.leg_created", None);
    announce(state, row, Step::Created);
}

/// A bank returned a leg, before or after it was processed.
pub(super) fn fail(state: &mut State, row: Row, code: &'static str) {
    let Some(transfer) = state.transfers.get_mut(row) else {
        return;
    };
    let bank = if transfer.leg == Leg::In {
        transfer.source
    } else {
        transfer.destination
    };
    let (leg, was, amount) = (transfer.leg, transfer.status, transfer.amount);
    let (owner, funded) = (transfer.sender, transfer.funded);
    transfer.returned = Some((code, bank));
    enter(state, row, Status::Failed, Step::Failed);
    let balance = funding::balance_of(state, owner).unwrap_or_else(Uuid::nil);
    match (leg, was) {
        (Leg::Out, _) => funding::change_balance(state, balance, amount),
        (Leg::In, Status::Processed) => funding::change_balance(state, balance, -amount),
        _ => {}
    }
    let next = funded.filter(|next| is_pending(state, *next));
    if let Some(next) = next {
        enter(state, next, Status::Failed, Step::Failed);
    }
    if matches!(code, "R02" | "R03") {
        funding::remove_after_return(state, bank);
    }
}

fn is_pending(state: &State, row: Row) -> bool {
    state
        .transfers
        .get(row)
        .is_some_and(|transfer| transfer.status == Status::Pending)
}

/// Cancels a pending leg with what hangs on it.
pub(super) fn cancel(state: &mut State, row: Row) {
    let Some(transfer) = state.transfers.get(row) else {
        return;
    };
    let (leg, owner, amount) = (transfer.leg, transfer.sender, transfer.amount);
    let chained = [transfer.funding, transfer.funded];
    enter(state, row, Status::Cancelled, Step::Cancelled);
    if leg == Leg::Out {
        let balance = funding::balance_of(state, owner).unwrap_or_else(Uuid::nil);
        funding::change_balance(state, balance, amount);
    }
    for other in chained.into_iter().flatten() {
        if is_pending(state, other) {
            cancel(state, other);
        }
    }
}

/// A bank was removed: credits on their way to it are cancelled.
pub(crate) fn cancel_credits_to(state: &mut State, bank: Uuid) {
    let goes_there = |row: &Row| {
        state
            .transfers
            .get(*row)
            .is_some_and(|transfer| transfer.leg == Leg::Out && transfer.destination == bank)
    };
    let rows: Vec<Row> = state
        .transfers
        .pending
        .iter()
        .copied()
        .filter(goes_there)
        .collect();
    for row in rows {
        cancel(state, row);
    }
}
