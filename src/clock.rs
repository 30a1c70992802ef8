//! The process's clock, for what is not a matter between processes.
//!
//! Leases, timers and settling times use the database's clock. What remains is local: when a cached
//! session or an access token is too old, and how old a webhook's signature may be. Those read the
//! time here, so that `tidy` can forbid it everywhere else.

use chrono::{DateTime, Utc};

/// Now, in UTC.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
