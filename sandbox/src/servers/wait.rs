//! The one way to wait for a server: ask again until it answers or a bound has passed.

use std::time::{Duration, Instant};

/// Time between two questions: servers get ready in tens of milliseconds.
const PAUSE: Duration = Duration::from_millis(3);

/// Asks until there is an answer; `None` when `bound` passed without one.
pub(super) async fn until<T>(
    bound: Duration,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> Option<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return Some(answer);
        }
        if started.elapsed() > bound {
            return None;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
