//! Which pages may call with a person's cookie.
//!
//! Two rules from one list of origins. CORS: a page of a listed origin may read our answers, with
//! credentials. CSRF: a change that is authenticated by a cookie alone is refused when the browser
//! says that the page comes from anywhere else. The inherited system echoes every origin, which
//! lets any page act for whoever is signed in.

use super::problem::Refusal;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::Url;

const ALLOWED_METHODS: HeaderValue =
    HeaderValue::from_static("GET, POST, PUT, OPTIONS, DELETE, PATCH");
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, X-PINGOTHER, Content-Type, X-Requested-With, X-Request-ID, XRequestID, Vary, \
     Idempotency-Key, Prefer, Last-Event-ID",
);
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "X-Request-ID, x-total-count, Location, Retry-After, Tranche-Operation",
);
/// Two hours, the longest that any browser keeps a preflight's answer.
const PREFLIGHT_AGE: HeaderValue = HeaderValue::from_static("7200");

/// The origins whose pages may call with credentials.
#[derive(Debug)]
pub(crate) struct Origins(Vec<String>);

impl Origins {
    /// Origins as browsers spell them: `https://host[:port]`, no slash at the end.
    pub(crate) fn new(origins: &[String]) -> Self {
        Self(
            origins
                .iter()
                .map(|origin| origin.trim_end_matches('/').to_owned())
                .collect(),
        )
    }

    fn lists(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        self.0
            .iter()
            .any(|listed| listed.eq_ignore_ascii_case(origin))
    }

    /// Whether a cookie may count on this request: no `Origin`, a listed one, or our own.
    pub(crate) fn trusts(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return Ok(());
        };
        let trusted = self.lists(origin) || is_own(origin, headers.get(header::HOST));
        if trusted {
            Ok(())
        } else {
            Err(Refusal::forbidden())
        }
    }

    /// Lets a page of a listed origin read the answer.
    pub(crate) fn open(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
        answer.append(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin.filter(|origin| self.lists(origin)) else {
            return;
        };
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answer.insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
        answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
    }
}

/// Whether a request is a browser's question about another request. `OPTIONS …?schema=1` is an
/// operation of the API and is preceded by a preflight of its own, on the same address.
pub(crate) fn is_preflight(method: &axum::http::Method, headers: &HeaderMap) -> bool {
    method == axum::http::Method::OPTIONS
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight; whether the page may go on is said by [`Origins::open`].
pub(crate) fn preflight() -> Response {
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Whether the origin's host and port are the ones that the request was sent to.
fn is_own(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let parts = origin
        .to_str()
        .ok()
        .and_then(|origin| Url::parse(origin).ok());
    let (Some(origin), Some(Ok(host))) = (parts, host.map(HeaderValue::to_str)) else {
        return false;
    };
    let own = Url::parse(&format!("{}://{host}", origin.scheme()));
    own.is_ok_and(|own| own.host().is_some() && own.origin() == origin.origin())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("api.example:8080"));
        headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        headers
    }

    #[test]
    fn only_listed_origins_and_our_own_may_use_a_cookie() {
        let origins = Origins::new(&["https://app.example/".to_owned()]);
        for good in [
            "https://app.example",
            "http://api.example:8080",
            "https://API.example:8080",
        ] {
            assert!(origins.trusts(&headers(good)).is_ok(), "{good}");
        }
        for bad in [
            "null",
            "https://evil.example",
            "http://api.example",
            "https://app.example.x",
        ] {
            assert_eq!(
                origins.trusts(&headers(bad)).unwrap_err().status(),
                403,
                "{bad}"
            );
        }
        assert!(origins.trusts(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn an_answer_is_opened_to_listed_origins_only() {
        let origins = Origins::new(&["https://app.example".to_owned()]);
        let open = |origin| {
            let mut answer = HeaderMap::new();
            origins.open(headers(origin).get(header::ORIGIN), &mut answer);
            answer.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).cloned()
        };
        assert_eq!(open("https://app.example").unwrap(), "https://app.example");
        assert_eq!(open("https://evil.example"), None);
    }
}
