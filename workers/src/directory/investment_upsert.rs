//! Stores a version of an investment.

use crate::handler::{Ctx, Handler};
use subjects::directory::{InvestmentUpsert, Upserted};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::store::directory;

impl Handler for InvestmentUpsert {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<Upserted>, Fault> {
        ctx.finish(directory::investment_upsert(&self)).await
    }
}
