//! What Dwolla's answers are, before an endpoint says what they mean.
//!
//! [`classify`] turns a status and a code into one [`Answer`]; every effect then has a table over
//! its variants. Codes are compared without case and spaces, since Dwolla's own documents spell them
//! in three ways (`NotFound`, `notFound`, `Too Many Requests`). A status with a body that is not
//! Dwolla's, as its edge sends, is classed by the status alone.

use super::wire::{Embedded, Envelope, href};
use crate::bus::fault::{Cause, Fault};
use crate::partners::http::{Reply, Transport};
use bytes::Bytes;
use reqwest::header::LOCATION;
use std::time::Duration;
use subjects::envelope::Problem;

/// A classified answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// 201 with the address of the new resource.
    Created(String),
    /// 200.
    Fine(Bytes),
    /// Any other success: 201 without an address, as a proxy may send, or 202.
    Nowhere(Bytes),
    /// 400 for what the request says: a validation error, or a limit of the resource.
    Invalid(Refusal),
    /// 400: it is already there.
    Duplicate(Refusal),
    /// 400 or 401: the exchange, or the token in it, is not valid. Not about our access token.
    BadExchange(Refusal),
    /// 400, 405, 406 or 413: we wrote a request that Dwolla can not read.
    Malformed(Refusal),
    /// 401: our access token is unknown or expired.
    StaleToken(Refusal),
    /// Any other 401: the application or its scopes.
    Unauthorized(Refusal),
    /// 403.
    Forbidden(Refusal),
    /// 403: the resource's state does not allow it.
    WrongState(Refusal),
    /// 404.
    Missing(Refusal),
    /// 409: the first request under this key is running, or its key is locked.
    InFlight(Refusal),
    /// 429.
    TooMany(Pause),
    /// 5xx.
    Broken(Cause),
    /// A status that Dwolla does not use.
    Odd(Cause),
    /// Nothing was sent.
    NotSent(Fault),
    /// Sent, and no answer.
    Lost(Cause),
}

/// How long Dwolla asks to be left alone, if it says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pause(pub(super) Option<Duration>);

impl Pause {
    /// The fault of a call that was refused for its rate.
    pub(super) fn fault(self) -> Fault {
        let cause = Cause::new(
            "dwolla_too_many_requests",
            "Dwolla asks to wait a short time",
        );
        self.0.map_or(Fault::Retry(cause.clone()), |pause| {
            Fault::RetryAfter(pause, cause)
        })
    }
}

/// Why Dwolla said no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The code in `snake_case`; `http_403` if there was none.
    pub(super) code: String,
    /// Dwolla's sentence.
    pub(super) message: String,
    /// The address of the resource that is in the way.
    pub(super) about: Option<String>,
    /// The embedded errors.
    pub(super) flaws: Vec<Flaw>,
}

/// One embedded error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) code: String,
    pub(super) message: String,
    /// JSON pointer into the request.
    pub(super) path: String,
    pub(super) about: Option<String>,
}

impl Refusal {
    /// What the caller of the operation gets: the first embedded error, which says more than
    /// "validation error", with the status for "a partner refused".
    pub(super) fn problem(&self) -> Problem {
        let (code, message) = self
            .flaws
            .first()
            .map_or((&self.code, &self.message), |flaw| {
                (&flaw.code, &flaw.message)
            });
        Problem::new(424, code, message.clone())
    }

    /// The refusal as the end of an operation.
    pub(super) fn reject(&self) -> Fault {
        Fault::Reject(self.problem())
    }

    /// The refusal as a mistake of ours.
    pub(super) fn bug(&self) -> Fault {
        Fault::bug(
            "dwolla_request",
            format!("Dwolla can not read our request: {}", self.summary()),
        )
    }

    /// The refusal as an end that nobody knows.
    pub(super) fn unknown(&self) -> Cause {
        Cause::new("dwolla_unclear", self.summary())
    }

    /// Code and message in one line.
    pub(super) fn summary(&self) -> String {
        let problem = self.problem();
        format!("{}: {}", problem.code, problem.message)
    }

    /// Where the resource that is in the way stands, at the top or at an embedded error.
    pub(super) fn about(&self) -> Option<&str> {
        let embedded = || self.flaws.iter().find_map(|flaw| flaw.about.as_deref());
        self.about.as_deref().or_else(embedded)
    }

    fn of(reply: &Reply) -> Self {
        let status = reply.status.as_u16();
        let envelope: Envelope = serde_json::from_slice(&reply.body).unwrap_or_default();
        let code = envelope.code.or(envelope.error);
        Self {
            code: code.map_or_else(|| format!("http_{status}"), |code| snake(&code)),
            message: envelope
                .message
                .unwrap_or_else(|| format!("status {status} without Dwolla's error envelope")),
            about: href(&envelope.links, "about").map(str::to_owned),
            flaws: envelope.embedded.errors.into_iter().map(Flaw::of).collect(),
        }
    }
}

impl Flaw {
    fn of(error: Embedded) -> Self {
        Self {
            code: snake(&error.code),
            about: href(&error.links, "about").map(str::to_owned),
            message: error.message,
            path: error.path,
        }
    }
}

