//! What follows from identity verification.

mod approved;
