//! The control verbs over HTTP. Answers are JSON; a verb that cannot be done answers 404 or 400 with `{"error": …}`.

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Control;
use crate::calls::CallQuery;
use crate::courier::Weather;
use crate::error::SandboxError;
use crate::faults::FaultSpec;
use crate::ledger::LedgerQuery;
use crate::plaid::{Guise, PlaidWebhooks};

/// Everything under `/_sandbox`.
pub(crate) fn routes(control: Control) -> Router {
    Router::new()
        .route("/health", get(|| async { Json(json!({"status": "ok"})) }))
        .route("/ledger", get(ledger))
        .route("/calls", get(calls))
        .route("/faults", get(faults).post(arm).delete(clear))
        .route("/faults/{id}/release", post(release))
        .route("/faults/{id}/await", get(await_fired))
        .route("/webhooks", get(webhooks).post(set_webhooks))
        .route("/webhooks/flush", post(flush))
        .route("/webhooks/settle", post(settle))
        .route("/clock", get(clock))
        .route("/clock/advance", post(advance))
        .route("/dwolla", get(dwolla).post(set_dwolla))
        .route("/dwolla/customers/{id}", post(set_customer))
        .route("/plaid/webhooks", get(plaid).post(set_plaid))
        .route("/plaid/webhooks/send", post(send_plaid))
        .route("/plaid/keys/rotate", post(rotate))
        .route("/kratos/sessions", get(kratos).post(log_in))
        .route("/kratos/sessions/{which}", delete(log_out))
        .with_state(control)
}

impl IntoResponse for SandboxError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Unknown { .. } => StatusCode::NOT_FOUND,
            Self::TimedOut { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Listen { .. } | Self::Client(_) | Self::Key => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(json!({"error": self.to_string()}))).into_response()
    }
}

async fn ledger(State(control): State<Control>, Query(query): Query<LedgerQuery>) -> Json<Value> {
    Json(json!({"effects": control.ledger(&query)}))
}

async fn calls(State(control): State<Control>, Query(query): Query<CallQuery>) -> Json<Value> {
    Json(json!({"calls": control.calls(&query)}))
}

async fn faults(State(control): State<Control>) -> Json<Value> {
    Json(json!({"faults": control.faults()}))
}

async fn arm(State(control): State<Control>, Json(spec): Json<FaultSpec>) -> Response {
    (StatusCode::CREATED, Json(json!({"id": control.arm(spec)}))).into_response()
}

async fn clear(State(control): State<Control>) -> StatusCode {
    control.clear_faults();
    StatusCode::NO_CONTENT
}

async fn release(
    State(control): State<Control>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, SandboxError> {
    control.release(id).map(|()| StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Fired {
    fired: Option<u64>,
}

async fn await_fired(
    State(control): State<Control>,
    Path(id): Path<Uuid>,
    Query(query): Query<Fired>,
) -> Result<StatusCode, SandboxError> {
    control
        .await_fired(id, query.fired.unwrap_or(1))
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

async fn webhooks(State(control): State<Control>) -> Json<Value> {
    Json(json!({"weather": control.webhooks(), "held": control.held_webhooks()}))
}

async fn set_webhooks(State(control): State<Control>, Json(weather): Json<Weather>) -> StatusCode {
    control.set_webhooks(weather);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Flush {
    #[serde(default)]
    reversed: bool,
}

async fn flush(State(control): State<Control>, body: Option<Json<Flush>>) -> Json<Value> {
    let reversed = body.is_some_and(|Json(flush)| flush.reversed);
    Json(json!({"delivered": control.flush_webhooks(reversed).await}))
}

async fn settle(State(control): State<Control>) -> Result<StatusCode, SandboxError> {
    control
        .settle_webhooks()
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

async fn clock(State(control): State<Control>) -> Json<Value> {
    Json(json!({"now": crate::clock::iso(control.now())}))
}

#[derive(Deserialize)]
struct Advance {
    seconds: u64,
}

async fn advance(State(control): State<Control>, Json(by): Json<Advance>) -> Json<Value> {
    control.advance(Duration::from_secs(by.seconds));
    Json(json!({"now": crate::clock::iso(control.now())}))
}

async fn dwolla(State(control): State<Control>) -> Json<Value> {
    Json(json!(control.dwolla()))
}

/// Changes only the switches that the body names.
async fn set_dwolla(
    State(control): State<Control>,
    Json(changes): Json<serde_json::Map<String, Value>>,
) -> Result<Json<Value>, SandboxError> {
    let mut merged = json!(control.dwolla());
    for (name, value) in changes {
        merged[name] = value;
    }
    let switches = serde_json::from_value(merged).map_err(|error| {
        SandboxError::Invalid(format!("these are no switches of Dwolla: {error}"))
    })?;
    control.set_dwolla(switches);
    Ok(Json(json!(control.dwolla())))
}

#[derive(Deserialize)]
struct CustomerStatus {
    status: String,
}

async fn set_customer(
    State(control): State<Control>,
    Path(id): Path<String>,
    Json(body): Json<CustomerStatus>,
) -> Result<StatusCode, SandboxError> {
    control
        .set_customer_status(&id, &body.status)
        .map(|()| StatusCode::NO_CONTENT)
}

async fn plaid(State(control): State<Control>) -> Json<Value> {
    Json(json!(control.plaid()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaidChange {
    target: Option<String>,
    guise: Option<Guise>,
}

async fn set_plaid(State(control): State<Control>, Json(change): Json<PlaidChange>) -> Json<Value> {
    let now = control.plaid();
    control.set_plaid(PlaidWebhooks {
        target: change.target.or(now.target),
        guise: change.guise.unwrap_or(now.guise),
    });
    Json(json!(control.plaid()))
}

async fn send_plaid(
    State(control): State<Control>,
    Json(body): Json<Value>,
) -> Result<StatusCode, SandboxError> {
    control.send_plaid(&body).map(|()| StatusCode::ACCEPTED)
}

#[derive(Deserialize)]
struct Rotate {
    #[serde(default)]
    expire_old: bool,
}

async fn rotate(
    State(control): State<Control>,
    body: Option<Json<Rotate>>,
) -> Result<Json<Value>, SandboxError> {
    let expire_old = body.is_some_and(|Json(rotate)| rotate.expire_old);
    Ok(Json(json!({"kid": control.rotate_plaid_key(expire_old)?})))
}

async fn kratos(State(control): State<Control>) -> Json<Value> {
    Json(json!({"whoami_calls": control.whoami_calls()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogIn {
    identity_id: Uuid,
    email: Option<String>,
}

async fn log_in(State(control): State<Control>, Json(body): Json<LogIn>) -> Response {
    let session = control.log_in(body.identity_id, body.email);
    let shown = json!({
        "id": session.id, "identity_id": session.identity_id, "cookie": session.cookie, "token": session.token,
    });
    (StatusCode::CREATED, Json(shown)).into_response()
}

async fn log_out(
    State(control): State<Control>,
    Path(which): Path<String>,
) -> Result<Json<Value>, SandboxError> {
    Ok(Json(json!({"revoked": control.log_out(&which)?})))
}
