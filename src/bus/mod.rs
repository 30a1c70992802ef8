//! The worker runtime: from a message to a completion, exactly once.
//!
//! **Responsible for**: pulling no more than can be worked on; opening the operation's row (inbox,
//! lease, attempt count); running the handler under a heartbeat; committing what it did; publishing
//! what was committed; acknowledging; and the dead letters. **Not responsible for** what a handler
//! decides, for how a partner is called, or for HTTP.
//!
//! The way of one message:
//!
//! 1. [`consume`] pulls it from the topic's durable consumer, as many as there are free hands.
//! 2. [`message`] decodes it. What does not decode stands in the dead letters at once.
//! 3. [`process`] opens the operation: one statement inserts or takes over the row, counts the
//!    attempt, draws a fencing token, takes the entity's lease, and brings the journal.
//! 4. The handler runs with a [`ctx::Ctx`]: `step`s change our rows once, `effect`s change the
//!    outside once, `finish` is the last change and the completion in one statement.
//! 5. [`publish`] sends what was committed with it, straight away; [`relay`] sends what a crash left.
//! 6. Or the handler returned a [`fault::Fault`], and [`verdict`] says what that does.
//!
//! **The database decides, the broker transports.** Once opened, an operation is brought back by its
//! row, not by its message: a retry or a snooze is a timer in the row, the message is acknowledged,
//! and the relay publishes a new one when the time has come. Holding messages back in the broker
//! instead (negative acknowledgements with a delay) lost: they count against the consumer's limit of
//! pending messages, so a partner's outage would block the topic; the broker counts attempts that
//! were none, and gives up when there were too many; and what the broker loses would be lost. So an
//! operation whose entity is busy waits in its row too, in the order in which it came. Negative
//! acknowledgements remain for when there is no row to write: the database is away (then no more
//! messages are taken until it is back), or two messages of one operation meet.
//!
//! **Crash anywhere.** Between any two lines the process may die. What was committed is found again
//! in the row and the journal by whoever opens the operation next; what was not, did not happen.

pub mod consume;
pub mod ctx;
pub mod effect;
pub mod engine;
pub mod fault;
pub mod heartbeat;
pub mod lease;
pub mod message;
pub mod process;
pub mod publish;
pub mod queries;
pub mod relay;
pub mod route;
pub mod sweep;
pub mod topology;
pub mod verdict;
