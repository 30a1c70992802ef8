//! Processing of bank transfers: nothing moves before it is asked for, as in Dwolla's sandbox. The name of a bank
//! decides: `R01` returns debits, `R02` and `R03` both directions, and with `-late` at the processing after.

use super::super::state::State;
use super::{Leg, Row, Status, legs};

/// One call handles at most so many, the newest.
const AT_ONCE: usize = 500;

/// Processes or fails what is pending or due to be returned, and says how many.
pub(crate) fn process_pending(state: &mut State) -> usize {
    let waiting = state
        .transfers
        .pending
        .union(&state.transfers.late)
        .copied();
    let mut rows: Vec<Row> = waiting.collect();
    rows.drain(..rows.len().saturating_sub(AT_ONCE));
    for row in &rows {
        process(state, *row);
    }
    rows.len()
}

fn process(state: &mut State, row: Row) {
    let Some(transfer) = state.transfers.get(row) else {
        return;
    };
    let was = transfer.status;
    match (was, fate(state, row)) {
        (Status::Pending, None) => legs::complete(state, row),
        (Status::Pending, Some((_, true))) => {
            legs::complete(state, row);
            state.transfers.late.insert(row);
        }
        (Status::Pending, Some((code, false))) | (Status::Processed, Some((code, _))) => {
            legs::fail(state, row, code);
        }
        _ => state.transfers.leave_pending(row),
    }
}

/// The return that the bank's name asks for, and whether it comes late.
fn fate(state: &State, row: Row) -> Option<(&'static str, bool)> {
    let transfer = state.transfers.get(row)?;
    let debit = transfer.leg == Leg::In;
    let bank = if debit {
        transfer.source
    } else {
        transfer.destination
    };
    match state.sources.get(bank)?.name.as_str() {
        "R01" if debit => Some(("R01", false)),
        "R01-late" if debit => Some(("R01", true)),
        "R02" => Some(("R02", false)),
        "R02-late" => Some(("R02", true)),
        "R03" => Some(("R03", false)),
        "R03-late" => Some(("R03", true)),
        _ => None,
    }
}
