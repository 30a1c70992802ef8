//! Reads a transfer at Dwolla and brings our row to its state: for doubts, and for lost webhooks.

use super::movement::read_report;
use crate::handler::{Ctx, Handler, not_found, read};
use subjects::wallet::{Transaction, TransactionSync};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::store::wallets::{self, Movement};

impl Handler for TransactionSync {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<Transaction>, Fault> {
        let movement = read(wallets::movement(&ctx.services().db, self.transaction_id).await)?;
        let movement = movement.ok_or_else(not_found)?;
        let Some(transfer) = &movement.transfer else {
            let text = "the transaction has no transfer at Dwolla yet";
            return Err(Fault::refuse(409, "no_transfer", text));
        };
        let (_, mut report) = read_report(&ctx.services().partners.dwolla, transfer).await?;
        report.movement = Movement::Row(movement.id);
        ctx.finish(wallets::post(&report).answering()).await
    }
}
