//! Pays a reservation: one transfer from the investor's balance to the offer's.
//!
//! The row turns `pending` before the transfer is asked for, so that a release that comes in between
//! (the operation may be waiting for a look at Dwolla) finds that it is too late. Dwolla moves money
//! between balances at once; the webhook still decides when the row is `processed`.

use super::movement::{correlation, given_up};
use crate::handler::{Ctx, Handler, not_found, read};
use subjects::wallet::{
    InvestmentPay, Transaction, TransactionStatus, TransactionType, WalletStatus,
};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::partners::dwolla::CreateTransfer;
use tranche::store::movements::{self, MovementRow, Report};

impl Handler for InvestmentPay {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<Transaction>, Fault> {
        let movement = read(movements::movement(&ctx.services().db, self.transaction_id).await)?;
        let movement = movement.filter(|m| m.kind == TransactionType::Investment);
        let movement = movement.ok_or_else(not_found)?;
        if ctx.has_done("release") {
            return Err(given_up());
        }
        if !ctx.has_done("start") {
            may_be_paid(&movement)?;
        }
        let transfer = transfer(ctx, &movement)?;
        let pending = Report::new(movement.id, TransactionStatus::Pending);
        ctx.step("start", movements::post(&pending)).await?;
        match ctx.effect("transfer", &transfer).await {
            Ok(created) => {
                let transfer = Some(created.id);
                let paid = Report {
                    transfer,
                    ..pending
                };
                ctx.finish(movements::post(&paid).answering()).await
            }
            Err(Fault::Reject(problem)) => {
                let failure = Some((problem.code.clone(), problem.message.clone()));
                let failed = Report::new(movement.id, TransactionStatus::Failed);
                let failed = Report { failure, ..failed };
                ctx.step("release", movements::post(&failed)).await?;
                Err(Fault::Reject(problem))
            }
            Err(fault) => Err(fault),
        }
    }
}

/// Only what is reserved is paid, and only between wallets that may move money now: a reservation
/// may have waited for days.
fn may_be_paid(movement: &MovementRow) -> Result<(), Fault> {
    if movement.status != TransactionStatus::Wait {
        let text = format!("the reservation is {}", movement.status.as_str());
        return Err(Fault::refuse(409, "not_reserved", text));
    }
    if movement.source_frozen {
        let text = "the wallet is frozen after a returned payment: please contact support";
        return Err(Fault::refuse(409, "wallet_frozen", text));
    }
    let verified = Some(WalletStatus::Verified);
    if movement.source_status != verified || movement.dest_status != verified {
        return Err(not_verified());
    }
    Ok(())
}

fn not_verified() -> Fault {
    let text = "a wallet of this reservation is not verified: it can not move money";
    Fault::refuse(412, "wallet_not_verified", text)
}

fn transfer(ctx: &Ctx, movement: &MovementRow) -> Result<CreateTransfer, Fault> {
    let ends = (
        &movement.source_balance,
        &movement.dest_balance,
        &movement.source_customer,
    );
    let (Some(source), Some(destination), Some(owner)) = ends else {
        return Err(not_verified());
    };
    Ok(CreateTransfer {
        dwolla: ctx.services().partners.dwolla.clone(),
        source: source.clone(),
        destination: destination.clone(),
        amount: movement.amount,
        correlation: correlation(movement.operation),
        owner: owner.clone(),
    })
}
