//! How an operation stands.

use super::may_see;
use crate::handler::{Answerer, unavailable};
use crate::services::Services;
use subjects::envelope::Problem;
use subjects::operations::{OperationAnswer, OperationAsk};
use tranche::store::operations;

impl Answerer for OperationAsk {
    async fn answer(self, services: &Services) -> Result<OperationAnswer, Problem> {
        let seen = operations::look_up(&services.db, self.id)
            .await
            .map_err(|e| unavailable(&e))?;
        let seen = seen.filter(|seen| may_see(&seen.caller, self.identity));
        Ok(OperationAnswer {
            operation: seen.map(|seen| seen.operation),
        })
    }
}
