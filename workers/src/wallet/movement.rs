//! What the topics about movements share: our reference at Dwolla, and Dwolla's words in ours.

use subjects::envelope::Problem;
use subjects::ids::OperationId;
use subjects::wallet::TransactionStatus;
use tranche::bus::fault::Fault;
use tranche::partners::Dwolla;
use tranche::partners::dwolla::{Transfer, TransferStatus};
use tranche::store::movements::{MovementRow, Report};

/// The reference that a transfer at Dwolla carries: it names the operation that made the row.
pub(super) fn correlation(origin: OperationId) -> String {
    format!("txn-{origin}")
}

/// The operation that a reference names, if it is one of ours.
pub(super) fn origin(correlation: Option<&str>) -> Option<OperationId> {
    correlation?.strip_prefix("txn-")?.parse().ok()
}

/// Where a transfer's status puts our movement.
pub(super) fn status_of(status: TransferStatus) -> TransactionStatus {
    match status {
        TransferStatus::Pending => TransactionStatus::Pending,
        TransferStatus::Processed => TransactionStatus::Processed,
        TransferStatus::Failed => TransactionStatus::Failed,
        TransferStatus::Cancelled => TransactionStatus::Cancelled,
    }
}

/// The report of a movement's transfer as Dwolla has it now, with the bank's reason if it failed.
///
/// A transfer of another amount, or a second one for the same movement, is nothing that a table of
/// statuses has an answer for: a person looks at it, and our row stays as it is.
pub(super) async fn report(
    dwolla: &Dwolla,
    movement: &MovementRow,
    transfer: &Transfer,
) -> Result<Report, Fault> {
    let other = movement.transfer.as_ref().filter(|id| **id != transfer.id);
    if transfer.amount != movement.amount || other.is_some() {
        let (id, row) = (transfer.id.as_str(), movement.id);
        let text =
            format!("Dwolla's transfer {id} is not the one that transaction {row} asked for");
        return Err(Fault::Reject(Problem::new(424, "transfer_differs", text)));
    }
    let failure = match transfer.status {
        TransferStatus::Failed => {
            let failure = dwolla.transfer_failure(&transfer.id).await?;
            failure.map(|f| (f.code, f.description))
        }
        TransferStatus::Pending | TransferStatus::Processed | TransferStatus::Cancelled => None,
    };
    Ok(Report {
        transfer: Some(transfer.id.clone()),
        failure,
        ..Report::new(movement.id, status_of(transfer.status))
    })
}

/// The fault of a dead letter that was sent back although its money is free again: the person may
/// have asked anew.
pub(super) fn given_up() -> Fault {
    let text = "the partner refused this transfer and its money was given back: ask anew";
    Fault::Reject(Problem::new(409, "transfer_given_up", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_leads_back_to_its_operation_and_foreign_ones_to_none() {
        let id = OperationId::from_u128(7);
        assert_eq!(origin(Some(&correlation(id))), Some(id));
        assert_eq!(origin(Some("txn-7")), None);
        assert_eq!(origin(Some("somebody-else")), None);
        assert_eq!(origin(None), None);
    }
}
