//! Connects one account of an exchanged login to the wallet, as a funding source at Dwolla.
//!
//! The dialog sends one of these for each chosen account, all at once. Dwolla knows a bank account by
//! its number: linking it twice gives the same funding source.

use crate::handler::{Ctx, Handler, not_found, read};
use secrecy::SecretString;
use subjects::envelope::Problem;
use subjects::ids::{DwollaCustomerId, WalletId};
use subjects::wallet::{BankProcess, BankProcessed, FundingSourceStatus, WalletStatus};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::{Cause, Fault};
use tranche::partners::BankAccountKind;
use tranche::partners::dwolla::CreateFundingSource;
use tranche::store::wallets::{self, Item, NewBank};

impl Handler for BankProcess {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<BankProcessed>, Fault> {
        let services = ctx.services();
        let handle = self
            .access_token
            .parse()
            .map_err(|_| unknown("access_token"))?;
        let item = read(wallets::item(&services.db, handle, self.profile_id).await)?;
        let item = item
            .filter(|item| !item.removed)
            .ok_or_else(|| unknown("access_token"))?;
        let (wallet, customer) = verified(&item)?;
        let account = item
            .accounts
            .iter()
            .find(|a| a.account_id == self.account_id);
        let account = account.ok_or_else(|| unknown("account_id"))?;
        let kind = BankAccountKind::parse(&account.subtype);
        let kind = kind.ok_or_else(|| unusable(&account.subtype))?;
        let access = services.sealer.open(&item.access_token);
        let access = access.map_err(|e| Fault::Bug(Cause::of("token_unreadable", &e)))?;
        let access = SecretString::from(String::from_utf8_lossy(&access).into_owned());
        let create = CreateFundingSource {
            dwolla: services.partners.dwolla.clone(),
            customer,
            processor_token: services
                .partners
                .plaid
                .processor_token(&access, &self.account_id)
                .await?,
            name: self.name.clone(),
            kind,
        };
        let created = ctx.effect("funding_source", &create).await?;
        let source = services.partners.dwolla.funding_source(&created.id).await?;
        let status = match (source.removed, source.verified) {
            (true, _) => FundingSourceStatus::Removed,
            (false, true) => FundingSourceStatus::Verified,
            (false, false) => FundingSourceStatus::Unverified,
        };
        let bank = NewBank {
            wallet,
            dwolla: created.id,
            item: item.id,
            token: self.access_token,
            kind: kind.as_str().to_owned(),
            bank_name: source.bank_name.unwrap_or_default(),
            name: self.name,
            last4: self.last4,
            status,
        };
        ctx.finish(wallets::add_bank(&bank)).await
    }
}

fn verified(item: &Item) -> Result<(WalletId, DwollaCustomerId), Fault> {
    match &item.wallet {
        Some((id, WalletStatus::Verified, Some(customer))) => Ok((*id, customer.clone())),
        Some(_) => {
            let text = "the wallet is not verified: no bank account can be linked yet";
            Err(Fault::refuse(412, "wallet_not_verified", text))
        }
        None => Err(not_found()),
    }
}

fn unknown(field: &str) -> Fault {
    let text = "unknown or expired: open the bank's dialog again";
    Fault::Refuse(Problem::new(400, "unknown_bank_account", text).field(field, text))
}

fn unusable(subtype: &str) -> Fault {
    let text = format!("only checking and savings accounts can be linked, this is {subtype:?}");
    Fault::Refuse(Problem::new(400, "account_kind", &text).field("account_id", text))
}
