//! Refusals: the one way in which the ingress says no, in the only error body that the client reads.
//!
//! The body is `{"__error__": ["sentence"], "<field>": ["message"]}`. `__error__` is always there,
//! because a client that finds only fields shows a generic text in its toast.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use std::time::Duration;
use subjects::envelope::{self, Problem};
use subjects::ids::OperationId;

/// A request is refused: the problem, and what its headers say besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal(Box<Parts>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    problem: Problem,
    retry_after: Option<Duration>,
    operation: Option<OperationId>,
}

impl Refusal {
    /// 400: the request can not be read, or does not fit its type.
    pub(crate) fn bad_request(message: &str) -> Self {
        Problem::new(400, "bad_request", message).into()
    }

    /// 400: one field is at fault.
    pub(crate) fn bad_field(field: &str, message: impl Into<String>) -> Self {
        Problem::new(400, "bad_request", "Bad request.")
            .field(field, message)
            .into()
    }

    /// 401: nobody is signed in.
    pub(crate) fn no_identity() -> Self {
        Problem::new(401, "no_identity", "empty identity_id").into()
    }

    /// 401: what was sent proves nothing.
    pub(crate) fn unauthorized() -> Self {
        Problem::new(401, "unauthorized", "Authorization error.").into()
    }

    /// 403: known, and not allowed.
    pub(crate) fn forbidden() -> Self {
        Problem::new(403, "forbidden", "Forbidden error.").into()
    }

    /// 404: it does not exist, or it is somebody else's; the answer does not say which.
    pub(crate) fn not_found() -> Self {
        Problem::new(404, "not_found", "Not found.").into()
    }

    /// 409: the idempotency key belongs to another request, which is left as it is.
    pub(crate) fn conflict(operation: OperationId) -> Self {
        let message = "The idempotency key was used for another request: \
                       repeat that request, or choose a new key.";
        Self::from(Problem::new(409, "idempotency_conflict", message)).of(operation)
    }

    /// 413: the body is larger than the limit.
    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("The body is larger than {limit} bytes.");
        Problem::new(413, "too_large", message).into()
    }

    /// 429: too many requests of one caller.
    pub(crate) fn too_many(wait: Duration) -> Self {
        let message = "Too many requests: try again later.";
        Self::from(Problem::new(429, "rate_limited", message)).retry_after(wait)
    }

    /// 500: our mistake.
    pub(crate) fn internal() -> Self {
        Problem::new(500, "internal", "Something went wrong on our side.").into()
    }

    /// 503: a part that is needed does not answer.
    pub(crate) fn unavailable(message: &str) -> Self {
        Self::from(Problem::new(503, "unavailable", message)).retry_after(Duration::from_secs(2))
    }

    /// Says when to try again.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Names the operation that the refusal is about.
    pub(crate) fn of(mut self, operation: OperationId) -> Self {
        self.0.operation = Some(operation);
        self
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        let wanted = StatusCode::from_u16(self.0.problem.status).ok();
        let error = wanted.filter(|status| status.is_client_error() || status.is_server_error());
        error.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(Box::new(Parts {
            problem,
            retry_after: None,
            operation: None,
        }))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, Json(body(&self.0.problem))).into_response();
        if let Some(wait) = self.0.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if let Some(operation) = self.0.operation {
            point_at(&mut response, operation);
        }
        response
    }
}

/// The contract's error body of a problem.
fn body(problem: &Problem) -> Value {
    let mut body = Map::new();
    body.insert(
        "__error__".to_owned(),
        Value::from(vec![problem.message.clone()]),
    );
    for (field, messages) in &problem.fields {
        body.insert(field.clone(), Value::from(messages.clone()));
    }
    Value::Object(body)
}

/// Puts the operation's id and address into an answer's headers.
pub(crate) fn point_at(response: &mut Response, operation: OperationId) {
    let texts = [
        (header::LOCATION, format!("/operations/{operation}")),
        (
            header::HeaderName::from_static(OPERATION),
            operation.to_string(),
        ),
    ];
    for (name, text) in texts {
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// [`envelope::header::OPERATION`] as HTTP/2 spells header names.
pub(crate) const OPERATION: &str = "tranche-operation";
const _: () = assert!(OPERATION.eq_ignore_ascii_case(envelope::header::OPERATION));

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_body_always_has_a_sentence_and_the_fields_beside_it() {
        let problem = Problem::new(400, "bad_request", "Bad request.")
            .field("amount", "missing data for required field");
        let expected = json!({
            "__error__": ["Bad request."],
            "amount": ["missing data for required field"],
        });
        assert_eq!(body(&problem), expected);
    }

    #[test]
    fn a_problem_that_claims_success_is_answered_as_our_mistake() {
        let refusal = Refusal::from(Problem::new(200, "odd", "odd"));
        assert_eq!(refusal.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn the_time_to_wait_is_rounded_up_to_whole_seconds() {
        let response = Refusal::too_many(Duration::from_millis(1200)).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    }
}
