//! Creates the wallet of a profile whose identity is verified, and its customer at Dwolla.
//!
//! However often the approval arrives, there is one row (unique by profile) and one customer (unique
//! by our reference). "Created" is not usable yet: Dwolla verifies, and says so by webhook.

use super::customer;
use crate::handler::{Ctx, Handler};
use subjects::wallet::{WalletCreate, WalletState};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::store::wallets;

impl Handler for WalletCreate {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<WalletState>, Fault> {
        let prepared = ctx
            .accept("prepare", wallets::prepare(self.profile_id))
            .await;
        let state = prepared.map_err(|fault| match fault.code() {
            "profile_unknown" => Fault::retry("profile_unknown", fault.message()),
            _ => fault,
        })?;
        let wallet = customer::load(ctx, state.id).await?;
        let seen = customer::establish(ctx, &wallet).await?;
        ctx.finish(wallets::apply(state.id, &seen)).await
    }
}
