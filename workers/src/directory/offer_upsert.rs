//! Stores a version of an offer.

use crate::handler::{Ctx, Handler};
use subjects::directory::{OfferUpsert, Upserted};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::store::directory;

impl Handler for OfferUpsert {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<Upserted>, Fault> {
        ctx.finish(directory::offer_upsert(&self)).await
    }
}
