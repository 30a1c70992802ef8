//! What a request's headers say besides the question itself.

use super::auth::gateway::Gateway;
use super::problem::Refusal;
use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// The longest idempotency key and request id.
const LONGEST: usize = 255;

/// The correlation id of a request: the caller's, or ours when it sent none that can be used.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

impl RequestId {
    /// `X-Request-ID`, or `XRequestID` as the inherited document spells it. A browser makes a new
    /// one for every attempt, so it is good for finding a request and useless as a key.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let given = headers
            .get("x-request-id")
            .or_else(|| headers.get("xrequestid"));
        match given.and_then(visible) {
            Some(id) => Self(id.into()),
            None => Self(uuid::Uuid::new_v4().to_string().into()),
        }
    }
}

/// How long the caller wants to wait for the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prefer {
    /// As long as the topic says.
    Default,
    /// Not at all.
    Async,
    /// So long, within the cap.
    Wait(Duration),
}

impl Prefer {
    /// RFC 7240: `Prefer: respond-async` and `Prefer: wait=SECONDS`.
    fn of(headers: &HeaderMap) -> Self {
        let lists = headers
            .get_all("prefer")
            .into_iter()
            .filter_map(|list| list.to_str().ok());
        let mut wish = Self::Default;
        for preference in lists.flat_map(|list| list.split([',', ';'])) {
            let preference = preference.trim();
            if preference.eq_ignore_ascii_case("respond-async") {
                return Self::Async;
            }
            let wait = preference
                .split_once('=')
                .filter(|(name, _)| name.trim() == "wait");
            if let Some(seconds) = wait.and_then(|(_, seconds)| seconds.trim().parse().ok()) {
                wish = Self::Wait(Duration::from_secs(seconds));
            }
        }
        wish
    }

    /// The time to wait, given the topic's own and the cap on what callers may ask for.
    pub(crate) fn within(self, own: Duration, cap: Duration) -> Duration {
        match self {
            Self::Default => own,
            Self::Async => Duration::ZERO,
            Self::Wait(wish) => wish.min(cap),
        }
    }
}

/// What a request says besides its payload.
#[derive(Debug)]
pub(crate) struct Context {
    /// The correlation id.
    pub(crate) request_id: RequestId,
    /// Where the caller sits.
    pub(crate) address: IpAddr,
    /// How long it wants to wait.
    pub(crate) prefer: Prefer,
    /// Its idempotency key.
    pub(crate) key: Option<String>,
    /// The W3C trace that it belongs to.
    pub(crate) trace: Option<String>,
}

impl Context {
    /// Reads the headers. An idempotency key that can not be used is refused and not ignored,
    /// because its sender relies on it.
    pub(crate) fn of(parts: &Parts, gateway: &Gateway) -> Result<Self, Refusal> {
        let headers = &parts.headers;
        let trace = headers
            .get("traceparent")
            .and_then(visible)
            .filter(|trace| trace.len() <= 64);
        Ok(Self {
            request_id: request_id(parts),
            address: address(parts, gateway),
            prefer: Prefer::of(headers),
            key: headers
                .get("idempotency-key")
                .map(idempotency_key)
                .transpose()?,
            trace: trace.map(str::to_owned),
        })
    }
}

/// The request id that the outermost layer chose.
pub(crate) fn request_id(parts: &Parts) -> RequestId {
    let chosen = parts.extensions.get::<RequestId>().cloned();
    chosen.unwrap_or_else(|| RequestId::of(&parts.headers))
}

/// Checks an idempotency key that came in a body.
pub(crate) fn body_key(key: &serde_json::Value) -> Result<String, Refusal> {
    let visible = key.as_str().and_then(|key| HeaderValue::from_str(key).ok());
    match visible {
        Some(key) => idempotency_key(&key),
        None => Err(unusable_key()),
    }
}

fn idempotency_key(key: &HeaderValue) -> Result<String, Refusal> {
    visible(key).map(str::to_owned).ok_or_else(unusable_key)
}

fn unusable_key() -> Refusal {
    Refusal::bad_field(
        "idempotency_key",
        "must be 1 to 255 visible ASCII characters",
    )
}

/// The text, if it is 1 to 255 visible ASCII characters.
fn visible(value: &HeaderValue) -> Option<&str> {
    let text = value.to_str().ok()?;
    let usable = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    usable.then_some(text)
}

/// The caller's address: the connection's, or what a gateway that proved itself says. The headers
/// are the client's to write, so nobody else's are believed.
fn address(parts: &Parts, gateway: &Gateway) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(peer)| {
        peer.ip()
    });
    if !gateway.sent(&parts.headers) {
        return peer;
    }
    let names = ["x-original-forwarded-for", "x-forwarded-for", "x-real-ip"];
    let texts = names
        .iter()
        .filter_map(|name| parts.headers.get(*name)?.to_str().ok());
    let mut first = texts.filter_map(|text| text.split(',').next()?.trim().parse().ok());
    first.next().unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[test]
    fn preferences_are_read_from_a_list() {
        let prefer = |text| Prefer::of(&headers("prefer", text));
        assert_eq!(prefer("respond-async, wait=10"), Prefer::Async);
        assert_eq!(
            prefer("return=minimal, wait=10"),
            Prefer::Wait(Duration::from_secs(10))
        );
        assert_eq!(prefer("wait=-1"), Prefer::Default);
        assert_eq!(prefer("wait=soon"), Prefer::Default);
    }

    #[test]
    fn nobody_waits_longer_than_the_cap() {
        let (own, cap) = (Duration::from_secs(3), Duration::from_secs(30));
        assert_eq!(Prefer::Wait(Duration::from_mins(15)).within(own, cap), cap);
        assert_eq!(Prefer::Default.within(own, cap), own);
        assert_eq!(Prefer::Async.within(own, cap), Duration::ZERO);
    }

    #[test]
    fn an_idempotency_key_is_visible_ascii_of_bounded_length() {
        let long = "k".repeat(256);
        for bad in ["", "two words", long.as_str(), "ключ"] {
            let refusal = body_key(&serde_json::json!(bad)).unwrap_err();
            assert_eq!(refusal.status(), 400, "{bad:?}");
        }
        assert_eq!(body_key(&serde_json::json!("wdr_1-a")).unwrap(), "wdr_1-a");
        assert!(body_key(&serde_json::json!(7)).is_err());
    }

    #[test]
    fn both_spellings_of_the_request_id_are_read_and_a_missing_one_is_made() {
        assert_eq!(&*RequestId::of(&headers("x-request-id", "a")).0, "a");
        assert_eq!(&*RequestId::of(&headers("xrequestid", "b")).0, "b");
        assert_eq!(RequestId::of(&HeaderMap::new()).0.len(), 36);
        assert_eq!(RequestId::of(&headers("x-request-id", "a b")).0.len(), 36);
    }
}
