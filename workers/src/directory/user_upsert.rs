//! Stores a version of a user.

use crate::handler::{Ctx, Handler};
use subjects::directory::{Upserted, UserUpsert};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::store::directory;

impl Handler for UserUpsert {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<Upserted>, Fault> {
        ctx.finish(directory::user_upsert(&self)).await
    }
}
