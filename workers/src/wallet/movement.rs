//! What the topics about movements share: our reference at Dwolla, and Dwolla's words in ours.

use subjects::ids::{DwollaTransferId, OperationId};
use subjects::wallet::TransactionStatus;
use tranche::bus::fault::Fault;
use tranche::partners::Dwolla;
use tranche::partners::dwolla::{Transfer, TransferStatus};
use tranche::store::wallets::{Movement, Report};

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

/// Reads a transfer from Dwolla, with the bank's reason if it failed.
pub(super) async fn read_report(
    dwolla: &Dwolla,
    id: &DwollaTransferId,
) -> Result<(Transfer, Report), Fault> {
    let transfer = dwolla.transfer(id).await?;
    let failure = match transfer.status {
        TransferStatus::Failed => {
            let failure = dwolla.transfer_failure(id).await?;
            failure.map(|f| (f.code, f.description))
        }
        TransferStatus::Pending | TransferStatus::Processed | TransferStatus::Cancelled => None,
    };
    let origin = origin(transfer.correlation_id.as_deref());
    let report = Report {
        movement: Movement::Transfer(transfer.id.clone(), origin),
        to: status_of(transfer.status),
        transfer: Some(transfer.id.clone()),
        failure,
        answer: None,
    };
    Ok((transfer, report))
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
