//! Says whether an identity may act on what a request names.

use crate::handler::{Answerer, unavailable};
use crate::services::Services;
use subjects::directory::{Access, AccessAnswer};
use subjects::envelope::Problem;
use tranche::store::directory;

impl Answerer for Access {
    async fn answer(self, services: &Services) -> Result<AccessAnswer, Problem> {
        directory::access(&services.db, &self)
            .await
            .map_err(|e| unavailable(&e))
    }
}
