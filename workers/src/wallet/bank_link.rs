//! A token with which the browser opens Plaid's bank-link dialog. It costs nothing to ask twice.

use crate::handler::{Answerer, unavailable};
use crate::services::Services;
use subjects::envelope::Problem;
use subjects::wallet::{BankLink, BankLinkToken, WalletStatus};
use tranche::store::wallets;

impl Answerer for BankLink {
    async fn answer(self, services: &Services) -> Result<BankLinkToken, Problem> {
        let wallet = wallets::detail(&services.db, self.profile_id).await;
        let wallet = wallet.map_err(|e| unavailable(&e))?;
        if !wallet.is_some_and(|w| w.status == WalletStatus::Verified) {
            let text = "the wallet is not verified: no bank account can be linked yet";
            return Err(Problem::new(412, "wallet_not_verified", text));
        }
        let person = format!("profile-{}", self.profile_id);
        let token = services.partners.plaid.link_token(&person).await;
        token.map_err(|fault| Problem::new(424, fault.code(), fault.message()))
    }
}
