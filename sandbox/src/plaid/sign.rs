//! ES256 keys and the JWTs that they sign.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::SandboxError;

/// One signing key.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) kid: String,
    pair: Arc<EcdsaKeyPair>,
    created: DateTime<Utc>,
    expired: Option<DateTime<Utc>>,
}

impl Key {
    fn generate(now: DateTime<Utc>) -> Result<Self, SandboxError> {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        let document = document.map_err(|_| SandboxError::Key)?;
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random);
        let pair = Arc::new(pair.map_err(|_| SandboxError::Key)?);
        Ok(Self {
            kid: Uuid::new_v4().to_string(),
            pair,
            created: now,
            expired: None,
        })
    }

    /// A compact JWS over header and claims.
    pub(super) fn jws(&self, header: &Value, claims: &Value) -> Option<String> {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = self
            .pair
            .sign(&SystemRandom::new(), signed.as_bytes())
            .ok()?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The public part as a JWK; the point is `04 || x || y`.
    fn shown(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let half =
            |from: usize| URL_SAFE_NO_PAD.encode(point.get(from..from + 32).unwrap_or_default());
        json!({
            "alg": "ES256", "crv": "P-256", "kid": self.kid, "kty": "EC", "use": "sig", "x": half(1), "y": half(33),
            "created_at": self.created.timestamp(), "expired_at": self.expired.map(|at| at.timestamp()),
        })
    }
}

/// All keys; the last one signs.
pub(super) struct Keys {
    current: Key,
    older: Vec<Key>,
}

impl Keys {
    pub(super) fn new(now: DateTime<Utc>) -> Result<Self, SandboxError> {
        Ok(Self {
            current: Key::generate(now)?,
            older: Vec::new(),
        })
    }

    pub(super) fn rotate(
        &mut self,
        now: DateTime<Utc>,
        expire_old: bool,
    ) -> Result<String, SandboxError> {
        let mut old = std::mem::replace(&mut self.current, Key::generate(now)?);
        old.expired = expire_old.then_some(now);
        self.older.push(old);
        Ok(self.current.kid.clone())
    }

    pub(super) fn current(&self) -> Key {
        self.current.clone()
    }

    /// A key that has expired; the first call makes one.
    pub(super) fn expired(&mut self, now: DateTime<Utc>) -> Option<Key> {
        if let Some(key) = self.older.iter().find(|key| key.expired.is_some()) {
            return Some(key.clone());
        }
        let key = Key {
            expired: Some(now),
            ..Key::generate(now).ok()?
        };
        self.older.push(key.clone());
        Some(key)
    }

    pub(super) fn shown(&self, kid: &str) -> Option<Value> {
        let mut keys = self.older.iter().chain([&self.current]);
        keys.find(|key| key.kid == kid).map(Key::shown)
    }
}
