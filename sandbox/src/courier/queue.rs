//! The courier's queue: what is due when, what is held, how many are in flight.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Letter, Weather};

/// The most that a shuffled letter is delayed.
const SHUFFLE_MS: u64 = 50;

/// A letter with its place in the queue.
pub(super) struct Queued {
    due: DateTime<Utc>,
    seq: u64,
    pub(super) letter: Arc<dyn Letter>,
    pub(super) attempt: u32,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.seq == other.seq
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    /// Reversed, since the heap gives the greatest first and the earliest is wanted.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.seq).cmp(&(self.due, self.seq))
    }
}

/// The queue.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) weather: Weather,
    dice: u64,
    heap: BinaryHeap<Queued>,
    held: Vec<Queued>,
    /// Popped or taken for a flush, and not finished.
    in_flight: usize,
    seq: u64,
}

impl Queue {
    pub(super) fn set_weather(&mut self, weather: Weather) {
        self.dice = weather.seed;
        self.weather = weather;
    }

    pub(super) fn admit(&mut self, letter: &Arc<dyn Letter>, now: DateTime<Utc>) {
        for _ in 0..=self.weather.duplicate {
            let late = if self.weather.shuffle {
                self.roll() % SHUFFLE_MS
            } else {
                0
            };
            let due = now + TimeDelta::milliseconds(late.cast_signed());
            self.seq += 1;
            let queued = Queued {
                due,
                seq: self.seq,
                letter: Arc::clone(letter),
                attempt: 0,
            };
            if self.weather.hold {
                self.held.push(queued);
            } else {
                self.heap.push(queued);
            }
        }
    }

    /// The next letter if it is due, or else when the next will be.
    pub(super) fn pop(&mut self, now: DateTime<Utc>) -> (Option<Queued>, Option<DateTime<Utc>>) {
        match self.heap.peek().map(|queued| queued.due) {
            Some(due) if due <= now => {
                self.in_flight += 1;
                (self.heap.pop(), None)
            }
            next => (None, next),
        }
    }

    pub(super) fn take_held(&mut self) -> Vec<Queued> {
        self.in_flight += self.held.len();
        std::mem::take(&mut self.held)
    }

    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// A delivery is over; `again` is when its next attempt is due.
    pub(super) fn finish(&mut self, queued: Queued, again: Option<DateTime<Utc>>) {
        self.in_flight -= 1;
        if let Some(due) = again {
            self.seq += 1;
            self.heap.push(Queued {
                due,
                seq: self.seq,
                attempt: queued.attempt + 1,
                ..queued
            });
        }
    }

    /// Whether anything is in flight or due within the reach of a shuffle.
    pub(super) fn busy(&self, now: DateTime<Utc>) -> bool {
        let reach = now + TimeDelta::milliseconds(SHUFFLE_MS.cast_signed());
        self.in_flight > 0 || self.heap.peek().is_some_and(|queued| queued.due <= reach)
    }

    /// The next number of the seeded sequence (splitmix64: tiny, and good enough for disorder).
    fn roll(&mut self) -> u64 {
        self.dice = self.dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
