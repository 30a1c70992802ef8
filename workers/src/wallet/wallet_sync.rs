//! Reads the customer at Dwolla and brings our row to its state: for doubts, and for lost webhooks.

use super::customer;
use crate::handler::{Ctx, Handler};
use subjects::wallet::{WalletState, WalletSync};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::store::wallets;

impl Handler for WalletSync {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<WalletState>, Fault> {
        let wallet = customer::load(ctx, self.wallet_id).await?;
        let Some(id) = &wallet.customer else {
            let text = "the wallet has no customer at Dwolla: use recreate";
            return Err(Fault::refuse(409, "no_customer", text));
        };
        let dwolla = &ctx.services().partners.dwolla;
        let seen = customer::seen(dwolla, &dwolla.customer(id).await?, false).await?;
        ctx.finish(wallets::apply(self.wallet_id, &seen)).await
    }
}
