//! One way to take a lock: a panic in one request must not take the whole sandbox down with a poisoned mutex.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, whether or not an earlier holder panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
