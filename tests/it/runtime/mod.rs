//! The runtime's own promises.

mod statements;
