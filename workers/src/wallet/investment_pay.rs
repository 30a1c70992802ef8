//! Pays a reservation: one transfer from the investor's balance to the offer's.
//!
//! The row turns `pending` before the transfer is asked for, so that a release that comes in between
//! (the operation may be waiting for a look at Dwolla) finds that it is too late. Dwolla moves money
//! between balances at once; the webhook still decides when the row is `processed`.

use super::movement::correlation;
use crate::handler::{Ctx, Handler, not_found, read};
use subjects::ids::DwollaTransferId;
use subjects::wallet::{InvestmentPay, Transaction, TransactionStatus, TransactionType};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::partners::dwolla::CreateTransfer;
use tranche::store::wallets::{self, Movement, MovementRow, Report};

impl Handler for InvestmentPay {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<Transaction>, Fault> {
        let movement = read(wallets::movement(&ctx.services().db, self.transaction_id).await)?;
        let movement = movement.filter(|m| m.kind == TransactionType::Investment);
        let movement = movement.ok_or_else(not_found)?;
        if movement.status != TransactionStatus::Wait && !ctx.has_done("start") {
            let text = format!("the reservation is {}", movement.status.as_str());
            return Err(Fault::refuse(409, "not_reserved", text));
        }
        let transfer = transfer(ctx, &movement)?;
        let report = |to, transfer: Option<DwollaTransferId>| Report {
            movement: Movement::Row(movement.id),
            to,
            transfer,
            failure: None,
            answer: None,
        };
        ctx.step(
            "start",
            wallets::post(&report(TransactionStatus::Pending, None)),
        )
        .await?;
        match ctx.effect("transfer", &transfer).await {
            Ok(created) => {
                let paid = report(TransactionStatus::Pending, Some(created.id));
                ctx.finish(wallets::post(&paid).answering()).await
            }
            Err(Fault::Reject(problem)) => {
                let failure = Some((problem.code.clone(), problem.message.clone()));
                let failed = Report {
                    failure,
                    ..report(TransactionStatus::Failed, None)
                };
                ctx.step("release", wallets::post(&failed)).await?;
                Err(Fault::Reject(problem))
            }
            Err(fault) => Err(fault),
        }
    }
}

fn transfer(ctx: &Ctx, movement: &MovementRow) -> Result<CreateTransfer, Fault> {
    let ends = (
        &movement.source_balance,
        &movement.dest_balance,
        &movement.source_customer,
    );
    let (Some(source), Some(destination), Some(owner)) = ends else {
        let text = "a wallet of this reservation has no balance at Dwolla";
        return Err(Fault::refuse(412, "wallet_not_verified", text));
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
