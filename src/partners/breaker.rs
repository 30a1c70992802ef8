//! The breaker: while a partner is down, calls fail here, at once, with the time to come back.
//!
//! It remembers how the last [`WINDOW`] calls ended and opens when [`LIMIT`] of them failed. A count
//! instead of a rate over time, because it needs no traffic to be meaningful: a quiet partner that
//! answers ten times in a row with an error is as broken as a busy one. What counts as a failure is
//! that the partner does not work (no connection, no answer, a 5xx); being refused does not count,
//! since a refusal is an answer. An open breaker lets one call through when its time is over, and
//! that call decides.
//!
//! One breaker for each partner and process. A shared one would need a store in the way of every
//! call, and what one process learns late costs it ten failed calls.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many of the latest calls are remembered.
const WINDOW: usize = 20;
/// How many of them must have failed to open it.
const LIMIT: usize = 10;
/// How long it stays open, unless the partner names a time.
const OPEN: Duration = Duration::from_secs(5);

/// How a call ended, as far as the partner's health goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answered, whatever it said.
    Works,
    /// It did not connect, did not answer, or answered with a 5xx.
    Fails,
    /// It asked to be left alone for that long.
    Busy(Duration),
}

#[derive(Debug)]
enum State {
    Closed(VecDeque<bool>),
    Open {
        until: Instant,
    },
    /// One call is on its way and decides.
    Probing,
}

/// The breaker of one partner. Clones share their state.
#[derive(Debug, Clone)]
pub struct Breaker(Arc<Mutex<State>>);

/// The right to make one call. Dropped without a report, as when its task is cancelled for taking
/// too long, it counts as a failure.
#[derive(Debug)]
pub struct Permit {
    breaker: Breaker,
    probe: bool,
    reported: bool,
}

impl Default for Breaker {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State::Closed(VecDeque::new()))))
    }
}

impl Breaker {
    /// Asks to make a call at `now`. Refused, it says after how long to ask again.
    pub fn admit(&self, now: Instant) -> Result<Permit, Duration> {
        let mut state = self.state();
        let probe = match &*state {
            State::Closed(_) => false,
            State::Open { until } if *until <= now => true,
            State::Open { until } => return Err(until.duration_since(now)),
            State::Probing => return Err(OPEN),
        };
        if probe {
            *state = State::Probing;
        }
        Ok(Permit {
            breaker: self.clone(),
            probe,
            reported: false,
        })
    }

    fn record(&self, health: Health, probe: bool, now: Instant) {
        let mut state = self.state();
        let opened = match (&mut *state, health) {
            (State::Closed(_) | State::Probing, Health::Busy(pause)) => Some(pause),
            (State::Closed(ended), Health::Works | Health::Fails) => {
                ended.push_back(health == Health::Fails);
                if ended.len() > WINDOW {
                    ended.pop_front();
                }
                let failed = ended.iter().filter(|failed| **failed).count();
                (failed >= LIMIT).then_some(OPEN)
            }
            (State::Probing, Health::Works) if probe => {
                *state = State::Closed(VecDeque::new());
                None
            }
            (State::Probing, Health::Fails) if probe => Some(OPEN),
            // A call from before it opened is not what is being waited for.
            (State::Open { .. } | State::Probing, _) => None,
        };
        if let Some(pause) = opened {
            *state = State::Open { until: now + pause };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is a single assignment, so a panic elsewhere leaves nothing half-done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// How the call ended.
    pub fn report(mut self, health: Health, now: Instant) {
        self.reported = true;
        self.breaker.record(health, self.probe, now);
    }

    /// No call was made after all: nothing was learnt. A probe that was not made may be made at once.
    pub fn unused(mut self, now: Instant) {
        self.reported = true;
        if self.probe {
            *self.breaker.state() = State::Open { until: now };
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.reported {
            self.breaker
                .record(Health::Fails, self.probe, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(breaker: &Breaker, count: usize, health: Health, now: Instant) {
        for _ in 0..count {
            breaker.admit(now).unwrap().report(health, now);
        }
    }

    #[test]
    fn ten_failures_of_the_last_twenty_open_it_and_nine_do_not() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        calls(&breaker, 9, Health::Fails, now);
        calls(&breaker, 11, Health::Works, now);
        calls(&breaker, 9, Health::Fails, now);
        assert!(breaker.admit(now).is_ok_and(|permit| {
            permit.unused(now);
            true
        }));
        calls(&breaker, 1, Health::Fails, now);
        assert_eq!(breaker.admit(now).unwrap_err(), OPEN);
    }

    #[test]
    fn a_refusal_is_an_answer() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        calls(&breaker, 500, Health::Works, now);
        assert!(!breaker.admit(now).unwrap().probe);
    }

    #[test]
    fn after_its_time_one_call_goes_through_and_decides() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        calls(&breaker, LIMIT, Health::Fails, now);
        let later = now + OPEN;
        let probe = breaker.admit(later).unwrap();
        assert!(breaker.admit(later).is_err());
        probe.report(Health::Fails, later);
        assert_eq!(breaker.admit(later).unwrap_err(), OPEN);

        let latest = later + OPEN;
        breaker.admit(latest).unwrap().report(Health::Works, latest);
        assert!(!breaker.admit(latest).unwrap().probe);
    }

    #[test]
    fn a_named_pause_opens_it_for_that_long() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        let pause = Duration::from_mins(5);
        calls(&breaker, 1, Health::Busy(pause), now);
        assert_eq!(breaker.admit(now).unwrap_err(), pause);
        assert!(breaker.admit(now + pause).is_ok());
    }

    #[test]
    fn a_late_report_from_before_it_opened_changes_nothing() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        let late = breaker.admit(now).unwrap();
        calls(&breaker, LIMIT, Health::Fails, now);
        late.report(Health::Works, now);
        assert!(breaker.admit(now).is_err());
    }

    #[test]
    fn a_cancelled_probe_opens_it_again_and_an_unused_one_may_be_made_at_once() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        calls(&breaker, LIMIT, Health::Fails, now);
        breaker.admit(now + OPEN).unwrap().unused(now + OPEN);
        drop(breaker.admit(now + OPEN).unwrap());
        assert!(breaker.admit(now).is_err());
    }
}
