//! The client: every endpoint is a POST of JSON, with our credentials in headers so that they never
//! stand in a body.

use super::error::{Answer, classify};
use crate::bus::effect::{Call, Timing};
use crate::bus::fault::{Cause, Fault};
use crate::config;
use crate::partners::PartnersError;
use crate::partners::http::{self, Http, Reply, Request, Settings};
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const VERSION: HeaderValue = HeaderValue::from_static("2020-09-14");

/// How long an effect may wait for its turn before its one call.
const TURN: Duration = Duration::from_secs(2);

/// The client of Plaid. Clones share connections, budget and breaker.
#[derive(Debug, Clone)]
pub struct Plaid(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    http: Http,
    base: Url,
    headers: HeaderMap,
    timeout: Duration,
    settles: Duration,
    client_name: String,
    webhook: Url,
}

impl Plaid {
    /// The client, from its settings. Makes no request.
    pub fn new(config: &config::Plaid) -> Result<Self, PartnersError> {
        let http = Http::new(&Settings {
            partner: "plaid",
            url: &config.url,
            timeout_ms: config.timeout_ms,
            requests_per_second: config.requests_per_second,
            request_id,
        })?;
        let header = |text: &str| {
            let mut value = HeaderValue::from_str(text).map_err(|_| {
                let problem = "plaid.client_id and plaid.secret must fit an HTTP header";
                PartnersError::Config(problem.to_owned())
            })?;
            value.set_sensitive(true);
            Ok::<_, PartnersError>(value)
        };
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, JSON),
            (HeaderName::from_static("plaid-version"), VERSION),
            (
                HeaderName::from_static("plaid-client-id"),
                header(&config.client_id)?,
            ),
            (
                HeaderName::from_static("plaid-secret"),
                header(config.secret.expose_secret())?,
            ),
        ]);
        Ok(Self(Arc::new(Inner {
            http,
            base: config.url.clone(),
            headers,
            timeout: Duration::from_millis(config.timeout_ms),
            settles: Duration::from_millis(config.settles_ms),
            client_name: config.client_name.clone(),
            webhook: config.webhook_url.clone(),
        })))
    }

    /// How long an effect takes. Plaid has no idempotency keys, so none lives.
    pub(super) fn timing(&self) -> Timing {
        let timeout = self.0.timeout + TURN;
        Timing {
            timeout,
            settles: self.0.settles,
            key_lives: Duration::ZERO,
        }
    }

    /// The name that the dialog shows.
    pub(super) fn client_name(&self) -> &str {
        &self.0.client_name
    }

    /// Where Plaid posts events about a linked login.
    pub(super) fn webhook(&self) -> &str {
        self.0.webhook.as_str()
    }

    /// Posts `body` to an endpoint; as part of an effect if there is a `call`.
    pub(super) async fn post(
        &self,
        operation: &'static str,
        path: &[&str],
        body: &(impl Serialize + Sync),
        call: Option<&Call>,
    ) -> Answer {
        let body = match serde_json::to_vec(body) {
            Ok(body) => Bytes::from(body),
            Err(error) => return Answer::NotSent(Fault::Bug(Cause::of("plaid_body", &error))),
        };
        let sent = self.0.http.send(Request {
            operation,
            method: Method::POST,
            url: http::below(&self.0.base, path),
            headers: self.0.headers.clone(),
            body,
            call,
        });
        classify(sent.await)
    }
}

fn request_id(reply: &Reply) -> Option<String> {
    #[derive(Deserialize)]
    struct Id {
        request_id: String,
    }
    serde_json::from_slice::<Id>(&reply.body)
        .ok()
        .map(|id| id.request_id)
}
