//! Unlinks a bank account: out of use here, removed at Dwolla, and access given back at Plaid once no
//! account of the login is in use.
//!
//! The order matters: giving access back first could invalidate the account number that a pending
//! debit uses, and the bank would return it.

use crate::handler::{Ctx, Handler, read};
use secrecy::SecretString;
use subjects::wallet::{BankDelete, BankDeleted, FundingSourceStatus};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::{Cause, Fault};
use tranche::partners::dwolla::RemoveFundingSource;
use tranche::partners::plaid::RemoveItem;
use tranche::store::wallets;

impl Handler for BankDelete {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<BankDeleted>, Fault> {
        let bank = wallets::hold_bank(self.profile_id, self.funding_source_id);
        let bank = ctx.step("hold", bank).await?;
        let dwolla = ctx.services().partners.dwolla.clone();
        let remove = RemoveFundingSource {
            dwolla,
            id: bank.dwolla_id.clone(),
        };
        ctx.effect("remove", &remove).await?;
        let item = bank.plaid_item_id.filter(|_| bank.last_of_item);
        if let Some(item) = item {
            give_back(ctx, item).await?;
        }
        let status = FundingSourceStatus::Removed;
        let answer = BankDeleted {
            funding_source_id: self.funding_source_id,
            status,
        };
        ctx.finish(wallets::bank_status(&bank.dwolla_id, status, item, &answer))
            .await
    }
}

async fn give_back(ctx: &Ctx, item: i64) -> Result<(), Fault> {
    let login = read(wallets::login(&ctx.services().db, item).await)?;
    let Some((item_id, sealed)) = login else {
        return Ok(());
    };
    let token = ctx.services().sealer.open(&sealed);
    let token = token.map_err(|e| Fault::Bug(Cause::of("token_unreadable", &e)))?;
    let access_token = SecretString::from(String::from_utf8_lossy(&token).into_owned());
    let plaid = ctx.services().partners.plaid.clone();
    ctx.effect(
        "item",
        &RemoveItem {
            plaid,
            item_id,
            access_token,
        },
    )
    .await
}
