//! What Plaid's answers are, before an endpoint says what they mean.
//!
//! Only `error_type` and `error_code` are stable; messages are for people. A wrong client id or
//! secret is a 400 like everything else that Plaid refuses.

use crate::bus::fault::{Cause, Fault};
use crate::partners::http::{Reply, Transport};
use bytes::Bytes;
use serde::Deserialize;
use std::time::Duration;
use subjects::envelope::Problem;

/// A classified answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// 200.
    Fine(Bytes),
    /// The access token is not known: the item was removed, or never was in this environment.
    ItemGone(Refusal),
    /// The webhook key id is not known.
    NoSuchKey(Refusal),
    /// Our client id or secret is not accepted, or may not do this.
    Credentials(Refusal),
    /// We wrote a request that Plaid can not read.
    Malformed(Refusal),
    /// Any other refusal.
    Refused(Refusal),
    /// 429.
    TooMany(Fault),
    /// 5xx.
    Broken(Cause),
    /// A status that Plaid does not use.
    Odd(Cause),
    /// Nothing was sent.
    NotSent(Fault),
    /// Sent, and no answer.
    Lost(Cause),
}

/// Why Plaid said no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// `error_code` in lower case; `http_400` if there was none.
    pub(super) code: String,
    /// Plaid's sentence.
    pub(super) message: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Envelope {
    #[serde(rename = "error_type")]
    kind: Option<String>,
    #[serde(rename = "error_code")]
    code: Option<String>,
    #[serde(rename = "error_message")]
    message: Option<String>,
}

impl Refusal {
    /// The refusal as the end of an operation.
    pub(super) fn reject(&self) -> Fault {
        Fault::Reject(Problem::new(424, &self.code, self.message.clone()))
    }

    /// The refusal as a mistake of ours.
    pub(super) fn bug(&self) -> Fault {
        Fault::bug(
            "plaid_request",
            format!("Plaid can not read our request: {}", self.summary()),
        )
    }

    /// The refusal of our credentials: right again as soon as they are.
    pub(super) fn credentials(&self) -> Fault {
        let message = format!("check plaid.client_id and plaid.secret: {}", self.summary());
        Fault::retry("plaid_credentials", message)
    }

    fn summary(&self) -> String {
        format!("{}: {}", self.code, self.message)
    }
}

/// What an answer is.
pub(super) fn classify(sent: Result<Reply, Transport>) -> Answer {
    let reply = match sent {
        Ok(reply) => reply,
        Err(Transport::NotSent(fault)) => return Answer::NotSent(fault),
        Err(Transport::Unknown(cause)) => return Answer::Lost(cause),
    };
    let status = reply.status.as_u16();
    if status == 200 {
        return Answer::Fine(reply.body);
    }
    let envelope: Envelope = serde_json::from_slice(&reply.body).unwrap_or_default();
    let kind = envelope.kind.unwrap_or_default();
    let code = envelope.code.unwrap_or_else(|| format!("http_{status}"));
    let message = envelope
        .message
        .unwrap_or_else(|| format!("status {status} without Plaid's error envelope"));
    let refusal = Refusal {
        code: code.to_ascii_lowercase(),
        message,
    };
    match status {
        429 => Answer::TooMany(busy(reply.retry_after())),
        400..=499 if kind == "RATE_LIMIT_EXCEEDED" => Answer::TooMany(busy(reply.retry_after())),
        400..=404 => refused(&kind, refusal),
        500..=599 => Answer::Broken(Cause::new("plaid_error", refusal.summary())),
        _ => Answer::Odd(Cause::new("plaid_odd", refusal.summary())),
    }
}

fn refused(kind: &str, refusal: Refusal) -> Answer {
    match refusal.code.as_str() {
        "invalid_access_token" => Answer::ItemGone(refusal),
        "invalid_webhook_verification_key_id" => Answer::NoSuchKey(refusal),
        "invalid_api_keys" | "unauthorized_environment" | "unauthorized_route_access" => {
            Answer::Credentials(refusal)
        }
        _ if kind == "INVALID_REQUEST" => Answer::Malformed(refusal),
        _ => Answer::Refused(refusal),
    }
}

fn busy(pause: Option<Duration>) -> Fault {
    let cause = Cause::new("plaid_too_many_requests", "Plaid asks to wait a short time");
    pause.map_or(Fault::Retry(cause.clone()), |pause| {
        Fault::RetryAfter(pause, cause)
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;

    /// An answer of Plaid's with this status and body.
    pub(in super::super) fn answer(status: u16, body: &str) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        let body = Bytes::copy_from_slice(body.as_bytes());
        classify(Ok(Reply {
            status,
            headers: HeaderMap::new(),
            body,
        }))
    }

    /// Plaid's error envelope.
    pub(in super::super) fn error(kind: &str, code: &str) -> String {
        serde_json::json!({
            "error_type": kind, "error_code": code, "error_message": "no",
            "display_message": null, "request_id": "Zk3mQ0a7Tq1LxYb",
        })
        .to_string()
    }

    #[test]
    fn codes_decide_and_not_the_status() {
        let of = |kind, code| answer(400, &error(kind, code));
        assert!(matches!(
            of("INVALID_INPUT", "INVALID_ACCESS_TOKEN"),
            Answer::ItemGone(_)
        ));
        assert!(matches!(
            of("INVALID_INPUT", "INVALID_API_KEYS"),
            Answer::Credentials(_)
        ));
        assert!(matches!(
            of("INVALID_REQUEST", "UNKNOWN_FIELDS"),
            Answer::Malformed(_)
        ));
        assert!(matches!(
            of("ITEM_ERROR", "ITEM_LOGIN_REQUIRED"),
            Answer::Refused(_)
        ));
        assert!(matches!(
            of("RATE_LIMIT_EXCEEDED", "ACCOUNTS_LIMIT"),
            Answer::TooMany(_)
        ));
        assert!(matches!(answer(500, "<html>"), Answer::Broken(_)));
        assert!(matches!(answer(302, ""), Answer::Odd(_)));
    }
}
