//! The client: media type, token, idempotency key, and one repetition when the token was refused.

use super::KEY_LIVES;
use super::error::{Answer, classify};
use super::token::{Bearer, Tokens};
use crate::bus::effect::{Call, Timing};
use crate::config;
use crate::partners::PartnersError;
use crate::partners::http::{self, Http, Reply, Request, Settings};
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use url::Url;
use uuid::Uuid;

/// Dwolla's media type, asked for on every request.
const HAL: HeaderValue = HeaderValue::from_static("application/vnd.dwolla.v1.hal+json");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The client of Dwolla. Clones share connections, token, budget and breaker.
#[derive(Debug, Clone)]
pub struct Dwolla(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    http: Http,
    tokens: Tokens,
    base: Url,
    timeout: Duration,
    settles: Duration,
    classification: String,
    exchange_partner: OnceCell<String>,
}

/// A request of ours, before it has a token.
#[derive(Debug, Clone)]
struct Draft<'a> {
    operation: &'static str,
    method: Method,
    url: Url,
    body: Bytes,
    effect: Option<(&'a Call, Uuid)>,
}

impl Dwolla {
    /// The client, from its settings. Makes no request.
    pub fn new(config: &config::Dwolla) -> Result<Self, PartnersError> {
        let http = Http::new(&Settings {
            partner: "dwolla",
            url: &config.url,
            timeout_ms: config.timeout_ms,
            requests_per_second: config.requests_per_second,
            request_id,
        })?;
        let tokens = Tokens::new(&config.url, &config.key, &config.secret).ok_or_else(|| {
            PartnersError::Config("dwolla.key and dwolla.secret must fit an HTTP header".to_owned())
        })?;
        Ok(Self(Arc::new(Inner {
            http,
            tokens,
            base: config.url.clone(),
            timeout: Duration::from_millis(config.timeout_ms),
            settles: Duration::from_millis(config.settles_ms),
            classification: config.business_classification.clone(),
            exchange_partner: OnceCell::new(),
        })))
    }

    /// How long an effect of so many calls takes, a fetched token counting as one.
    pub(super) fn timing(&self, calls: u32) -> Timing {
        Timing {
            timeout: self.0.timeout * calls,
            settles: self.0.settles,
            key_lives: KEY_LIVES,
        }
    }

    /// The address of a resource.
    pub(super) fn url(&self, segments: &[&str]) -> Url {
        http::below(&self.0.base, segments)
    }

    /// Dwolla's classification of a sole proprietor's business.
    pub(super) fn classification(&self) -> &str {
        &self.0.classification
    }

    /// Where the address of Plaid among the exchange partners is remembered.
    pub(super) fn exchange_partner(&self) -> &OnceCell<String> {
        &self.0.exchange_partner
    }

    /// Reads a resource.
    pub(super) async fn get(&self, operation: &'static str, url: Url) -> Answer {
        self.send(Draft {
            operation,
            method: Method::GET,
            url,
            body: Bytes::new(),
            effect: None,
        })
        .await
    }

    /// Creates or changes a resource, as part of an effect, under `key`.
    pub(super) async fn post(
        &self,
        operation: &'static str,
        url: Url,
        body: Bytes,
        call: &Call,
        key: Uuid,
    ) -> Answer {
        let effect = Some((call, key));
        self.send(Draft {
            operation,
            method: Method::POST,
            url,
            body,
            effect,
        })
        .await
    }

    /// Sends under the current token, and once more under a new one if that was refused: a refused
    /// request was not executed, and carries the same key.
    async fn send(&self, draft: Draft<'_>) -> Answer {
        let Inner { http, tokens, .. } = &*self.0;
        let bearer = match tokens.current(http).await {
            Ok(bearer) => bearer,
            Err(fault) => return Answer::NotSent(fault),
        };
        let answer = self.once(&draft, &bearer).await;
        if !matches!(answer, Answer::StaleToken(_)) {
            return answer;
        }
        match tokens.after(http, &bearer).await {
            Ok(bearer) => self.once(&draft, &bearer).await,
            Err(fault) => Answer::NotSent(fault),
        }
    }

    async fn once(&self, draft: &Draft<'_>, bearer: &Bearer) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HAL);
        headers.insert(AUTHORIZATION, bearer.header.clone());
        if !draft.body.is_empty() {
            headers.insert(CONTENT_TYPE, HAL);
        }
        if let Some((_, key)) = draft.effect
            && let Ok(key) = HeaderValue::from_str(&key.to_string())
        {
            headers.insert(IDEMPOTENCY_KEY, key);
        }
        let sent = self.0.http.send(Request {
            operation: draft.operation,
            method: draft.method.clone(),
            url: draft.url.clone(),
            headers,
            body: draft.body.clone(),
            call: draft.effect.map(|(call, _)| call),
        });
        classify(sent.await)
    }
}

fn request_id(reply: &Reply) -> Option<String> {
    Some(reply.headers.get("x-request-id")?.to_str().ok()?.to_owned())
}

/// The key of one request of an effect whose body may differ from attempt to attempt, because it
/// holds data that changes or a token that is new each time. Dwolla ties a key to one exact body, so
/// each body gets its own; only for effects where Dwolla itself refuses a second resource.
pub(super) fn key_of_body(call: &Call, body: &[u8]) -> Uuid {
    Uuid::new_v5(&call.key.value, body)
}
