//! How far a wallet is verified, and what may follow.
//!
//! Dwolla decides; this table only keeps a late or repeated report from moving a wallet backwards.
//! `verified` is left only by a suspension, a deactivation or a renewed review. `error_retry` is left
//! by the one retry with the full SSN, or by Dwolla's own decision.

use subjects::wallet::WalletStatus as Status;

/// Every legal transition.
pub const TRANSITIONS: &[(Status, &[Status])] = &[
    (
        Status::Pending,
        &[
            Status::Created,
            Status::Verified,
            Status::Error,
            Status::ErrorRetry,
            Status::ErrorDocument,
            Status::ErrorSuspended,
        ],
    ),
    (
        Status::Created,
        &[
            Status::Verified,
            Status::ErrorRetry,
            Status::ErrorDocument,
            Status::ErrorSuspended,
            Status::Error,
        ],
    ),
    (
        Status::Error,
        &[
            Status::Created,
            Status::Verified,
            Status::ErrorRetry,
            Status::ErrorDocument,
            Status::ErrorSuspended,
        ],
    ),
    (
        Status::ErrorRetry,
        &[
            Status::ErrorPending,
            Status::Verified,
            Status::ErrorDocument,
            Status::ErrorSuspended,
            Status::Error,
        ],
    ),
    (
        Status::ErrorDocument,
        &[
            Status::ErrorPending,
            Status::Verified,
            Status::ErrorSuspended,
            Status::Error,
        ],
    ),
    (
        Status::ErrorPending,
        &[
            Status::Verified,
            Status::ErrorDocument,
            Status::ErrorSuspended,
            Status::Error,
        ],
    ),
    (
        Status::Verified,
        &[Status::ErrorSuspended, Status::ErrorDocument, Status::Error],
    ),
    (Status::ErrorSuspended, &[Status::Verified, Status::Error]),
];

/// The statuses from which `to` may be reached.
pub fn sources_of(to: Status) -> Vec<Status> {
    TRANSITIONS
        .iter()
        .filter(|(_, next)| next.contains(&to))
        .map(|(from, _)| *from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_one_row_and_none_leads_to_itself_or_back_to_the_start() {
        for status in Status::ALL {
            let rows: Vec<_> = TRANSITIONS
                .iter()
                .filter(|(from, _)| from == status)
                .collect();
            assert_eq!(rows.len(), 1, "{status:?}");
            assert!(!rows[0].1.contains(status), "{status:?} to itself");
            assert!(
                !rows[0].1.contains(&Status::Pending),
                "{status:?} back to the start"
            );
        }
    }

    #[test]
    fn a_verified_wallet_never_goes_back_to_created_or_retry() {
        assert!(!sources_of(Status::Created).contains(&Status::Verified));
        assert!(!sources_of(Status::ErrorRetry).contains(&Status::Verified));
    }

    #[test]
    fn a_suspended_wallet_is_lifted_only_by_dwolla_itself() {
        assert!(!sources_of(Status::ErrorPending).contains(&Status::ErrorSuspended));
        assert!(sources_of(Status::Verified).contains(&Status::ErrorSuspended));
    }
}
