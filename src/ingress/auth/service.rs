//! Internal callers: services and operators' tools, each with a named token.

use super::{authorization, is_secret};
use axum::http::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The tokens of internal callers.
#[derive(Debug)]
pub(crate) struct Services(Vec<(Arc<str>, SecretString)>);

impl Services {
    /// Tokens by name; one that is empty opens nothing.
    pub(crate) fn new(tokens: &BTreeMap<String, SecretString>) -> Self {
        Self(
            tokens
                .iter()
                .map(|(name, token)| (name.as_str().into(), token.clone()))
                .collect(),
        )
    }

    /// The name of the service whose token the request carries. Every token is compared, so that
    /// the time does not tell which one was close.
    pub(crate) fn name(&self, headers: &HeaderMap) -> Option<Arc<str>> {
        let given = authorization(headers)?;
        self.0.iter().fold(None, |found, (name, token)| {
            if is_secret(token.expose_secret(), given) {
                Some(Arc::clone(name))
            } else {
                found
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderValue, header};

    #[test]
    fn a_token_opens_under_its_own_name_only() {
        let tokens = [("console", "t-1"), ("directory", "t-2"), ("unset", "")];
        let tokens = tokens.map(|(name, token)| (name.to_owned(), SecretString::from(token)));
        let services = Services::new(&BTreeMap::from(tokens));
        let name = |authorization: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(
                header::AUTHORIZATION,
                HeaderValue::from_static(authorization),
            );
            services.name(&headers)
        };
        assert_eq!(name("Bearer t-2").as_deref(), Some("directory"));
        assert_eq!(name("bearer t-1").as_deref(), Some("console"));
        for bad in ["Bearer t-3", "Bearer ", "", "Basic t-1"] {
            assert_eq!(name(bad), None, "{bad}");
        }
        assert_eq!(services.name(&HeaderMap::new()), None);
    }
}
