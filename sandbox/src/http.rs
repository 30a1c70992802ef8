//! What every partner's routes share: the frame around a request.
//!
//! The frame reads the whole body, runs the rest as a task of its own, so that a client that hangs up does not undo
//! what the partner has begun, writes the call log, and resets the connection where a fault says so.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use uuid::Uuid;

use crate::calls::{Call, CallLog};
use crate::clock::{Clock, iso};
use crate::faults::CutConnection;
use crate::ledger::Partner;
use crate::wire::Caller;

/// Documents are at most 10 MB; the multipart wrapping needs a little more.
const BODY_LIMIT: usize = 12 * 1024 * 1024;

/// What the frame of one partner needs.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) partner: Partner,
    pub(crate) calls: Arc<CallLog>,
    pub(crate) clock: Clock,
}

/// The body of a request, already read.
#[derive(Clone)]
pub(crate) struct Whole(pub(crate) Bytes);

/// The middleware.
pub(crate) async fn frame(
    State(frame): State<Frame>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let mut call = Call {
        partner: frame.partner,
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        idempotency_key: text_header(&parts.headers, "idempotency-key"),
        status: None,
        at: String::new(),
    };
    parts.extensions.insert(Whole(bytes.clone()));
    let request = Request::from_parts(parts, Body::from(bytes));
    let mut response = match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, path = call.path, "a sandbox handler panicked");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    };
    let cut = response
        .extensions_mut()
        .remove::<CutConnection>()
        .is_some();
    if cut {
        caller.cut();
    } else {
        call.status = Some(response.status().as_u16());
    }
    if let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
        response.headers_mut().insert("x-request-id", id);
    }
    call.at = iso(frame.clock.now());
    frame.calls.push(call);
    response
}

/// A header as text, when it is there and readable.
pub(crate) fn text_header(headers: &axum::http::HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

/// A JSON answer with this media type.
pub(crate) fn json(status: StatusCode, media: &'static str, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, media)], body.to_string()).into_response()
}

/// The pairs of a query string or form, decoded; a name may come several times.
pub(crate) struct Pairs(Vec<(String, String)>);

impl Pairs {
    pub(crate) fn parse(text: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(text).into_owned().collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// All pairs but these, to be written into the links of a page.
    pub(crate) fn without(&self, names: &[&str]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (key, value) in self
            .0
            .iter()
            .filter(|(key, _)| !names.contains(&key.as_str()))
        {
            query.append_pair(key, value);
        }
        query.finish()
    }
}
