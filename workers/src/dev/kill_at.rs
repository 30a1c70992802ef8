//! Ends this process with SIGKILL at a durable boundary.
//!
//! The runtime announces each boundary as a tracing event ([`tranche::telemetry::BOUNDARY`]). This
//! layer listens for one of them and kills the process on that very line, on the same thread, before
//! the next statement runs: "what happens if the process dies here?" becomes a test.

use rustix::process::{Signal, getpid, kill_process};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tranche::telemetry::BOUNDARY;

/// A layer that kills at the first boundary of that name; nothing when there is none.
///
/// `effect.recorded` kills at every effect's, `effect.recorded:transfer` at that effect's only.
pub fn layer(at: Option<String>) -> Option<KillAt> {
    at.map(|at| match at.split_once(':') {
        Some((boundary, name)) => KillAt {
            boundary: boundary.to_owned(),
            name: Some(name.to_owned()),
        },
        None => KillAt {
            boundary: at,
            name: None,
        },
    })
}

/// The layer.
#[derive(Debug)]
pub struct KillAt {
    boundary: String,
    name: Option<String>,
}

impl<S: Subscriber> Layer<S> for KillAt {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != BOUNDARY {
            return;
        }
        let mut seen = Seen::default();
        event.record(&mut seen);
        let named = self.name.as_ref().is_none_or(|name| *name == seen.name);
        if seen.boundary == self.boundary && named {
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }
}

#[derive(Default)]
struct Seen {
    boundary: String,
    name: String,
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "boundary" => value.clone_into(&mut self.boundary),
            "name" => value.clone_into(&mut self.name),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
