//! A process of the fleet that ends with the one that started it.
//!
//! The parent holds the other end of its standard input and writes nothing. However the
//! parent ends, killed included, the system closes that end, and the process stops as after SIGTERM.
//! Signals that the system sends for a dead parent exist on Linux only.

use std::io::{copy, sink, stdin};
use tokio_util::sync::CancellationToken;

/// Cancels `stop` when standard input ends.
pub fn stop_with_parent(stop: CancellationToken) {
    // A thread of its own: a blocking read would keep the runtime from ending.
    std::thread::spawn(move || {
        let _ = copy(&mut stdin().lock(), &mut sink());
        stop.cancel();
    });
}
