//! Personal data at rest: AES-256-GCM with a fresh nonce in front.
//!
//! What is sealed is opaque to everyone who reads the database, a dead letter or a backup; only
//! workers hold the key. The alternative, encryption inside PostgreSQL, would send the key with
//! every statement.

use crate::config;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::ExposeSecret as _;
use std::sync::Arc;

/// Why something was not sealed or opened.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
pub enum SealError {
    /// The key is not 32 bytes in hex.
    #[error("seal.key must be 32 bytes in hex (64 characters)")]
    Key,
    /// The machine has no randomness.
    #[error("the system's random source failed")]
    Random,
    /// Sealed with another key, cut short, or changed.
    #[error("the sealed data does not open with this key")]
    Broken,
}

/// Seals and opens.
#[derive(Clone)]
pub struct Sealer {
    key: Arc<LessSafeKey>,
    random: SystemRandom,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// A sealer with the configured key.
    pub fn new(config: &config::Seal) -> Result<Self, SealError> {
        let key = hex::decode(config.key.expose_secret()).map_err(|_| SealError::Key)?;
        let key = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| SealError::Key)?;
        Ok(Self {
            key: Arc::new(LessSafeKey::new(key)),
            random: SystemRandom::new(),
        })
    }

    /// Nonce, ciphertext, tag.
    pub fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0u8; NONCE_LEN];
        self.random
            .fill(&mut nonce)
            .map_err(|_| SealError::Random)?;
        let mut body = plain.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut body)
            .map_err(|_| SealError::Random)?;
        Ok([nonce.as_slice(), &body].concat())
    }

    /// What was sealed.
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, body) = sealed
            .split_at_checked(NONCE_LEN)
            .ok_or(SealError::Broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Broken)?;
        let mut body = body.to_vec();
        let plain = self
            .key
            .open_in_place(nonce, Aad::empty(), &mut body)
            .map_err(|_| SealError::Broken)?;
        Ok(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(byte: &str) -> Sealer {
        Sealer::new(&config::Seal {
            key: byte.repeat(32).into(),
        })
        .unwrap()
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_key_only() {
        let sealed = sealer("ab").seal(b"123-45-6789").unwrap();
        assert!(!sealed.windows(4).any(|w| w == b"6789"));
        assert_eq!(sealer("ab").open(&sealed).unwrap(), b"123-45-6789");
        assert_eq!(sealer("cd").open(&sealed), Err(SealError::Broken));
        assert_eq!(sealer("ab").open(&sealed[..8]), Err(SealError::Broken));
    }

    #[test]
    fn two_seals_of_one_text_differ() {
        assert_ne!(
            sealer("ab").seal(b"x").unwrap(),
            sealer("ab").seal(b"x").unwrap()
        );
    }

    #[test]
    fn a_short_key_is_refused() {
        let key = config::Seal { key: "abcd".into() };
        assert_eq!(Sealer::new(&key).unwrap_err(), SealError::Key);
    }
}
