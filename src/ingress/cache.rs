//! A small cache of answers that are trusted for a while: sessions, ownerships, public keys.
//!
//! Bounded in number, so that an attacker who asks for ever new things costs memory once. When it
//! is full, the entry that was added first goes.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Values by key, each until its own time.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    capacity: usize,
    entries: Mutex<Entries<K, V>>,
}

#[derive(Debug)]
struct Entries<K, V> {
    values: HashMap<K, (V, Instant)>,
    /// Every key of `values`, in the order in which they came.
    order: VecDeque<K>,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// An empty cache of at most `capacity` entries.
    pub(crate) fn new(capacity: usize) -> Self {
        let entries = Entries {
            values: HashMap::new(),
            order: VecDeque::new(),
        };
        Self {
            capacity,
            entries: Mutex::new(entries),
        }
    }

    /// The value, unless its time is over.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (value, until) = entries.values.get(key)?;
        (*until > Instant::now()).then(|| value.clone())
    }

    /// Keeps the value for `time`.
    pub(crate) fn put(&self, key: K, value: V, time: Duration) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries
            .values
            .insert(key.clone(), (value, Instant::now() + time))
            .is_none()
        {
            entries.order.push_back(key);
        }
        while entries.order.len() > self.capacity {
            if let Some(first) = entries.order.pop_front() {
                entries.values.remove(&first);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn the_oldest_entry_makes_room() {
        let cache = Cache::new(2);
        for key in [1, 2, 1, 3] {
            cache.put(key, key * 10, LONG);
        }
        assert_eq!(
            [cache.get(&1), cache.get(&2), cache.get(&3)],
            [None, Some(20), Some(30)]
        );
    }

    #[test]
    fn a_value_is_not_trusted_after_its_time() {
        let cache = Cache::new(2);
        cache.put("session", "mine", Duration::ZERO);
        assert_eq!(cache.get(&"session"), None);
    }
}
