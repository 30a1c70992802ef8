//! Waiting for values, never for time.

use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// The longest that a test waits for a value.
const BOUND: Duration = Duration::from_secs(30);
/// How often it looks.
const PACE: Duration = Duration::from_millis(15);

/// Waits until `look` gives something.
pub(crate) async fn eventually_some<T, F, R>(what: &str, mut look: F) -> T
where
    F: FnMut() -> R,
    R: Future<Output = Option<T>>,
{
    let started = Instant::now();
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        if let Some(value) = look().await {
            return value;
        }
        assert!(started.elapsed() < BOUND, "waited {BOUND:?} for: {what}");
    }
}

/// Waits until `look` says yes.
pub(crate) async fn eventually<F, R>(what: &str, mut look: F)
where
    F: FnMut() -> R,
    R: Future<Output = bool>,
{
    eventually_some(what, || {
        let yes = look();
        async move { yes.await.then_some(()) }
    })
    .await;
}
