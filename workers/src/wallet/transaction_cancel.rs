//! Calls off a pending deposit or withdrawal, while Dwolla still allows it.
//!
//! Dwolla decides: the cut-off is about 4 pm Central Time and not exact. Too late is an answer to the
//! person who asked, not a failure.

use crate::handler::{Ctx, Handler, not_found, read};
use subjects::envelope::Problem;
use subjects::wallet::{Transaction, TransactionCancel, TransactionStatus, TransactionType};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::partners::dwolla::CancelTransfer;
use tranche::store::movements::{self, MovementRow, Report};

impl Handler for TransactionCancel {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<Transaction>, Fault> {
        let movement = read(movements::movement(&ctx.services().db, self.transaction_id).await)?;
        let theirs = |m: &MovementRow| {
            let asked_for = matches!(
                m.kind,
                TransactionType::Deposit | TransactionType::Withdrawal
            );
            asked_for && m.wallets.contains(&self.wallet_id)
        };
        let movement = movement.filter(theirs);
        let movement = movement.ok_or_else(not_found)?;
        let pending = matches!(
            movement.status,
            TransactionStatus::Created | TransactionStatus::Pending
        );
        if !pending && !ctx.has_begun("cancel") {
            return Err(too_late("the transaction is not pending any more"));
        }
        let Some(transfer) = movement.transfer else {
            return Err(too_late("the transaction is just being started: try again"));
        };
        let dwolla = ctx.services().partners.dwolla.clone();
        let cancelled = ctx
            .effect(
                "cancel",
                &CancelTransfer {
                    dwolla,
                    id: transfer,
                },
            )
            .await;
        cancelled.map_err(|fault| match fault {
            Fault::Reject(problem) if problem.code == "too_late" => Fault::Refuse(problem),
            other => other,
        })?;
        let report = Report::new(movement.id, TransactionStatus::Cancelled);
        ctx.finish(movements::post(&report).answering()).await
    }
}

fn too_late(message: &str) -> Fault {
    Fault::Refuse(Problem::new(409, "too_late", message))
}
