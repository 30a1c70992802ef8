//! The wallet of a profile.

use crate::handler::{Answerer, unavailable};
use crate::services::Services;
use subjects::envelope::Problem;
use subjects::wallet::{Wallet, WalletDetail};
use tranche::store::wallets;

impl Answerer for WalletDetail {
    async fn answer(self, services: &Services) -> Result<Wallet, Problem> {
        let wallet = wallets::detail(&services.db, self.profile_id).await;
        let wallet = wallet.map_err(|e| unavailable(&e))?;
        wallet.ok_or_else(|| Problem::new(404, "not_found", "Not found."))
    }
}
