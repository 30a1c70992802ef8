//! Dwolla's error envelope: `code`, `message`, and for validation errors the embedded list with JSON pointers.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::hal;

/// One entry of a validation error's embedded list.
pub(crate) struct Flaw {
    code: &'static str,
    message: String,
    path: String,
    about: Option<String>,
}

impl Flaw {
    pub(crate) fn new(
        code: &'static str,
        message: impl Into<String>,
        path: impl Into<String>,
    ) -> Self {
        Self {
            code,
            message: message.into(),
            path: path.into(),
            about: None,
        }
    }

    /// Points at the resource that is already there.
    pub(crate) fn about(mut self, href: String) -> Self {
        self.about = Some(href);
        self
    }

    fn body(&self) -> Value {
        let links = self
            .about
            .as_ref()
            .map_or_else(|| json!({}), |href| json!({"about": {"href": href}}));
        json!({"code": self.code, "message": self.message, "path": self.path, "_links": links})
    }
}

/// A refused request.
pub(crate) struct Refusal {
    status: StatusCode,
    body: Value,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &str, message: &str) -> Self {
        Self {
            status,
            body: json!({"code": code, "message": message}),
        }
    }

    pub(crate) fn bad_request() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "BadRequest",
            "The request body contains bad syntax or is incomplete.",
        )
    }

    pub(crate) fn validation(flaws: &[Flaw]) -> Self {
        let errors: Vec<Value> = flaws.iter().map(Flaw::body).collect();
        Self {
            status: StatusCode::BAD_REQUEST,
            body: json!({
                "code": "ValidationError",
                "message": "Validation error(s) present. See embedded errors list for more details.",
                "_embedded": {"errors": errors},
            }),
        }
    }

    pub(crate) fn flaw(code: &'static str, message: &str, path: &str) -> Self {
        Self::validation(&[Flaw::new(code, message, path)])
    }

    /// The resource exists: `about` says where.
    pub(crate) fn duplicate(message: &str, about: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            body: json!({"code": "DuplicateResource", "message": message, "_links": {"about": {"href": about}}}),
        }
    }

    pub(crate) fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", message)
    }

    pub(crate) fn wrong_state(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "InvalidResourceState", message)
    }

    pub(crate) fn conflict(message: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "Conflict", message)
    }

    pub(crate) fn unauthorized(code: &str, message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }

    /// What Dwolla would answer with this status, for a fault that asks for it.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let (code, message) = match status.as_u16() {
            400 => return Self::bad_request(),
            401 => ("InvalidAccessToken", "Invalid access token."),
            403 => (
                "Forbidden",
                "The supplied credentials are not authorized for this resource.",
            ),
            404 => ("NotFound", "The requested resource was not found."),
            409 => (
                "Conflict",
                "A request with this idempotency key is being processed.",
            ),
            429 => (
                "TooManyRequests",
                "Please wait a short period of time before re-attempting the request.",
            ),
            _ => (
                "ServerError",
                "A server error occurred. Error ID: 00000000-sandbox-fault",
            ),
        };
        Self::new(status, code, message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        hal::answer(self.status, &self.body)
    }
}
