//! The budget of calls to a partner: so many a second, for each process.
//!
//! Partners answer a flood with a block of minutes (Dwolla: five), which costs far more than waiting
//! here. A call waits for its turn, but not for long: a worker that sleeps holds a message, a lease
//! and a place that another operation could use, so a longer wait goes back to the queue.

use crate::bus::fault::{Cause, Fault};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota};
use std::num::NonZeroU32;
use std::time::Duration;

/// The longest wait for a turn.
const PATIENCE: Duration = Duration::from_secs(1);

/// The budget of one partner.
#[derive(Debug)]
pub struct Budget {
    limiter: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

impl Budget {
    /// So many calls per second, in bursts of as many.
    pub fn per_second(calls: NonZeroU32) -> Self {
        Self {
            limiter: governor::RateLimiter::direct(Quota::per_second(calls)),
            clock: DefaultClock::default(),
        }
    }

    /// Takes one call from the budget, waiting for it up to a second in all. Out of patience, it
    /// says when to come back.
    pub async fn take(&self) -> Result<(), Fault> {
        let mut patience = PATIENCE;
        loop {
            let Err(early) = self.limiter.check() else {
                return Ok(());
            };
            let wait = early.wait_time_from(self.clock.now());
            if wait > patience {
                let message = "the budget of calls to this partner is used up; try later";
                // Our own limit is no failed attempt of this operation.
                let pause = wait.max(PATIENCE);
                return Err(Fault::Snooze(pause, Cause::new("partner_budget", message)));
            }
            patience = patience.saturating_sub(wait);
            tokio::time::sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_beyond_the_burst_waits_for_its_turn() {
        let budget = Budget::per_second(NonZeroU32::new(50).unwrap());
        for _ in 0..55 {
            budget.take().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_wait_of_more_than_a_second_goes_back_to_the_queue() {
        let budget = Budget::per_second(NonZeroU32::new(1).unwrap());
        budget.take().await.unwrap();
        let takes = futures::future::join_all((0..4).map(|_| budget.take())).await;
        let refused: Vec<Fault> = takes.into_iter().filter_map(Result::err).collect();
        assert!(refused.len() >= 2, "{refused:?}");
        assert!(refused.iter().all(|fault| fault.code() == "partner_budget"));
    }
}
