//! `POST /transfers`.

use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::response::Response;

use super::super::error::Refusal;
use super::super::gate::RequestKey;
use super::super::{Dwolla, hal};
use super::check::{Body, check};
use super::legs;
use crate::http::Whole;

/// The handler: 201, nothing in the body, and the leg that the client should follow in `Location`.
pub(crate) async fn create(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Extension(RequestKey(key)): Extension<RequestKey>,
    Extension(Whole(body)): Extension<Whole>,
) -> Result<Response, Refusal> {
    let body: Body = serde_json::from_slice(&body).map_err(|_| Refusal::bad_request())?;
    dwolla.with(|state| {
        let draft = check(state, body)?;
        let id = legs::start(state, &draft, key);
        Ok(hal::created(&state.location("transfers", id)))
    })
}
