//! Delays between attempts: exponential with full jitter.
//!
//! The one module that knows the `backoff` crate, which is prescribed and no longer maintained: its
//! exponential schedule gives the upper bound of each delay. Full jitter (a random delay between
//! nothing and that bound) is drawn here, because `backoff` can only jitter around the middle.

use backoff::ExponentialBackoffBuilder;
use backoff::backoff::Backoff as _;
use std::time::Duration;
use subjects::spec::Retry;

/// The longest that the delay after this attempt (1 for the first) may be.
pub fn bound(retry: &Retry, attempt: u32) -> Duration {
    let mut schedule = ExponentialBackoffBuilder::new()
        .with_initial_interval(retry.first)
        .with_max_interval(retry.cap)
        .with_multiplier(2.0)
        .with_randomization_factor(0.0)
        .with_max_elapsed_time(None)
        .build();
    let mut bound = retry.first;
    for _ in 0..attempt.clamp(1, 64) {
        bound = schedule.next_backoff().unwrap_or(retry.cap);
    }
    bound.min(retry.cap)
}

/// The delay after this attempt: somewhere up to its bound, by `random`, a number of 64 random bits.
pub fn delay(retry: &Retry, attempt: u32, random: u64) -> Duration {
    let bound = u64::try_from(bound(retry, attempt).as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(random % bound.saturating_add(1))
}

/// 64 random bits, from a version 4 UUID.
pub fn random() -> u64 {
    let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
    high ^ low
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: Retry = Retry::exponential(Duration::from_secs(5), Duration::from_mins(1), 12);

    #[test]
    fn bounds_double_up_to_the_cap() {
        let bounds: Vec<u64> = (1..=6).map(|n| bound(&POLICY, n).as_secs()).collect();
        assert_eq!(bounds, [5, 10, 20, 40, 60, 60]);
    }

    proptest! {
        #[test]
        fn a_delay_never_exceeds_its_bound(attempt in 0u32..1000, random in any::<u64>()) {
            prop_assert!(delay(&POLICY, attempt, random) <= bound(&POLICY, attempt));
        }
    }
}
