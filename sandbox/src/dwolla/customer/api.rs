//! `GET /customers/{id}`.

use std::sync::Arc;

use axum::extract::{Path, State as Shared};
use axum::response::Response;

use super::super::error::Refusal;
use super::super::{Dwolla, hal};
use super::NOT_FOUND;

/// The handler.
pub(crate) async fn get(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = hal::path_id(&id, NOT_FOUND)?;
    dwolla.with(|state| {
        let customer = state
            .customers
            .get(id)
            .ok_or_else(|| Refusal::not_found(NOT_FOUND))?;
        Ok(hal::ok(&customer.resource(state)))
    })
}
