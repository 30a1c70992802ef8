//! Whether the process lives, and whether it should be sent requests.

use super::Ingress;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::sync::Arc;

/// `GET /healthz`: the process answers.
pub(crate) async fn alive() -> Response {
    Json(json!({"status": "alive"})).into_response()
}

/// `GET /readyz`: commands can be accepted now; 503 with the failing check otherwise.
pub(crate) async fn ready(State(ingress): State<Arc<Ingress>>) -> Response {
    let connected = ingress.is_connected();
    let serving = !ingress.shutdown.is_cancelled();
    let ready = connected && serving;
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let checks = json!([
        {"name": "nats", "ok": connected, "expected": "a connection to the broker"},
        {"name": "serving", "ok": serving, "expected": "no shutdown under way"},
    ]);
    let body = json!({"status": if ready { "ready" } else { "unready" }, "checks": checks});
    (status, Json(body)).into_response()
}
