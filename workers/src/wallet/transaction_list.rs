//! The movements of a wallet.

use crate::handler::{Answerer, unavailable};
use crate::services::Services;
use subjects::envelope::Problem;
use subjects::wallet::{TransactionList, Transactions};
use tranche::store::movements;

impl Answerer for TransactionList {
    async fn answer(self, services: &Services) -> Result<Transactions, Problem> {
        movements::transactions(&services.db, self.wallet_id)
            .await
            .map_err(|e| unavailable(&e))
    }
}
