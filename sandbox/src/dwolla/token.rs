//! Access tokens: `POST /token`, and the check that every other request goes through.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::Dwolla;
use super::error::Refusal;
use crate::http::{self, Pairs, Whole, text_header};

/// How long an expired token is remembered as expired, and not merely unknown.
const REMEMBERED: TimeDelta = TimeDelta::hours(24);

/// All tokens given out. Several live side by side: a new one does not end the others.
#[derive(Default)]
pub(crate) struct Tokens(HashMap<String, DateTime<Utc>>);

impl Tokens {
    fn issue(&mut self, now: DateTime<Utc>, life: TimeDelta) -> String {
        self.0.retain(|_, until| *until + REMEMBERED > now);
        let token = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        self.0.insert(token.clone(), now + life);
        token
    }

    /// All tokens end now.
    pub(crate) fn expire_all(&mut self, now: DateTime<Utc>) {
        self.0
            .values_mut()
            .for_each(|until| *until = now.min(*until));
    }

    /// Is this `Authorization` header good for a request now?
    pub(crate) fn check(&self, header: Option<&str>, now: DateTime<Utc>) -> Result<(), Refusal> {
        let token = header
            .and_then(|header| header.strip_prefix("Bearer "))
            .ok_or_else(|| {
                Refusal::unauthorized(
                    "InvalidCredentials",
                    "Missing or invalid Authorization header.",
                )
            })?;
        match self.0.get(token.trim()) {
            Some(until) if *until > now => Ok(()),
            Some(_) => Err(Refusal::unauthorized(
                "ExpiredAccessToken",
                "Generate a new access token using your client credentials.",
            )),
            None => Err(Refusal::unauthorized(
                "InvalidAccessToken",
                "Invalid access token.",
            )),
        }
    }
}

/// `POST /token`: credentials by `Basic` or in the form.
pub(crate) async fn token(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    headers: HeaderMap,
    Extension(Whole(body)): Extension<Whole>,
) -> Response {
    let form = Pairs::parse(&body);
    let oauth =
        |status, error: &str| http::json(status, "application/json", &json!({"error": error}));
    let credentials = basic(&headers).or_else(|| {
        Some((
            form.get("client_id")?.to_owned(),
            form.get("client_secret")?.to_owned(),
        ))
    });
    if credentials.as_ref() != Some(&dwolla.credentials) {
        return oauth(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    if form.get("grant_type") != Some("client_credentials") {
        return oauth(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    let life = dwolla.token_life;
    let token = dwolla.with(|state| state.tokens.issue(state.clock.now(), life));
    let body =
        json!({"access_token": token, "token_type": "Bearer", "expires_in": life.num_seconds()});
    http::json(StatusCode::OK, "application/json", &body)
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let header = text_header(headers, "authorization")?;
    let decoded = STANDARD
        .decode(header.strip_prefix("Basic ")?.trim())
        .ok()?;
    let (key, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((key.to_owned(), secret.to_owned()))
}
