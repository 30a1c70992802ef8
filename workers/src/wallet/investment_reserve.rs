//! Sets an investment's money aside in the investor's wallet. Nothing moves yet.

use crate::handler::{Ctx, Handler};
use subjects::wallet::{InvestmentReserve, Transaction};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::domain::ledger;
use tranche::store::movements::{self, NewMovement};

impl Handler for InvestmentReserve {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<Transaction>, Fault> {
        let movement = NewMovement {
            begins: &ledger::INVESTMENT,
            amount: self.amount,
            wallet: self.wallet_id,
            bank: None,
            other_wallet: Some(self.offer_wallet_id),
            investment: Some(self.investment_id),
            transfer_limit: ctx.services().config.dwolla.transfer_limit,
        };
        ctx.finish(movements::reserve(&movement).answering()).await
    }
}
