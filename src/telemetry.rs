//! What happens in a process, for people and for tests.
//!
//! Each durable boundary of an operation (opened, intended, answered, recorded, committed, published,
//! acknowledged) is one event of the target [`BOUNDARY`]: operators see an operation's way through
//! the system in the log, the demo prints its timeline from them, and the fault tests stop a real
//! worker exactly there. Nothing in production code knows about that.

/// The tracing target of boundary events.
pub const BOUNDARY: &str = "tranche::boundary";

/// Says that an operation has passed a durable boundary.
macro_rules! boundary {
    ($what:literal, $operation:expr, $name:expr) => {
        tracing::debug!(
            target: $crate::telemetry::BOUNDARY,
            boundary = $what,
            operation = %$operation,
            name = $name,
        )
    };
}
pub(crate) use boundary;