/// What an answer is.
pub(super) fn classify(sent: Result<Reply, Transport>) -> Answer {
    let reply = match sent {
        Ok(reply) => reply,
        Err(Transport::NotSent(fault)) => return Answer::NotSent(fault),
        Err(Transport::Unknown(cause)) => return Answer::Lost(cause),
    };
    match reply.status.as_u16() {
        200 => Answer::Fine(reply.body),
        201 => match location(&reply) {
            Some(address) => Answer::Created(address),
            None => Answer::Nowhere(reply.body),
        },
        202..=299 => Answer::Nowhere(reply.body),
        400 => bad_request(Refusal::of(&reply)),
        401 => unauthorized(Refusal::of(&reply)),
        403 => match Refusal::of(&reply) {
            refusal if refusal.code == "invalid_resource_state" => Answer::WrongState(refusal),
            refusal => Answer::Forbidden(refusal),
        },
        404 => Answer::Missing(Refusal::of(&reply)),
        405 | 406 | 413 => Answer::Malformed(Refusal::of(&reply)),
        409 => Answer::InFlight(Refusal::of(&reply)),
        429 => Answer::TooMany(Pause(reply.retry_after())),
        500..=599 => Answer::Broken(Cause::new("dwolla_error", Refusal::of(&reply).summary())),
        status => Answer::Odd(Cause::new(
            "dwolla_odd",
            format!("status {status}, which Dwolla never uses"),
        )),
    }
}

fn bad_request(refusal: Refusal) -> Answer {
    match refusal.code.as_str() {
        "duplicate_resource" => Answer::Duplicate(refusal),
        "inactive_exchange" | "invalid_exchange" | "invalid_exchange_token" => {
            Answer::BadExchange(refusal)
        }
        "bad_request" => Answer::Malformed(refusal),
        _ if refusal.flaws.iter().any(|flaw| flaw.code == "duplicate") => {
            Answer::Duplicate(refusal)
        }
        _ => Answer::Invalid(refusal),
    }
}

fn unauthorized(refusal: Refusal) -> Answer {
    match refusal.code.as_str() {
        "invalid_access_token" | "expired_access_token" => Answer::StaleToken(refusal),
        "invalid_exchange_token" => Answer::BadExchange(refusal),
        _ => Answer::Unauthorized(refusal),
    }
}

fn location(reply: &Reply) -> Option<String> {
    let address = reply.headers.get(LOCATION)?.to_str().ok()?.trim();
    (!address.is_empty()).then(|| address.to_owned())
}

/// `InsufficientFunds`, `insufficientFunds` and `Insufficient Funds` become `insufficient_funds`.
fn snake(code: &str) -> String {
    let mut text = String::with_capacity(code.len() + 4);
    let mut gap = false;
    for letter in code.chars() {
        if !letter.is_ascii_alphanumeric() {
            gap = true;
            continue;
        }
        if (letter.is_ascii_uppercase() || gap) && !text.is_empty() {
            text.push('_');
        }
        gap = false;
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;

    /// An answer of Dwolla's with this status and body.
    pub(in super::super) fn answer(status: u16, body: &str) -> Answer {
        located(status, "", body)
    }

    /// The same, with an address.
    pub(in super::super) fn located(status: u16, location: &str, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, location.parse().unwrap());
        let status = StatusCode::from_u16(status).unwrap();
        let body = Bytes::copy_from_slice(body.as_bytes());
        classify(Ok(Reply {
            status,
            headers,
            body,
        }))
    }

    /// The validation error with one embedded error.
    pub(in super::super) fn flawed(code: &str, message: &str, path: &str) -> String {
        serde_json::json!({
            "code": "ValidationError",
            "message": "Validation error(s) present. See embedded errors list for more details.",
            "_embedded": {"errors": [
                {"code": code, "message": message, "path": path, "_links": {}}]},
        })
        .to_string()
    }

    #[test]
    fn codes_are_read_in_every_spelling() {
        for spelling in [
            "InvalidResourceState",
            "invalidResourceState",
            "Invalid Resource State",
        ] {
            let body = format!(r#"{{"code":"{spelling}","message":"no"}}"#);
            assert!(
                matches!(answer(403, &body), Answer::WrongState(_)),
                "{spelling}"
            );
        }
        assert_eq!(snake("TooManyRequests"), "too_many_requests");
        assert_eq!(snake("Too Many Requests"), "too_many_requests");
    }

    #[test]
    fn a_401_about_an_exchange_is_not_about_our_token() {
        let body = |code: &str| format!(r#"{{"code":"{code}","message":"no"}}"#);
        assert!(matches!(
            answer(401, &body("ExpiredAccessToken")),
            Answer::StaleToken(_)
        ));
        assert!(matches!(
            answer(401, &body("InvalidAccessToken")),
            Answer::StaleToken(_)
        ));
        assert!(matches!(
            answer(401, &body("InvalidExchangeToken")),
            Answer::BadExchange(_)
        ));
        assert!(matches!(
            answer(401, &body("InvalidScope")),
            Answer::Unauthorized(_)
        ));
        assert!(matches!(
            answer(401, r#"{"error":"invalid_client"}"#),
            Answer::Unauthorized(_)
        ));
    }

    #[test]
    fn the_embedded_error_is_what_the_caller_hears() {
        let body = flawed(
            "InsufficientFunds",
            "Insufficient funds.",
            "/_links/source/href",
        );
        let Answer::Invalid(refusal) = answer(400, &body) else {
            panic!("not invalid")
        };
        let problem = refusal.problem();
        assert_eq!(
            (problem.status, problem.code.as_str()),
            (424, "insufficient_funds")
        );
        assert_eq!(problem.message, "Insufficient funds.");
    }

    #[test]
    fn a_page_of_the_edge_is_classed_by_its_status() {
        assert!(matches!(
            answer(502, "<html>bad gateway</html>"),
            Answer::Broken(_)
        ));
        assert!(matches!(
            answer(403, "<html>blocked</html>"),
            Answer::Forbidden(_)
        ));
        assert!(matches!(answer(201, ""), Answer::Nowhere(_)));
        assert!(matches!(answer(302, ""), Answer::Odd(_)));
    }
}
