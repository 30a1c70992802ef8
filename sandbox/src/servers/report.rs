//! Where the finder tells what it chose and why: a command line prints it, a test drops it.

use std::fmt;
use std::sync::Arc;

/// Receives one line of progress at a time, from any thread.
#[derive(Clone)]
pub struct Reporter(Arc<dyn Fn(&str) + Send + Sync>);

impl Reporter {
    /// Hands each line to `receive`.
    pub fn new(receive: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(receive))
    }

    /// Drops every line.
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    pub(super) fn say(&self, line: &str) {
        (self.0)(line);
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reporter")
    }
}
