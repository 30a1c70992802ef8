//! The session of a person, as Ory Kratos knows it.
//!
//! The browser's cookie is handed to `GET /sessions/whoami`, and a yes is trusted for a short
//! while, because a page asks for ten things at once. A no is never kept: whoever signs in is in.

use crate::clock;
use crate::ingress::cache::Cache;
use crate::ingress::problem::Refusal;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use chrono::{DateTime, Utc};
use reqwest::Url;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use subjects::ids::IdentityId;

/// How long Kratos may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Sessions that are remembered.
const SESSIONS: usize = 16_384;

/// Asks Kratos who is signed in.
#[derive(Debug)]
pub(crate) struct Kratos {
    client: reqwest::Client,
    whoami: Url,
    trust: Duration,
    sessions: Cache<[u8; 32], IdentityId>,
}

/// The part of Kratos' session that matters here.
#[derive(Debug, Deserialize)]
struct Session {
    active: Option<bool>,
    expires_at: Option<DateTime<Utc>>,
    identity: Option<Identity>,
}

#[derive(Debug, Deserialize)]
struct Identity {
    id: IdentityId,
}

impl Kratos {
    /// Kratos at its public address; a yes is trusted for `trust`.
    pub(crate) fn new(address: &Url, trust: Duration) -> Result<Self, reqwest::Error> {
        // The client needs a process-wide provider of cryptography; when there is one already, it
        // is the same one.
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let mut whoami = address.clone();
        if let Ok(mut path) = whoami.path_segments_mut() {
            path.pop_if_empty().extend(["sessions", "whoami"]);
        }
        Ok(Self {
            client,
            whoami,
            trust,
            sessions: Cache::new(SESSIONS),
        })
    }

    /// The identity that the request's cookies belong to.
    pub(crate) async fn identity(&self, headers: &HeaderMap) -> Result<IdentityId, Refusal> {
        let cookies = cookies(headers).ok_or_else(Refusal::no_identity)?;
        let key: [u8; 32] = Sha256::digest(&cookies).into();
        if let Some(identity) = self.sessions.get(&key) {
            return Ok(identity);
        }
        let session = self.whoami(cookies).await?;
        let (Some(identity), true) = (session.identity, session.active.unwrap_or(true)) else {
            return Err(Refusal::unauthorized());
        };
        let left = session
            .expires_at
            .map(|at| (at - clock::now()).to_std().unwrap_or_default());
        if left.is_some_and(|left| left.is_zero()) {
            return Err(Refusal::unauthorized());
        }
        let trust = left.map_or(self.trust, |left| left.min(self.trust));
        self.sessions.put(key, identity.id, trust);
        Ok(identity.id)
    }

    async fn whoami(&self, cookies: Vec<u8>) -> Result<Session, Refusal> {
        let unavailable = |error: reqwest::Error| {
            tracing::warn!(error = %error.without_url(), "the identity service did not answer");
            Refusal::unavailable("The identity service does not answer: try again.")
        };
        let request = self
            .client
            .get(self.whoami.clone())
            .header(header::COOKIE, cookies);
        let request = request.header(header::ACCEPT, "application/json");
        let response = request.send().await.map_err(unavailable)?;
        match response.status() {
            StatusCode::OK => response.json().await.map_err(unavailable),
            StatusCode::UNAUTHORIZED => Err(Refusal::unauthorized()),
            // A second factor is wanted before this session counts.
            StatusCode::FORBIDDEN => Err(Refusal::forbidden()),
            status => {
                tracing::warn!(%status, "expected 200, 401 or 403 of the identity service");
                Err(Refusal::unavailable(
                    "The identity service does not answer: try again.",
                ))
            }
        }
    }
}

/// The request's cookies as one header; HTTP/2 may split them. None without a cookie.
fn cookies(headers: &HeaderMap) -> Option<Vec<u8>> {
    let mut lines = headers
        .get_all(header::COOKIE)
        .into_iter()
        .map(HeaderValue::as_bytes);
    let mut cookies = lines.next()?.to_vec();
    for line in lines {
        cookies.extend_from_slice(b"; ");
        cookies.extend_from_slice(line);
    }
    (!cookies.is_empty()).then_some(cookies)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::State;
    use axum::response::IntoResponse as _;
    use axum::routing::get;
    use axum::{Json, Router};
    use serde_json::json;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const IDENTITY: &str = "f8a61466-8964-4ade-8ca5-fa452bceba3f";

    async fn whoami(
        State(calls): State<Arc<AtomicUsize>>,
        headers: HeaderMap,
    ) -> axum::response::Response {
        calls.fetch_add(1, Ordering::Relaxed);
        match headers[header::COOKIE].to_str().unwrap() {
            "s=good; t=1" => {
                Json(json!({"active": true, "identity": {"id": IDENTITY}})).into_response()
            }
            "s=idle" => {
                Json(json!({"active": false, "identity": {"id": IDENTITY}})).into_response()
            }
            "s=old" => Json(json!({
                "identity": {"id": IDENTITY}, "expires_at": "2020-01-01T00:00:00Z",
            }))
            .into_response(),
            "s=broken" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            "s=aal1" => StatusCode::FORBIDDEN.into_response(),
            _ => StatusCode::UNAUTHORIZED.into_response(),
        }
    }

    async fn kratos() -> (Kratos, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let app = Router::new()
            .route("/public/sessions/whoami", get(whoami))
            .with_state(Arc::clone(&calls));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/public", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let trust = Duration::from_mins(1);
        (
            Kratos::new(&address.parse().unwrap(), trust).unwrap(),
            calls,
        )
    }

    fn with(cookies: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::COOKIE, HeaderValue::from_static(cookie));
        }
        headers
    }

    #[tokio::test]
    async fn a_session_is_asked_for_once_within_its_trust() {
        let (kratos, calls) = kratos().await;
        for _ in 0..3 {
            let identity = kratos.identity(&with(&["s=good", "t=1"])).await.unwrap();
            assert_eq!(identity.to_string(), IDENTITY);
        }
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn every_answer_of_kratos_has_its_status() {
        let (kratos, calls) = kratos().await;
        let cases = [
            ("s=stale", 401),
            ("s=idle", 401),
            ("s=old", 401),
            ("s=aal1", 403),
        ];
        for (cookie, status) in cases
            .into_iter()
            .chain([("s=broken", 503), ("s=stale", 401)])
        {
            let refusal = kratos.identity(&with(&[cookie])).await.unwrap_err();
            assert_eq!(refusal.status(), status, "{cookie}");
        }
        assert_eq!(calls.load(Ordering::Relaxed), 6, "a no is never kept");
        assert_eq!(
            kratos
                .identity(&HeaderMap::new())
                .await
                .unwrap_err()
                .status(),
            401
        );
    }
}
