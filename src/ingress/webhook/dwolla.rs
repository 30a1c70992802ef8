//! Dwolla signs a webhook with HMAC-SHA256 of the raw body, in lower-case hex, in
//! `X-Request-Signature-SHA-256` (Dwolla's documentation, "Process and validate webhooks").
//!
//! There is no time in it, so an old body still verifies: the event's id makes it harmless.

use crate::ingress::problem::Refusal;
use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Refuses a body whose signature does not hold. Without a configured secret none does.
pub(super) fn verify(secret: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
    let given = headers.get("x-request-signature-sha-256");
    let given = given.and_then(|given| hex::decode(given.as_bytes()).ok());
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok();
    let (Some(given), Some(mac), false) = (given, mac, secret.is_empty()) else {
        return Err(Refusal::unauthorized());
    };
    mac.chain_update(body)
        .verify_slice(&given)
        .map_err(|_| Refusal::unauthorized())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const SECRET: &str = "local-test-secret";
    const SIGNATURE: &str = "017272b6fec3cc16cf0be57a0e2749e8c16b1f82a6b73c198d8362f32e325610";
    const BODY: &str = concat!(
        r#"{"id":"5f1c1f5e-0c1e-4b57-9d7c-2b7a3d0e9a11","#,
        r#""resourceId":"7c2d9f60-8a4b-ee11-8150-0a2b3c4d5e6f","#,
        r#""topic":"customer_bank_transfer_completed","timestamp":"2026-02-03T15:04:05.678Z","#,
        r#""_links":{"self":{"href":"https://api-sandbox.dwolla.com/events/"#,
        r#"5f1c1f5e-0c1e-4b57-9d7c-2b7a3d0e9a11"},"#,
        r#""account":{"href":"https://api-sandbox.dwolla.com/accounts/"#,
        r#"11111111-2222-4333-8444-555555555555"},"#,
        r#""resource":{"href":"https://api-sandbox.dwolla.com/transfers/"#,
        r#"7c2d9f60-8a4b-ee11-8150-0a2b3c4d5e6f"},"#,
        r#""customer":{"href":"https://api-sandbox.dwolla.com/customers/"#,
        r#"a1a1a1a1-b2b2-43c3-84d4-e5e5e5e5e5e5"}},"#,
        r#""created":"2026-02-03T15:04:05.678Z"}"#,
    );

    fn signed(signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(signature).unwrap();
        headers.insert("x-request-signature-sha-256", value);
        headers
    }

    #[test]
    fn the_signature_is_over_the_raw_bytes() {
        assert_eq!(BODY.len(), 618);
        assert!(verify(SECRET, &signed(SIGNATURE), BODY.as_bytes()).is_ok());
        let tampered = BODY.replace("completed", "cancelled");
        assert!(verify(SECRET, &signed(SIGNATURE), tampered.as_bytes()).is_err());
    }

    #[test]
    fn a_wrong_cut_missing_or_unreadable_signature_is_401() {
        let cut = &SIGNATURE[..62];
        for bad in [cut, "zz", "", &SIGNATURE.replace("0172", "0173")] {
            let refusal = verify(SECRET, &signed(bad), BODY.as_bytes()).unwrap_err();
            assert_eq!(refusal.status(), 401, "{bad}");
        }
        assert!(verify(SECRET, &HeaderMap::new(), BODY.as_bytes()).is_err());
        assert!(verify("other", &signed(SIGNATURE), BODY.as_bytes()).is_err());
    }

    #[test]
    fn without_a_configured_secret_nothing_verifies() {
        let mac = Hmac::<Sha256>::new_from_slice(b"")
            .unwrap()
            .chain_update(BODY)
            .finalize();
        let forged = signed(&hex::encode(mac.into_bytes()));
        assert_eq!(
            verify("", &forged, BODY.as_bytes()).unwrap_err().status(),
            401
        );
    }
}
