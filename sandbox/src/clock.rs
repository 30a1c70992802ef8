//! The virtual clock: real time plus whatever was added by hand. Token lives, idempotency windows, webhook retries
//! and list lag all follow it, so that a test passes 24 hours in one call and nothing ever has to sleep. It runs on
//! its own as well (and never backwards): a frozen clock would make two events look simultaneous.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use tokio::sync::watch;

/// A shared handle to the sandbox's time.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    ahead_ms: Arc<AtomicI64>,
    moved: Arc<watch::Sender<()>>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            ahead_ms: Arc::default(),
            moved: Arc::new(watch::Sender::new(())),
        }
    }

    /// The virtual now, UTC.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        real_now() + TimeDelta::milliseconds(self.ahead_ms.load(Ordering::Relaxed))
    }

    /// Moves the clock forward and wakes whoever waits for a time to come.
    pub(crate) fn advance(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 4);
        self.ahead_ms.fetch_add(ms, Ordering::Relaxed);
        self.moved.send_replace(());
    }

    /// Changes whenever the clock was moved by hand.
    pub(crate) fn moves(&self) -> watch::Receiver<()> {
        self.moved.subscribe()
    }
}

/// The machine's own time, UTC: what a receiver with a clock of its own will compare with.
#[expect(
    clippy::disallowed_methods,
    reason = "partners have no database; this is the one place that reads the machine's clock"
)]
pub(crate) fn real_now() -> DateTime<Utc> {
    Utc::now()
}

/// A duration as chrono's, saturating.
pub(crate) fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

/// ISO 8601 in UTC with milliseconds and `Z`, as the partners print it.
pub(crate) fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
