//! Plaid signs a webhook with a JSON web token in `Plaid-Verification`: ES256 over a claim that
//! holds the body's SHA-256 and the time (Plaid's documentation, "Webhook verification").
//!
//! The public keys rotate and are known by an id; the workers fetch them from Plaid. The algorithm
//! is pinned, so a token that names another one, or none, verifies nothing.

use crate::clock;
use crate::ingress::Ingress;
use crate::ingress::cache::Cache;
use crate::ingress::limit::Counted;
use crate::ingress::problem::Refusal;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use subjects::operations::{PlaidKey, PlaidKeyAsk};
use subtle::ConstantTimeEq as _;

/// How old a token may be, in seconds.
const OLDEST: i64 = 300;
/// How far ahead Plaid's clock may run, in seconds.
const FURTHEST: i64 = 120;
/// How long a key is trusted before Plaid is asked again whether it was retired.
const KEY_TRUST: Duration = Duration::from_hours(24);
/// How long an unknown key stays unknown: anyone can make one up.
const UNKNOWN_TRUST: Duration = Duration::from_mins(1);
/// The longest key id that is worth asking for.
const LONGEST_KID: usize = 128;

/// The public keys by their id; none where Plaid does not know the id.
pub(crate) type Keys = Cache<String, Option<PlaidKey>>;

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
}

#[derive(Deserialize)]
struct Claims {
    iat: i64,
    request_body_sha256: String,
}

/// A token in its parts, of which nothing is trusted yet.
struct Token<'a> {
    kid: String,
    claims: Claims,
    signed: &'a [u8],
    signature: Vec<u8>,
}

impl Ingress {
    /// When Plaid signed the body, in Unix seconds; a body whose token does not hold is refused. The
    /// cheap checks come first, so that a forged request rarely causes a question to the workers.
    pub(super) async fn verify_plaid(
        &self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<i64, Refusal> {
        let given = headers
            .get("plaid-verification")
            .and_then(|token| token.to_str().ok());
        let token = given.and_then(parse).ok_or_else(Refusal::unauthorized)?;
        if !is_about(&token.claims, body, clock::now().timestamp()) {
            return Err(Refusal::unauthorized());
        }
        let key = self
            .plaid_key(&token.kid)
            .await?
            .ok_or_else(Refusal::unauthorized)?;
        if is_signed(&token, &key) {
            Ok(token.claims.iat)
        } else {
            Err(Refusal::unauthorized())
        }
    }

    async fn plaid_key(&self, kid: &str) -> Result<Option<PlaidKey>, Refusal> {
        if let Some(known) = self.plaid_keys.get(&kid.to_owned()) {
            return Ok(known);
        }
        self.limit.check(&Counted::KeyLookUps)?;
        let key = self
            .ask(&PlaidKeyAsk {
                kid: kid.to_owned(),
            })
            .await?
            .key;
        let trust = if key.is_some() {
            KEY_TRUST
        } else {
            UNKNOWN_TRUST
        };
        self.plaid_keys.put(kid.to_owned(), key.clone(), trust);
        Ok(key)
    }
}

fn parse(token: &str) -> Option<Token<'_>> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
    if header.alg != "ES256" || !(1..=LONGEST_KID).contains(&header.kid.len()) {
        return None;
    }
    Some(Token {
        kid: header.kid,
        claims: serde_json::from_slice(&decode(claims)?).ok()?,
        signed: signed.as_bytes(),
        signature: decode(signature)?,
    })
}

/// Whether the claims are about this body and about now (Unix seconds).
fn is_about(claims: &Claims, body: &[u8], now: i64) -> bool {
    let age = now.saturating_sub(claims.iat);
    let hash = hex::encode(Sha256::digest(body));
    let same = hash.as_bytes().ct_eq(claims.request_body_sha256.as_bytes());
    (-FURTHEST..=OLDEST).contains(&age) && bool::from(same)
}

