//! Dwolla's access token: one for the process, fetched by one task at a time.
//!
//! A token lives an hour and a new one does not end the old. It is renewed a minute early by
//! whichever call comes first, while the others go on with the old one; so the fleet does not stop
//! when a token expires, and `/token`, whose volume is limited too, is asked once.
//!
//! A token that Dwolla refuses is replaced by compare-and-swap: only if the cached one is still the
//! refused one is a new one fetched. A hundred calls that were refused at once fetch one token.

use super::error::{Answer, classify};
use crate::bus::fault::{Cause, Fault};
use crate::partners::http::{Http, Request, below};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, MutexGuard};
use url::Url;

/// How long before its end a token is renewed.
const EARLY: Duration = Duration::from_mins(1);

/// A token as it is sent.
#[derive(Debug, Clone)]
pub(super) struct Bearer {
    /// Which token this is, to tell the refused one from its successor.
    serial: u64,
    pub(super) header: HeaderValue,
    renew: Instant,
    ends: Instant,
}

/// Where calls get the token.
#[derive(Debug)]
pub(super) struct Tokens {
    url: Url,
    basic: HeaderValue,
    cached: RwLock<Option<Bearer>>,
    flight: Mutex<()>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    expires_in: u64,
}

impl Tokens {
    /// None when key or secret can not stand in a header.
    pub(super) fn new(base: &Url, key: &str, secret: &SecretString) -> Option<Self> {
        let credentials = STANDARD.encode(format!("{key}:{}", secret.expose_secret()));
        Some(Self {
            url: below(base, &["token"]),
            basic: sensitive(&format!("Basic {credentials}"))?,
            cached: RwLock::new(None),
            flight: Mutex::new(()),
        })
    }

    /// The token to use now.
    pub(super) async fn current(&self, http: &Http) -> Result<Bearer, Fault> {
        if let Some(bearer) = self.cached() {
            let now = Instant::now();
            if now < bearer.renew {
                return Ok(bearer);
            }
            if now < bearer.ends {
                return match self.flight.try_lock() {
                    Ok(flight) => self.fetch(http, flight).await,
                    Err(_) => Ok(bearer),
                };
            }
        }
        let flight = self.flight.lock().await;
        match self.cached() {
            Some(bearer) if Instant::now() < bearer.renew => Ok(bearer),
            Some(_) | None => self.fetch(http, flight).await,
        }
    }

    /// The token to use after `refused` was not accepted.
    pub(super) async fn after(&self, http: &Http, refused: &Bearer) -> Result<Bearer, Fault> {
        let flight = self.flight.lock().await;
        match self.cached() {
            Some(bearer) if bearer.serial != refused.serial => Ok(bearer),
            Some(_) | None => self.fetch(http, flight).await,
        }
    }

    fn cached(&self) -> Option<Bearer> {
        self.cached
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn fetch(&self, http: &Http, _flight: MutexGuard<'_, ()>) -> Result<Bearer, Fault> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, self.basic.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        let asked = Instant::now();
        let sent = http
            .send(Request {
                operation: "token",
                method: Method::POST,
                url: self.url.clone(),
                headers,
                body: Bytes::from_static(b"grant_type=client_credentials"),
                call: None,
            })
            .await;
        let granted = granted(classify(sent))?;
        let life = Duration::from_secs(granted.expires_in);
        // A short life, as in tests, is renewed in its second half.
        let renew = asked + life.saturating_sub(EARLY).max(life / 2);
        let header = sensitive(&format!("Bearer {}", granted.access_token.expose_secret()))
            .ok_or_else(|| Fault::retry("dwolla_token", "expected a token that fits a header"))?;
        let serial = self.cached().map_or(0, |bearer| bearer.serial + 1);
        let bearer = Bearer {
            serial,
            header,
            renew,
            ends: asked + life,
        };
        let mut cached = self.cached.write().unwrap_or_else(PoisonError::into_inner);
        *cached = Some(bearer.clone());
        Ok(bearer)
    }
}

/// What the answer to a request for a token means for the call that needs it. Nothing of that call
/// has left, and it may succeed as soon as the credentials are put right, so it is tried again.
fn granted(answer: Answer) -> Result<Granted, Fault> {
    match answer {
        Answer::Fine(body) | Answer::Nowhere(body) => serde_json::from_slice(&body)
            .map_err(|e| Fault::retry("dwolla_token", format!("expected a token, got: {e}"))),
        Answer::NotSent(fault) => Err(fault),
        Answer::TooMany(pause) => Err(pause.fault()),
        Answer::Lost(cause) | Answer::Broken(cause) | Answer::Odd(cause) => {
            Err(Fault::Retry(cause))
        }
        Answer::Created(_) => Err(Fault::retry("dwolla_token", "expected a token, got a link")),
        Answer::StaleToken(refusal)
        | Answer::Unauthorized(refusal)
        | Answer::Invalid(refusal)
        | Answer::Duplicate(refusal)
        | Answer::BadExchange(refusal)
        | Answer::Malformed(refusal)
        | Answer::Forbidden(refusal)
        | Answer::WrongState(refusal)
        | Answer::Missing(refusal)
        | Answer::InFlight(refusal) => {
            let message = format!("check dwolla.key and dwolla.secret: {}", refusal.summary());
            Err(Fault::Retry(Cause::new("dwolla_credentials", message)))
        }
    }
}

/// A header that is never printed.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
