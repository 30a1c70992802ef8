//! Reads a transfer at Dwolla and brings our row to its state: for doubts, and for lost webhooks.

use super::movement::report;
use crate::handler::{Ctx, Handler, not_found, read};
use subjects::wallet::{Transaction, TransactionSync};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::store::movements;

impl Handler for TransactionSync {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<Transaction>, Fault> {
        let movement = read(movements::movement(&ctx.services().db, self.transaction_id).await)?;
        let movement = movement.ok_or_else(not_found)?;
        let Some(transfer) = &movement.transfer else {
            let text = "the transaction has no transfer at Dwolla yet";
            return Err(Fault::refuse(409, "no_transfer", text));
        };
        let dwolla = &ctx.services().partners.dwolla;
        let report = report(dwolla, &movement, &dwolla.transfer(transfer).await?).await?;
        ctx.finish(movements::post(&report).answering()).await
    }
}
