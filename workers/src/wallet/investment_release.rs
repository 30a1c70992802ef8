//! Gives a reservation's money free again, unless its payment has begun.

use crate::handler::{Ctx, Handler, not_found, read};
use subjects::wallet::{InvestmentRelease, Transaction, TransactionStatus, TransactionType};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::store::movements::{self, Report};

impl Handler for InvestmentRelease {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<Transaction>, Fault> {
        let movement = read(movements::movement(&ctx.services().db, self.transaction_id).await)?;
        let movement = movement.filter(|m| m.kind == TransactionType::Investment);
        let movement = movement.ok_or_else(not_found)?;
        if movement.status != TransactionStatus::Wait {
            let text = format!("the reservation is {}", movement.status.as_str());
            return Err(Fault::refuse(409, "not_reserved", text));
        }
        let report = Report::new(movement.id, TransactionStatus::Cancelled);
        ctx.finish(movements::post(&report).answering()).await
    }
}
