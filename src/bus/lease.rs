//! The right to work on an operation, as the process that holds it sees it.
//!
//! The database decides who holds a lease: every write carries the fencing token and is refused when
//! another worker has taken over. This is the local, cautious view of the same thing, for the one
//! act that the database can not refuse: sending a request to a partner. It ends a lease earlier
//! than the database would, because it counts from before the database was asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A held lease: a token, and a deadline that heartbeats move.
#[derive(Debug, Clone)]
pub struct Lease {
    token: i64,
    started: Instant,
    /// Milliseconds after `started` at which it ends.
    ends: Arc<AtomicU64>,
    revoked: Arc<AtomicBool>,
}

impl Lease {
    /// A lease that was asked for at `asked` and granted for `length`.
    pub fn granted(token: i64, asked: Instant, length: Duration) -> Self {
        let ends = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        Self {
            token,
            started: asked,
            ends: Arc::new(AtomicU64::new(ends)),
            revoked: Arc::new(AtomicBool::new(false)),
        }
    }

    /// The fencing token.
    pub fn token(&self) -> i64 {
        self.token
    }

    /// Moves the deadline: the database granted `length` more when it was asked at `asked`.
    pub fn extended(&self, asked: Instant, length: Duration) {
        let ends = asked.saturating_duration_since(self.started) + length;
        let ends = u64::try_from(ends.as_millis()).unwrap_or(u64::MAX);
        self.ends.fetch_max(ends, Ordering::AcqRel);
    }

    /// The database said that another worker holds it now.
    pub fn revoke(&self) {
        self.revoked.store(true, Ordering::Release);
    }

    /// Whether the database said so.
    pub fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Acquire)
    }

    /// Whether it is surely still held.
    ///
    /// The monotonic clock goes on while a process is stopped, so a paused process that wakes up
    /// finds its lease over.
    pub fn is_held(&self) -> bool {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        !self.is_revoked() && now < self.ends.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_ends_by_itself_and_by_revocation_and_is_moved_by_heartbeats() {
        let asked = Instant::now();
        let over = Lease::granted(1, asked, Duration::ZERO);
        assert!(!over.is_held());
        over.extended(asked, Duration::from_mins(1));
        assert!(over.is_held());
        over.revoke();
        assert!(!over.is_held());
    }
}
