//! Exchanges the public token of Plaid's dialog, once.
//!
//! The token works once and lives 30 minutes, and Plaid has no way to ask for a lost answer again: an
//! answer that was lost is lost, and the person opens the dialog anew. The access token is sealed
//! before it is recorded anywhere; the browser gets a handle.

use crate::handler::{Ctx, Handler};
use subjects::wallet::{BankAccount, BankExchange, BankExchanged};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::partners::plaid::{Account, ExchangePublicToken};
use tranche::store::wallets;
use uuid::Uuid;

impl Handler for BankExchange {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<BankExchanged>, Fault> {
        let exchange = ExchangePublicToken {
            plaid: ctx.services().partners.plaid.clone(),
            sealer: ctx.services().sealer.clone(),
            public_token: self.public_token.into(),
        };
        let item = ctx.effect("exchange", &exchange).await?;
        let access = item.access_token(&ctx.services().sealer)?;
        let accounts = ctx.services().partners.plaid.accounts(&access).await?;
        let accounts: Vec<BankAccount> = accounts.into_iter().map(shown).collect();
        let handle = Uuid::new_v5(&ctx.operation(), b"handle");
        let (id, token) = (&item.item_id, &item.sealed_access_token);
        ctx.finish(wallets::keep_item(
            self.profile_id,
            handle,
            id,
            token,
            &accounts,
        ))
        .await
    }
}

fn shown(account: Account) -> BankAccount {
    BankAccount {
        account_id: account.account_id,
        name: account.name,
        mask: account.mask.unwrap_or_default(),
        subtype: account
            .kind
            .map(|kind| kind.as_str().to_owned())
            .unwrap_or_default(),
    }
}
