//! `POST /on-demand-authorizations`: the text that a user agrees to, and the link that proves it.

use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::response::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use super::gate::RequestKey;
use super::{Dwolla, hal};
use crate::ledger::{Effect, Partner};

/// Answers 200 with a body, unlike every other create.
pub(crate) async fn authorize(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Extension(RequestKey(key)): Extension<RequestKey>,
) -> Response {
    dwolla.with(|state| {
        let id = Uuid::new_v4();
        let effect = Effect::new(Partner::Dwolla, "on_demand_authorization.created", id);
        state.record(Effect { idempotency_key: key, ..effect });
        let href = state.location("on-demand-authorizations", id);
        let links = hal::Links::default().with("self", &href, "on-demand-authorization");
        hal::ok(&json!({
            "_links": Value::from(links),
            "bodyText": "I agree that future payments to this application will be processed by the Dwolla payment \
                         system from the selected account above. In order to cancel this authorization, I will change \
                         my payment settings within my account.",
            "buttonText": "Agree & Continue",
        }))
    })
}
