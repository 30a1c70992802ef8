//! The words in which a handler says that it did not complete.
//!
//! A handler returns a [`Fault`] and never touches a message: what each word does to the message and
//! to the operation's row is one table, in [`super::verdict`].

use std::time::Duration;
use subjects::envelope::Problem;

/// Why an attempt ended without a completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Something passing: try again by the topic's schedule. Costs an attempt.
    Retry(Cause),
    /// The other side named a time: try again then, or later by the topic's schedule. Costs an
    /// attempt.
    RetryAfter(Duration, Cause),
    /// Nothing is wrong, it is only too early: look again then. Costs no attempt.
    Snooze(Duration, Cause),
    /// Our own rules say no and nothing has happened outside: the operation ends, its caller gets
    /// the problem, and no dead letter is written.
    Refuse(Problem),
    /// It can not succeed as it stands, for instance because the partner refused it: dead letter.
    Reject(Problem),
    /// Nobody can tell whether an effect happened: dead letter, for a person to find out.
    Ambiguous(Cause),
    /// Our mistake, a panic included: dead letter after a second attempt.
    Bug(Cause),
    /// The lease was lost: another worker has the operation, and this one may record nothing more.
    LeaseLost,
}

/// What went wrong: a stable code for programs and groups, and a sentence for people. The sentence
/// never holds personal data or secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// A stable code in `snake_case`.
    pub code: String,
    /// What was expected, what came, and what to do.
    pub message: String,
}

impl Cause {
    /// A cause.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
        }
    }

    /// A cause from an error and its sources, in one sentence.
    pub fn of(code: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            message.push_str(": ");
            message.push_str(&inner.to_string());
            source = inner.source();
        }
        Self::new(code, message)
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl Fault {
    /// A passing fault.
    pub fn retry(code: &str, message: impl Into<String>) -> Self {
        Self::Retry(Cause::new(code, message))
    }

    /// A mistake of ours.
    pub fn bug(code: &str, message: impl Into<String>) -> Self {
        Self::Bug(Cause::new(code, message))
    }

    /// A refusal by our own rules.
    pub fn refuse(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self::Refuse(Problem::new(status, code, message))
    }

    /// The stable code of the fault.
    pub fn code(&self) -> &str {
        match self {
            Self::Retry(cause)
            | Self::RetryAfter(_, cause)
            | Self::Snooze(_, cause)
            | Self::Ambiguous(cause)
            | Self::Bug(cause) => &cause.code,
            Self::Refuse(problem) | Self::Reject(problem) => &problem.code,
            Self::LeaseLost => "lease_lost",
        }
    }

    /// The sentence of the fault.
    pub fn message(&self) -> &str {
        match self {
            Self::Retry(cause)
            | Self::RetryAfter(_, cause)
            | Self::Snooze(_, cause)
            | Self::Ambiguous(cause)
            | Self::Bug(cause) => &cause.message,
            Self::Refuse(problem) | Self::Reject(problem) => &problem.message,
            Self::LeaseLost => "another worker holds the operation now",
        }
    }
}
