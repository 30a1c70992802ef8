//! The `Idempotency-Key` store: a key lives 24 hours on the virtual clock and belongs to one exact request.
//!
//! Same key and request: the first 201 again. In flight: 409. Another body: 409, or a new resource if the switch asks
//! for the hostile reading (Dwolla documents neither). What was refused is forgotten. With the switch
//! `lock_key_after_500`, a 5xx locks the key for 24 hours, after which the original answer comes back if there was
//! one: Dwolla's incidents of 2025-02-07 and 2025-03-21.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

const LIFE: TimeDelta = TimeDelta::hours(24);

/// The hash of what a key belongs to.
pub(crate) type Print = [u8; 32];

/// The print of a request: path and exact body.
pub(crate) fn print(path: &str, body: &[u8]) -> Print {
    Sha256::new()
        .chain_update(path)
        .chain_update([0])
        .chain_update(body)
        .finalize()
        .into()
}

/// An answer that can be given again; small, since a million of them may be kept.
#[derive(Clone)]
pub(crate) struct Replay {
    status: StatusCode,
    location: Option<HeaderValue>,
    media: Option<HeaderValue>,
    body: Bytes,
}

impl Replay {
    /// Reads an answer so that it can be given now and later.
    pub(crate) async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .unwrap_or_default();
        let header = |name| parts.headers.get(name).cloned();
        Self {
            status: parts.status,
            location: header(header::LOCATION),
            media: header(header::CONTENT_TYPE),
            body,
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        self.status.is_success()
    }

    pub(crate) fn response(&self) -> Response {
        let mut response = (self.status, self.body.clone()).into_response();
        // A body of bytes would otherwise claim a media type even where it is empty.
        response.headers_mut().remove(header::CONTENT_TYPE);
        for (name, value) in [
            (header::LOCATION, &self.location),
            (header::CONTENT_TYPE, &self.media),
        ] {
            if let Some(value) = value {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
    }
}

enum Stage {
    InFlight,
    Done(Replay),
    Locked(Option<Replay>),
}

struct Entry {
    print: Print,
    stage: Stage,
    until: DateTime<Utc>,
}

/// What a key says about a request.
pub(crate) enum Claim {
    /// Go ahead; the key is in flight now.
    New,
    /// It was done already.
    Replay(Replay),
    /// It is being done, or its key is locked.
    InFlight,
    /// The key belongs to another request.
    OtherBody,
}

/// The store.
#[derive(Default)]
pub(crate) struct Keys {
    entries: HashMap<Arc<str>, Entry>,
    by_age: VecDeque<(DateTime<Utc>, Arc<str>)>,
}

impl Keys {
    pub(crate) fn claim(
        &mut self,
        key: &Arc<str>,
        print: Print,
        now: DateTime<Utc>,
        other_body_is_new: bool,
    ) -> Claim {
        self.forget(now);
        if let Some(entry) = self.entries.get_mut(key) {
            if let Stage::Locked(replay) = &mut entry.stage {
                if entry.until > now {
                    return Claim::InFlight;
                }
                if let Some(replay) = replay.take() {
                    entry.stage = Stage::Done(replay.clone());
                    entry.until = now + LIFE;
                    self.by_age.push_back((entry.until, Arc::clone(key)));
                    return Claim::Replay(replay);
                }
            } else if entry.print != print {
                if !other_body_is_new {
                    return Claim::OtherBody;
                }
            } else if let Stage::Done(replay) = &entry.stage {
                return Claim::Replay(replay.clone());
            } else {
                return Claim::InFlight;
            }
        }
        let until = now + LIFE;
        self.entries.insert(
            Arc::clone(key),
            Entry {
                print,
                stage: Stage::InFlight,
                until,
            },
        );
        self.by_age.push_back((until, Arc::clone(key)));
        Claim::New
    }

    /// The request was carried out.
    pub(crate) fn done(&mut self, key: &Arc<str>, replay: Replay) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.stage = Stage::Done(replay);
        }
    }

    /// The request failed in a way that locks the key; `replay` if it was carried out all the same.
    pub(crate) fn locked(&mut self, key: &Arc<str>, replay: Option<Replay>) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.stage = Stage::Locked(replay);
        }
    }

    /// The request was refused: the key is free again.
    pub(crate) fn free(&mut self, key: &Arc<str>) {
        self.entries.remove(key);
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        while self.by_age.front().is_some_and(|(until, _)| *until <= now) {
            let Some((_, key)) = self.by_age.pop_front() else {
                return;
            };
            let gone = self.entries.get(&key).is_some_and(|entry| {
                entry.until <= now && matches!(entry.stage, Stage::Done(_) | Stage::Locked(None))
            });
            if gone {
                self.entries.remove(&key);
            }
        }
    }
}
