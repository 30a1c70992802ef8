//! The call log: the requests that came in, answered or not. A bounded ring, since it is a help for people and tests
//! and no record: what counts is the ledger.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::ledger::Partner;
use crate::sync::lock;

const KEPT: usize = 20_000;

/// One request.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// Whom it was for.
    pub partner: Partner,
    /// HTTP method.
    pub method: String,
    /// Path without the partner's prefix.
    pub path: String,
    /// The query string, if any.
    pub query: Option<String>,
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
    /// What was answered; none when the connection was reset instead.
    pub status: Option<u16>,
    /// When it was answered, virtual clock, ISO 8601 UTC.
    pub at: String,
}

/// Which calls to show. `path` is a prefix.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallQuery {
    /// Only this partner's.
    pub partner: Option<Partner>,
    /// Only this method.
    pub method: Option<String>,
    /// Only paths that begin so.
    pub path: Option<String>,
}

impl CallQuery {
    fn matches(&self, call: &Call) -> bool {
        self.partner.is_none_or(|partner| partner == call.partner)
            && self
                .method
                .as_deref()
                .is_none_or(|method| method.eq_ignore_ascii_case(&call.method))
            && self
                .path
                .as_deref()
                .is_none_or(|path| call.path.starts_with(path))
    }
}

#[derive(Default)]
struct Inner {
    ring: VecDeque<Call>,
    totals: HashMap<Partner, u64>,
}

/// The ring, with a total per partner that forgets nothing.
#[derive(Default)]
pub(crate) struct CallLog(Mutex<Inner>);

impl CallLog {
    pub(crate) fn push(&self, call: Call) {
        let mut inner = lock(&self.0);
        *inner.totals.entry(call.partner).or_default() += 1;
        if inner.ring.len() == KEPT {
            inner.ring.pop_front();
        }
        inner.ring.push_back(call);
    }

    /// The calls still kept that match, oldest first.
    pub(crate) fn read(&self, query: &CallQuery) -> Vec<Call> {
        lock(&self.0)
            .ring
            .iter()
            .filter(|call| query.matches(call))
            .cloned()
            .collect()
    }

    /// How many requests a partner got since the start.
    pub(crate) fn total(&self, partner: Partner) -> u64 {
        lock(&self.0).totals.get(&partner).copied().unwrap_or(0)
    }
}
