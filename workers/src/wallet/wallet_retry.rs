//! The one retry that Dwolla allows: all data again, with the full SSN.
//!
//! Four digits would be taken as a wrong SSN and the wallet would land with a document to upload, so
//! that is refused here, before the attempt is used up.

use super::customer;
use crate::handler::{Ctx, Handler};
use subjects::envelope::Problem;
use subjects::wallet::{WalletRetry, WalletState, WalletStatus};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::partners::dwolla::RetryCustomer;
use tranche::store::wallets::{self, WalletCustomer};

impl Handler for WalletRetry {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<WalletState>, Fault> {
        let wallet = customer::load(ctx, self.wallet_id).await?;
        if !ctx.has_begun("retry") {
            may_retry(&wallet)?;
        }
        let Some(id) = wallet.customer.clone() else {
            return Err(Fault::refuse(
                409,
                "no_customer",
                "the wallet has no customer at Dwolla",
            ));
        };
        let data = customer::data(ctx, &wallet)?;
        let dwolla = ctx.services().partners.dwolla.clone();
        let retry = RetryCustomer {
            dwolla: dwolla.clone(),
            customer: id,
            data,
        };
        let retried = ctx.effect("retry", &retry).await?;
        let seen = customer::seen(&dwolla, &retried, true).await?;
        ctx.finish(wallets::apply(self.wallet_id, &seen)).await
    }
}

fn may_retry(wallet: &WalletCustomer) -> Result<(), Fault> {
    if wallet.status != WalletStatus::ErrorRetry || wallet.retried {
        let text = "Dwolla allows one retry, and only when it asked for it";
        return Err(Fault::refuse(409, "retry_not_allowed", text));
    }
    if wallet.ssn_digits != 9 {
        let problem = Problem::new(
            412,
            "full_ssn_needed",
            "the retry needs all 9 digits of the SSN",
        );
        return Err(Fault::Refuse(
            problem.field("ssn", "shorter than minimum length 9"),
        ));
    }
    Ok(())
}
