//! The rate limit: so many requests per second for each caller, with bursts of as many.
//!
//! It protects the fleet from one caller that runs away, not from the internet at large: it counts
//! known callers, after authentication. Partners are not counted, because a webhook that was
//! refused comes back a quarter of an hour later and somebody waits for their money meanwhile.

use super::problem::Refusal;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use subjects::ids::IdentityId;

/// After so many requests, callers that have been quiet are forgotten.
const SWEEP: u32 = 16_384;

/// Whose requests are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    /// A person, over all of their browsers.
    Identity(IdentityId),
    /// A service, by the name of its token.
    Service(Arc<str>),
    /// Look-ups of webhook keys that are not known yet: anyone can cause them.
    KeyLookUps,
}

/// The limiter of this process.
#[derive(Debug)]
pub(crate) struct Limit {
    limiter: DefaultKeyedRateLimiter<Counted>,
    clock: DefaultClock,
    requests: AtomicU32,
}

impl Limit {
    /// At most so many requests per second of one caller.
    pub(crate) fn per_second(requests: NonZeroU32) -> Self {
        Self {
            limiter: RateLimiter::dashmap(Quota::per_second(requests)),
            clock: DefaultClock::default(),
            requests: AtomicU32::new(0),
        }
    }

    /// Counts a request, or refuses it with 429 and the time to wait.
    pub(crate) fn check(&self, counted: &Counted) -> Result<(), Refusal> {
        if self.requests.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.limiter.retain_recent();
        }
        let checked = self.limiter.check_key(counted);
        checked.map_err(|not_until| Refusal::too_many(not_until.wait_time_from(self.clock.now())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_that_runs_away_does_not_slow_another() {
        let limit = Limit::per_second(NonZeroU32::new(2).unwrap());
        let [noisy, quiet] = ["noisy", "quiet"].map(|name| Counted::Service(name.into()));
        assert!(limit.check(&noisy).is_ok());
        assert!(limit.check(&noisy).is_ok());
        assert_eq!(limit.check(&noisy).unwrap_err().status(), 429);
        assert!(limit.check(&quiet).is_ok());
    }
}
