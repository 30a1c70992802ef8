//! One of Plaid's webhook keys, for the ingress, which holds no partner secret.

use crate::handler::Answerer;
use crate::services::Services;
use subjects::envelope::Problem;
use subjects::operations::{PlaidKeyAnswer, PlaidKeyAsk};

impl Answerer for PlaidKeyAsk {
    async fn answer(self, services: &Services) -> Result<PlaidKeyAnswer, Problem> {
        let key = services.partners.plaid.webhook_key(&self.kid).await;
        key.map(|key| PlaidKeyAnswer { key })
            .map_err(|fault| Problem::new(503, fault.code(), fault.message()))
    }
}
