//! One HTTP client for each partner, which says what became of a request.
//!
//! There are three ends, and the difference is money: the partner answered ([`Reply`], whatever the
//! status), the request provably never left ([`Transport::NotSent`]), or nobody knows
//! ([`Transport::Unknown`]). Only failing to connect proves that nothing left. A time limit or a
//! broken connection after that proves nothing; neither does a connection from the pool that the
//! partner had closed, unless the HTTP library itself knows that it wrote no byte, in which case it
//! repeats the request on a fresh connection before we hear of it.
//!
//! HTTP/1.1 only: with HTTP/2 one dying connection would make every call on it unknown at once.
//! Redirects are not followed, since a repeated POST is a second request; proxies from the
//! environment are not used, since where money is sent is configuration and nothing else.
//!
//! Before a request leaves it takes, in this order, a call from the budget, a permit of the breaker,
//! and, for an effect, a last look at the lease. What stays open is a process that is stopped
//! between that look and the first byte for longer than the time after which others may act; there
//! the partner's own idempotency key is the guard.

use super::PartnersError;
use super::breaker::{Breaker, Health};
use super::limit::Budget;
use crate::bus::effect::Call;
use crate::bus::fault::{Cause, Fault};
use crate::retry;
use bytes::Bytes;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};
use tracing::{Instrument as _, Span, field};
use url::Url;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an idle connection is kept: shorter than the partners' edges keep theirs, so that we
/// are the side that closes.
const IDLE: Duration = Duration::from_secs(50);
/// The longest pause that a partner's `Retry-After` is believed to mean.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// What a partner answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Reply {
    /// The pause that the partner asks for, at most 15 minutes. Only the form in seconds is read.
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds: u64 = self
            .headers
            .get(RETRY_AFTER)?
            .to_str()
            .ok()?
            .trim()
            .parse()
            .ok()?;
        Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Transport {
    /// Nothing left: it provably did not happen.
    NotSent(Fault),
    /// It may have happened.
    Unknown(Cause),
}

/// A request to a partner.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Its name in traces: `create_transfer`.
    pub operation: &'static str,
    /// The method.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// The effect's call, asked right before the first byte; none for what may be repeated.
    pub call: Option<&'a Call>,
}

/// What tells one partner's client from another's.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// The partner's name, in codes and traces.
    pub partner: &'static str,
    /// Its address.
    pub url: &'a Url,
    /// How long one call may take, in milliseconds.
    pub timeout_ms: u64,
    /// The most calls per second.
    pub requests_per_second: u32,
    /// Where the partner's id of a request stands in an answer.
    pub request_id: fn(&Reply) -> Option<String>,
}

/// The client of one partner.
#[derive(Debug)]
pub struct Http {
    client: reqwest::Client,
    partner: &'static str,
    budget: Budget,
    breaker: Breaker,
    request_id: fn(&Reply) -> Option<String>,
}

impl Http {
    /// A client with its own pool, budget and breaker.
    pub fn new(settings: &Settings<'_>) -> Result<Self, PartnersError> {
        let partner = settings.partner;
        let calls = NonZeroU32::new(settings.requests_per_second).ok_or_else(|| {
            PartnersError::Config(format!("{partner}.requests_per_second must be 1 or more"))
        })?;
        let timeout = Duration::from_millis(settings.timeout_ms);
        if timeout.is_zero() {
            return Err(PartnersError::Config(format!(
                "{partner}.timeout_ms must be 1 or more"
            )));
        }
        Ok(Self {
            client: client(settings.url, timeout).map_err(|e| PartnersError::Http(partner, e))?,
            partner,
            budget: Budget::per_second(calls),
            breaker: Breaker::default(),
            request_id: settings.request_id,
        })
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&self, request: Request<'_>) -> Result<Reply, Transport> {
        let span = tracing::info_span!(
            "partner.call",
            partner = self.partner,
            operation = request.operation,
            status = field::Empty,
            duration_ms = field::Empty,
            partner_request_id = field::Empty,
        );
        self.guarded(request).instrument(span).await
    }

    async fn guarded(&self, request: Request<'_>) -> Result<Reply, Transport> {
        self.budget.take().await.map_err(Transport::NotSent)?;
        let permit = self
            .breaker
            .admit(Instant::now())
            .map_err(|wait| self.unavailable(wait))?;
        if let Some(Err(lost)) = request.call.map(Call::may_send) {
            permit.unused(Instant::now());
            return Err(Transport::NotSent(lost));
        }
        let started = Instant::now();
        let sent = self.exchange(request).await;
        let ended = Instant::now();
        let span = Span::current();
        span.record("duration_ms", field::display((ended - started).as_millis()));
        match &sent {
            Ok(reply) => {
                span.record("status", reply.status.as_u16());
                if let Some(id) = (self.request_id)(reply) {
                    span.record("partner_request_id", id);
                }
            }
            Err(Transport::NotSent(_)) => {
                span.record("status", "not_sent");
            }
            Err(Transport::Unknown(_)) => {
                span.record("status", "unknown");
            }
        }
        permit.report(health(&sent), ended);
        sent
    }

    async fn exchange(&self, request: Request<'_>) -> Result<Reply, Transport> {
        let Request {
            method,
            url,
            headers,
            body,
            ..
        } = request;
        let mut draft = self.client.request(method, url).headers(headers);
        if !body.is_empty() {
            draft = draft.body(body);
        }
        let response = draft.send().await.map_err(|error| self.failed(error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(|error| self.failed(error))?;
        Ok(Reply {
            status,
            headers,
            body,
        })
    }

    fn failed(&self, error: reqwest::Error) -> Transport {
        // An address can hold what is asked for (an e-mail address), so it stays out of the message.
        let error = error.without_url();
        if error.is_connect() {
            let cause = Cause::of(&format!("{}_unreachable", self.partner), &error);
            Transport::NotSent(Fault::Retry(cause))
        } else {
            Transport::Unknown(Cause::of(&format!("{}_no_answer", self.partner), &error))
        }
    }

    fn unavailable(&self, wait: Duration) -> Transport {
        let partner = self.partner;
        let message = format!(
            "{partner} is not working; calls pause for {} ms",
            wait.as_millis()
        );
        let cause = Cause::new(&format!("{partner}_unavailable"), message);
        // It was our decision not to send, and no sign of anything about this operation: however long
        // the outage, it must not use up the operation's attempts. All that wait do not come at once.
        let spread = Duration::from_millis(retry::random() % 1000);
        Transport::NotSent(Fault::Snooze(wait + spread, cause))
    }
}

fn health(sent: &Result<Reply, Transport>) -> Health {
    match sent {
        Ok(reply) if reply.status == StatusCode::TOO_MANY_REQUESTS => {
            reply.retry_after().map_or(Health::Works, Health::Busy)
        }
        Ok(reply) if reply.status.is_server_error() => Health::Fails,
        Ok(_) => Health::Works,
        Err(_) => Health::Fails,
    }
}

fn client(url: &Url, timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Lost only to another thread that installs one at this moment, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let mut builder = reqwest::Client::builder()
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT.min(timeout))
        .timeout(timeout)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true)
        .user_agent("tranche");
    if url.scheme() == "http" {
        // Without TLS the system's root certificates are not needed, and may not be installed.
        builder = builder.tls_certs_only([]);
    }
    builder.build()
}

/// The address of a resource: `segments` below the partner's base address, each escaped.
pub fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
