//! Who is calling.
//!
//! A person is known by the cookie of Ory Kratos, or by the identity that our gateway puts into
//! `Authorization` together with its secret; a service by its token; a partner by its signature
//! (see [`super::webhook`]). One request has one caller: a service's token opens no person's
//! address, because the ownership check would have nobody to check.

pub(crate) mod access;
pub(crate) mod gateway;
pub(crate) mod kratos;
pub(crate) mod service;

use super::problem::Refusal;
use super::{Ingress, limit::Counted};
use axum::http::{HeaderMap, Method, header};
use std::sync::Arc;
use subjects::envelope::Caller;
use subjects::ids::IdentityId;
use subtle::ConstantTimeEq as _;

/// What a person's cookie is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Reading: other pages can cause it, and browsers keep the answer from them.
    Read,
    /// Changing something, or opening a socket, whose frames browsers keep from nobody.
    Act,
}

impl Purpose {
    /// What a method is for.
    pub(crate) fn of(method: &Method) -> Self {
        if method.is_safe() {
            Self::Read
        } else {
            Self::Act
        }
    }
}

/// Who may ask how an operation stands: a person about their own, a service about any.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asker {
    /// A signed-in person.
    Person(IdentityId),
    /// A service.
    Service,
}

impl Asker {
    /// The identity whose operations may be seen; none for services, which may see all.
    pub(crate) fn identity(&self) -> Option<IdentityId> {
        match self {
            Self::Person(identity) => Some(*identity),
            Self::Service => None,
        }
    }

    /// Whether an operation of this caller may be seen.
    pub(crate) fn may_see(&self, caller: &Caller) -> bool {
        self.identity()
            .is_none_or(|identity| caller.identity() == Some(identity))
    }
}

impl Ingress {
    /// The signed-in identity, within its rate limit. A page that is not trusted can not act by
    /// cookie.
    pub(crate) async fn person(
        &self,
        purpose: Purpose,
        headers: &HeaderMap,
    ) -> Result<IdentityId, Refusal> {
        let identity = if let Some(identity) = self.gateway.identity(headers) {
            identity?
        } else {
            if purpose == Purpose::Act {
                self.origins.trusts(headers)?;
            }
            self.kratos.identity(headers).await?
        };
        self.limit.check(&Counted::Identity(identity))?;
        Ok(identity)
    }

    /// The calling service, within its rate limit.
    pub(crate) fn service(&self, headers: &HeaderMap) -> Result<Arc<str>, Refusal> {
        let name = self
            .services
            .name(headers)
            .ok_or_else(Refusal::unauthorized)?;
        self.limit.check(&Counted::Service(Arc::clone(&name)))?;
        Ok(name)
    }

    /// A service if it proves to be one, else a person.
    pub(crate) async fn asker(&self, headers: &HeaderMap) -> Result<Asker, Refusal> {
        if self.services.name(headers).is_some() {
            return self.service(headers).map(|_| Asker::Service);
        }
        Ok(Asker::Person(self.person(Purpose::Read, headers).await?))
    }
}

/// The token of `Authorization`, with or without the scheme `Bearer`.
fn authorization(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
    let (scheme, rest) = value.split_once(' ').unwrap_or(("", value));
    let bearer = scheme.eq_ignore_ascii_case("bearer");
    Some(if bearer { rest.trim_start() } else { value })
}

/// Compares two texts in a time that tells nothing about where they differ. An empty secret equals
/// nothing: it means that none was configured.
fn is_secret(secret: &str, given: &str) -> bool {
    !secret.is_empty() && bool::from(secret.as_bytes().ct_eq(given.as_bytes()))
}
