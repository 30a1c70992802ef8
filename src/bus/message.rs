//! A message of the queue, decoded.

use crate::seal::Sealer;
use async_nats::HeaderMap;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use subjects::envelope::{Caller, header};
use subjects::ids::OperationId;

/// The body is sealed: it was published again from the database, for a topic with personal data.
pub(crate) const SEALED: &str = "Tranche-Sealed";

/// Headers that an operation carries from its first message to all that follow.
const CARRIED: [&str; 4] = [
    header::REQUEST_ID,
    header::IP_ADDRESS,
    header::TRACEPARENT,
    header::ORIGIN,
];

/// A message that can become an operation.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) operation: OperationId,
    pub(crate) caller: Caller,
    pub(crate) request_hash: String,
    pub(crate) headers: Value,
    /// The payload in the clear.
    pub(crate) body: Vec<u8>,
}

/// Why a message can not become an operation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Undecodable {
    #[error("the header {0} is missing: commands are published by the ingress or the outbox")]
    Missing(&'static str),
    #[error("the header {0} does not parse: got {1:?}")]
    Malformed(&'static str, String),
    #[error("the sealed body does not open: {0}")]
    Sealed(#[from] crate::seal::SealError),
}

/// Reads the envelope of a message.
pub(crate) fn decode(
    headers: Option<&HeaderMap>,
    payload: &[u8],
    sealer: &Sealer,
) -> Result<Decoded, Undecodable> {
    let empty = HeaderMap::new();
    let headers = headers.unwrap_or(&empty);
    let text = |name| get(headers, name).ok_or(Undecodable::Missing(name));
    let operation = text(header::OPERATION)?;
    let operation = operation
        .parse()
        .map_err(|_| Undecodable::Malformed(header::OPERATION, operation.to_owned()))?;
    let caller = text(header::CALLER)?;
    let caller = serde_json::from_str(caller)
        .map_err(|_| Undecodable::Malformed(header::CALLER, caller.to_owned()))?;
    let body = match get(headers, SEALED) {
        Some(_) => sealer.open(payload)?,
        None => payload.to_vec(),
    };
    Ok(Decoded {
        operation,
        caller,
        request_hash: hash(&body),
        headers: carried(headers),
        body,
    })
}

/// The hash of a payload, as operations and callers compare it.
pub(crate) fn hash(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

fn get<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).map(async_nats::HeaderValue::as_str)
}

fn carried(headers: &HeaderMap) -> Value {
    let mut kept = Map::new();
    for name in CARRIED {
        if let Some(value) = get(headers, name) {
            kept.insert(name.to_owned(), Value::String(value.to_owned()));
        }
    }
    Value::Object(kept)
}

/// Every header, for a dead letter.
pub(crate) fn all(headers: Option<&HeaderMap>) -> Value {
    let mut kept = Map::new();
    for (name, values) in headers.into_iter().flat_map(HeaderMap::iter) {
        let text = values
            .iter()
            .map(async_nats::HeaderValue::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        kept.insert(name.to_string(), Value::String(text));
    }
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer() -> Sealer {
        Sealer::new(&crate::config::Seal {
            key: "ab".repeat(32).into(),
        })
        .unwrap()
    }

    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::OPERATION, "0191701c-da51-749a-a4fc-e96579ebc043");
        headers.insert(header::CALLER, r#"{"kind":"service","name":"directory"}"#);
        headers.insert(header::REQUEST_ID, "r-1");
        headers
    }

    #[test]
    fn a_sealed_body_has_the_hash_of_the_clear_one() {
        let clear = decode(Some(&headers()), b"{}", &sealer()).unwrap();
        let mut sealed_headers = headers();
        sealed_headers.insert(SEALED, "1");
        let sealed = sealer().seal(b"{}").unwrap();
        let opened = decode(Some(&sealed_headers), &sealed, &sealer()).unwrap();
        assert_eq!(opened.request_hash, clear.request_hash);
        assert_eq!(opened.body, b"{}");
        assert_eq!(clear.headers[header::REQUEST_ID], "r-1");
    }

    #[test]
    fn a_message_without_its_envelope_says_what_is_missing() {
        let error = decode(None, b"{}", &sealer()).unwrap_err();
        assert!(error.to_string().contains(header::OPERATION));
        let mut broken = headers();
        broken.insert(header::OPERATION, "seven");
        assert!(matches!(
            decode(Some(&broken), b"{}", &sealer()),
            Err(Undecodable::Malformed(header::OPERATION, _))
        ));
    }
}
