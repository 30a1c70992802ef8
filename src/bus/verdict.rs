//! What each word of a handler does: one table.
//!
//! | fault | row | message |
//! | --- | --- | --- |
//! | `Retry` | waits for the topic's delay, attempt counted; exhausted: dead letter | acknowledged |
//! | `RetryAfter(d)` | waits for `d` or longer, attempt counted; exhausted: dead letter | acknowledged |
//! | `Snooze(d)` | waits for `d`, attempt not counted | acknowledged |
//! | `Refuse` | ends as `refused`; after something was done outside: dead letter `rejected` | acknowledged |
//! | `Reject` | dead letter `rejected` | acknowledged after the letter is published |
//! | `Ambiguous` | dead letter `ambiguous` | acknowledged after the letter is published |
//! | `Bug` | first time: waits; then dead letter `bug` | acknowledged |
//! | `LeaseLost` | untouched | left alone: it belongs to another worker |

use super::fault::Fault;
use crate::retry;
use serde_json::{Value, json};
use std::time::Duration;
use subjects::envelope::Problem;
use subjects::spec::Topic;

/// The attempt after which a mistake of ours is no longer tried.
const BUG_ATTEMPTS: i32 = 2;

/// What is to be done with an operation whose attempt ended in a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Give it back until then.
    Wait { delay: Duration, counted: bool },
    /// End it as refused.
    Refuse(Problem),
    /// End it in the dead letters.
    Bury {
        class: &'static str,
        problem: Problem,
    },
    /// It is not ours any more.
    LetGo,
}

/// The table.
pub(crate) fn judge(topic: &Topic, attempt: i32, fault: &Fault, random: u64) -> Verdict {
    let again = |at_least: Duration| {
        let made = u32::try_from(attempt).unwrap_or(u32::MAX);
        if made >= topic.retry.attempts {
            return bury("exhausted", 424, fault);
        }
        let delay = retry::delay(&topic.retry, made, random).max(at_least);
        Verdict::Wait {
            delay,
            counted: true,
        }
    };
    match fault {
        Fault::Retry(_) => again(Duration::ZERO),
        Fault::RetryAfter(delay, _) => again(*delay),
        Fault::Snooze(delay, _) => Verdict::Wait {
            delay: *delay,
            counted: false,
        },
        Fault::Refuse(problem) => Verdict::Refuse(problem.clone()),
        Fault::Reject(problem) => Verdict::Bury {
            class: "rejected",
            problem: problem.clone(),
        },
        Fault::Ambiguous(_) => bury("ambiguous", 424, fault),
        Fault::Bug(_) if attempt < BUG_ATTEMPTS => again(Duration::ZERO),
        Fault::Bug(_) => bury("bug", 500, fault),
        Fault::LeaseLost => Verdict::LetGo,
    }
}

fn bury(class: &'static str, status: u16, fault: &Fault) -> Verdict {
    Verdict::Bury {
        class,
        problem: Problem::new(status, fault.code(), fault.message()),
    }
}

/// A fault as the row keeps it.
pub(crate) fn record(fault: &Fault) -> Value {
    let kind = match fault {
        Fault::Retry(_) => "retry",
        Fault::RetryAfter(..) => "retry_after",
        Fault::Snooze(..) => "snooze",
        Fault::Refuse(_) => "refuse",
        Fault::Reject(_) => "reject",
        Fault::Ambiguous(_) => "ambiguous",
        Fault::Bug(_) => "bug",
        Fault::LeaseLost => "lease_lost",
    };
    json!({ "kind": kind, "code": fault.code(), "message": fault.message() })
}

#[cfg(test)]
mod tests {
    use super::super::fault::Cause;
    use super::*;

    fn topic() -> &'static Topic {
        subjects::registry::topic("wallet", "transaction_create").unwrap()
    }

    fn cause() -> Cause {
        Cause::new("code", "message")
    }

    #[test]
    fn a_retry_waits_within_the_topics_bound_and_costs_an_attempt() {
        for random in [0, 1, 7_777, u64::MAX] {
            match judge(topic(), 1, &Fault::Retry(cause()), random) {
                Verdict::Wait {
                    delay,
                    counted: true,
                } => assert!(delay <= topic().retry.first),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_last_attempt_ends_in_the_dead_letters_as_exhausted() {
        let last = i32::try_from(topic().retry.attempts).unwrap();
        for fault in [
            Fault::Retry(cause()),
            Fault::RetryAfter(Duration::ZERO, cause()),
        ] {
            assert!(matches!(
                judge(topic(), last - 1, &fault, 0),
                Verdict::Wait { .. }
            ));
            let verdict = judge(topic(), last, &fault, 0);
            assert!(
                matches!(
                    verdict,
                    Verdict::Bury {
                        class: "exhausted",
                        ..
                    }
                ),
                "{verdict:?}"
            );
        }
    }

    #[test]
    fn the_partners_time_is_a_lower_bound() {
        let fault = Fault::RetryAfter(Duration::from_mins(5), cause());
        let wait = Verdict::Wait {
            delay: Duration::from_mins(5),
            counted: true,
        };
        assert_eq!(judge(topic(), 1, &fault, u64::MAX), wait);
    }

    #[test]
    fn a_snooze_never_exhausts_an_operation() {
        let fault = Fault::Snooze(Duration::from_secs(9), cause());
        let wait = Verdict::Wait {
            delay: Duration::from_secs(9),
            counted: false,
        };
        assert_eq!(judge(topic(), i32::MAX, &fault, 0), wait);
    }

    #[test]
    fn a_refusal_is_no_dead_letter_and_a_rejection_is() {
        let problem = Problem::new(400, "no", "no");
        let refused = judge(topic(), 1, &Fault::Refuse(problem.clone()), 0);
        assert_eq!(refused, Verdict::Refuse(problem.clone()));
        let rejected = judge(topic(), 1, &Fault::Reject(problem.clone()), 0);
        assert_eq!(
            rejected,
            Verdict::Bury {
                class: "rejected",
                problem
            }
        );
    }

    #[test]
    fn a_bug_is_tried_once_more_and_an_ambiguity_never() {
        assert!(matches!(
            judge(topic(), 1, &Fault::Bug(cause()), 0),
            Verdict::Wait { .. }
        ));
        let verdict = judge(topic(), 2, &Fault::Bug(cause()), 0);
        assert!(matches!(verdict, Verdict::Bury { class: "bug", .. }));
        let verdict = judge(topic(), 1, &Fault::Ambiguous(cause()), 0);
        assert!(matches!(
            verdict,
            Verdict::Bury {
                class: "ambiguous",
                ..
            }
        ));
    }

    #[test]
    fn a_lost_lease_touches_nothing() {
        assert_eq!(judge(topic(), 1, &Fault::LeaseLost, 0), Verdict::LetGo);
    }
}