fn is_signed(token: &Token<'_>, key: &PlaidKey) -> bool {
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let (Some(x), Some(y), false) = (decode(&key.x), decode(&key.y), key.expired) else {
        return false;
    };
    // An uncompressed point is the byte 4 and both coordinates.
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    key.verify(token.signed, &token.signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IAT: i64 = 1_770_131_045;
    const TOKEN: &str = concat!(
        "eyJhbGciOiJFUzI1NiIsImtpZCI6ImxvY2FsLWtleS0xIiwidHlwIjoiSldUIn0.",
        "eyJpYXQiOjE3NzAxMzEwNDUsInJlcXVlc3RfYm9keV9zaGEyNTYiOiI5MGU3MzkzNTdlNzQ3NDM2NGYxODMx",
        "N2Q5ZWI5OThjODdlYjAyMDg4ZmQ4ODFmMTZkYTMxYmQ0OGRjMjIxNTBiIn0.",
        "jHmARIjm9wSoUtEZZyYs8Z5PPcm1sbUK8t6kazFn3PXwPRj_lggqxHOEgrG2gpWF_xzknfGo_HEmRu0zL27adA",
    );
    const BODY_HASH: &str = "90e739357e7474364f18317d9eb998c87eb02088fd881f16da31bd48dc22150b";

    fn key() -> PlaidKey {
        PlaidKey {
            x: "tI4AgOsDhmFjkyViTitutXSvzbqdpW2CeFyhA1co1kE".to_owned(),
            y: "ds6jaxiedGZYYK1TlipPHCKtBrrFLzeNpwhGLqZUxjg".to_owned(),
            expired: false,
        }
    }

    #[test]
    fn a_token_verifies_with_its_key_and_no_other() {
        let token = parse(TOKEN).unwrap();
        assert_eq!((token.kid.as_str(), token.claims.iat), ("local-key-1", IAT));
        assert_eq!(token.claims.request_body_sha256, BODY_HASH);
        assert!(is_signed(&token, &key()));
        assert!(!is_signed(
            &token,
            &PlaidKey {
                expired: true,
                ..key()
            }
        ));
        assert!(!is_signed(
            &token,
            &PlaidKey {
                x: key().y,
                ..key()
            }
        ));
        assert!(!is_signed(
            &token,
            &PlaidKey {
                x: "?".to_owned(),
                ..key()
            }
        ));
    }

    #[test]
    fn a_changed_token_does_not_verify() {
        let changed = TOKEN.replace("jHmARI", "jHmARJ");
        assert!(!is_signed(&parse(&changed).unwrap(), &key()));
    }

    #[test]
    fn every_other_algorithm_is_refused_before_a_key_is_looked_up() {
        let (_, rest) = TOKEN.split_once('.').unwrap();
        for alg in ["none", "HS256", "RS256", "es256"] {
            let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}","kid":"k"}}"#));
            assert!(parse(&format!("{header}.{rest}")).is_none(), "{alg}");
        }
        for odd in ["", ".", "..", "a.b.c", &format!("{TOKEN}.x")] {
            assert!(parse(odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn a_token_is_about_the_raw_bytes_and_five_minutes() {
        let body = "{\n  \"environment\": \"sandbox\",\n  \"identity_verification_id\": \
                    \"idv_7Tqk2mP4sWz9aB\",\n  \"webhook_code\": \"STATUS_UPDATED\",\n  \
                    \"webhook_type\": \"IDENTITY_VERIFICATION\"\n}";
        assert_eq!(body.len(), 161);
        let claims = parse(TOKEN).unwrap().claims;
        for (after, good) in [
            (0, true),
            (300, true),
            (301, false),
            (-120, true),
            (-121, false),
        ] {
            assert_eq!(
                is_about(&claims, body.as_bytes(), IAT + after),
                good,
                "{after}"
            );
        }
        let compact: String = body.split_ascii_whitespace().collect();
        assert!(!is_about(&claims, compact.as_bytes(), IAT));
    }
}
