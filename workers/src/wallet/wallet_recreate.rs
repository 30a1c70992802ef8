//! Creates the customer at Dwolla if the wallet has none; an administrator's second try.

use super::customer;
use crate::handler::{Ctx, Handler};
use subjects::wallet::{WalletRecreate, WalletState};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::store::wallets;

impl Handler for WalletRecreate {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<WalletState>, Fault> {
        let wallet = customer::load(ctx, self.wallet_id).await?;
        let seen = customer::establish(ctx, &wallet).await?;
        ctx.finish(wallets::apply(self.wallet_id, &seen)).await
    }
}
