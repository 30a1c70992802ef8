//! Around every request: its correlation id, what browsers must be told, one line in the log.
//!
//! The line names the route and never the address that was asked for, whose query may hold an
//! account or a token.

use super::Ingress;
use super::context::RequestId;
use super::cors::{is_preflight, preflight};
use super::problem::{OPERATION, Refusal};
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The outermost layer.
pub(crate) async fn observe(
    State(ingress): State<Arc<Ingress>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = RequestId::of(request.headers());
    let method = request.method().clone();
    let origin = request.headers().get(header::ORIGIN).cloned();
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(id.clone());
    let mut response = if is_preflight(&method, request.headers()) {
        preflight()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        headers.insert(REQUEST_ID, value);
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    ingress.origins.open(origin.as_ref(), headers);
    tracing::info!(
        method = method.as_str(),
        route = route.as_ref().map_or("unmatched", MatchedPath::as_str),
        status = response.status().as_u16(),
        duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        request_id = &*id.0,
        operation = operation(response.headers()),
        "request"
    );
    response
}

fn operation(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(OPERATION)
        .and_then(|operation| operation.to_str().ok())
}

/// The answer when a handler panicked. The panic's text is for the log only.
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Response<Body> {
    let text = panic.downcast::<String>().map(|text| *text);
    let text = text.or_else(|panic| panic.downcast::<&str>().map(|text| (*text).to_owned()));
    tracing::error!(
        panic = text.as_deref().unwrap_or("not a text"),
        "a request panicked"
    );
    Refusal::internal().into_response()
}
