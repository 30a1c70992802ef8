//! The gateway in front of the ingress, where there is one: it checks the cookie itself and sends
//! the identity in `Authorization`, as the inherited services read it.
//!
//! Whoever can reach the ingress could claim any identity that way, so the header counts only
//! together with the gateway's secret, and so do the headers that name the client's address.

use super::{authorization, is_secret};
use crate::ingress::problem::Refusal;
use axum::http::{HeaderMap, header};
use secrecy::{ExposeSecret as _, SecretString};
use subjects::ids::IdentityId;

/// What recognises the gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    secret: SecretString,
}

impl Gateway {
    /// An empty secret recognises nothing.
    pub(crate) fn new(secret: SecretString) -> Self {
        Self { secret }
    }

    /// Whether the gateway sent this request.
    pub(crate) fn sent(&self, headers: &HeaderMap) -> bool {
        let given = headers
            .get("x-gateway-secret")
            .and_then(|given| given.to_str().ok());
        given.is_some_and(|given| is_secret(self.secret.expose_secret(), given))
    }

    /// The identity that the gateway names: none when it did not send the request or names nobody.
    pub(crate) fn identity(&self, headers: &HeaderMap) -> Option<Result<IdentityId, Refusal>> {
        if !headers.contains_key(header::AUTHORIZATION) || !self.sent(headers) {
            return None;
        }
        let identity = authorization(headers).and_then(|text| text.parse().ok());
        Some(identity.ok_or_else(Refusal::unauthorized))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const IDENTITY: &str = "f8a61466-8964-4ade-8ca5-fa452bceba3f";

    fn headers(secret: &'static str, authorization: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-gateway-secret", HeaderValue::from_static(secret));
        headers.insert(
            header::AUTHORIZATION,
            HeaderValue::from_str(authorization).unwrap(),
        );
        headers
    }

    #[test]
    fn an_identity_counts_only_with_the_secret() {
        let gateway = Gateway::new("s3cret".into());
        for spelling in [IDENTITY.to_owned(), format!("Bearer {IDENTITY}")] {
            let identity = gateway.identity(&headers("s3cret", &spelling));
            assert_eq!(identity.unwrap().unwrap().to_string(), IDENTITY);
            assert!(gateway.identity(&headers("guess", &spelling)).is_none());
        }
        let odd = gateway.identity(&headers("s3cret", "admin"));
        assert_eq!(odd.unwrap().unwrap_err().status(), 401);
    }

    #[test]
    fn without_a_configured_secret_nothing_is_believed() {
        let gateway = Gateway::new("".into());
        assert!(gateway.identity(&headers("", IDENTITY)).is_none());
    }
}
