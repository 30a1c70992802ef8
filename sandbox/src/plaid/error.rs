//! Plaid's error body. Only `error_type` and `error_code` are stable for programs.

use axum::http::StatusCode;
use serde_json::{Value, json};

/// A refused request.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    kind: &'static str,
    code: &'static str,
    message: String,
}

impl Refusal {
    fn new(
        status: StatusCode,
        kind: &'static str,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            kind,
            code,
            message: message.into(),
        }
    }

    /// 400 `INVALID_REQUEST`.
    pub(super) fn request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_REQUEST", code, message)
    }

    /// 400 `INVALID_INPUT`.
    pub(super) fn input(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_INPUT", code, message)
    }

    /// 400 `ITEM_ERROR`.
    pub(super) fn item(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ITEM_ERROR", code, message)
    }

    pub(super) fn access_token() -> Self {
        Self::input(
            "INVALID_ACCESS_TOKEN",
            "could not find matching access token",
        )
    }

    /// What Plaid would answer with this status, for a fault that asks for it.
    pub(super) fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            404 => Self::new(status, "INVALID_REQUEST", "NOT_FOUND", "not found"),
            429 => {
                let message =
                    "rate limit exceeded for attempts to access this item. please try again later";
                Self::new(status, "RATE_LIMIT_EXCEEDED", "RATE_LIMIT", message)
            }
            400..500 => Self::new(
                status,
                "INVALID_REQUEST",
                "INVALID_FIELD",
                "refused by a fault of the sandbox",
            ),
            _ => Self::new(
                status,
                "API_ERROR",
                "INTERNAL_SERVER_ERROR",
                "an unexpected error occurred",
            ),
        }
    }

    pub(super) fn body(&self, request_id: &str) -> Value {
        let anchor = self.kind.to_lowercase().replace('_', "-");
        json!({
            "error_type": self.kind, "error_code": self.code, "error_message": self.message, "display_message": null,
            "request_id": request_id, "documentation_url": format!("https://plaid.com/docs/?ref=error#{anchor}-errors"),
            "suggested_action": null,
        })
    }
}
