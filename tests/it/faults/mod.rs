//! The fault matrix: every topic that changes something at a partner, under every fault.
//!
//! For each cell the stage is set, one fault strikes, and in the end our rows and the partner's
//! ledger are those of a run without any fault. Webhooks come three times and out of order
//! throughout. What can not be told apart after a lost answer stands in the dead letters as
//! ambiguous; that is so for one topic, the exchange of a bank's one-time token.

mod outcome;
mod stage;
mod strike;

/// One module for each topic, with one test for each fault. `dies_at` lists the boundaries of the
/// topic, each with the test's name.
macro_rules! matrix {
    ($($topic:ident: $case:ident, dies_at { $($line:ident: $boundary:literal,)* })*) => {
        const CASES: &[&stage::Case] = &[$(&stage::$case,)*];

        $(mod $topic {
            use super::{stage::$case, strike};

            $(#[tokio::test]
            async fn $line() {
                strike::killed(&$case, $boundary).await;
            })*

            super::faults! { $case }
        })*
    };
}

/// The faults that every request meets alike.
macro_rules! faults {
    ($case:ident) => {
        #[tokio::test]
        async fn its_message_comes_twice() {
            strike::doubled(&$case).await;
        }

        #[tokio::test]
        async fn its_worker_is_drained() {
            strike::drained(&$case).await;
        }

        #[tokio::test]
        async fn the_broker_restarts() {
            strike::broker_restarted(&$case).await;
        }

        #[tokio::test]
        async fn the_database_restarts() {
            strike::database_restarted(&$case).await;
        }

        #[tokio::test]
        async fn the_partner_answers_429() {
            strike::busy(&$case).await;
        }

        #[tokio::test]
        async fn the_partner_answers_500_before_the_effect() {
            strike::failed_before(&$case).await;
        }

        #[tokio::test]
        async fn the_partner_answers_500_after_the_effect() {
            strike::failed_after(&$case).await;
        }

        #[tokio::test]
        async fn the_connection_breaks_after_the_effect() {
            strike::cut_after(&$case).await;
        }
    };
}
use faults;

matrix! {
    deposit: DEPOSIT, dies_at {
        dies_when_opened: "operation.opened",
        dies_when_reserved: "step.committed:reserve",
        dies_when_intended: "effect.intended:transfer",
        dies_when_answered: "effect.answered:transfer",
        dies_when_recorded: "effect.recorded:transfer",
        dies_when_finished: "finish.committed",
        dies_when_published: "message.published",
    }
    withdrawal: WITHDRAWAL, dies_at {
        dies_when_opened: "operation.opened",
        dies_when_reserved: "step.committed:reserve",
        dies_when_intended: "effect.intended:transfer",
        dies_when_answered: "effect.answered:transfer",
        dies_when_recorded: "effect.recorded:transfer",
        dies_when_finished: "finish.committed",
        dies_when_published: "message.published",
    }
    cancel: CANCEL, dies_at {
        dies_when_opened: "operation.opened",
        dies_when_intended: "effect.intended:cancel",
        dies_when_answered: "effect.answered:cancel",
        dies_when_recorded: "effect.recorded:cancel",
        dies_when_finished: "finish.committed",
        dies_when_published: "message.published",
    }
    pay: PAY, dies_at {
        dies_when_opened: "operation.opened",
        dies_when_started: "step.committed:start",
        dies_when_intended: "effect.intended:transfer",
        dies_when_answered: "effect.answered:transfer",
        dies_when_recorded: "effect.recorded:transfer",
        dies_when_finished: "finish.committed",
        dies_when_published: "message.published",
    }
    bank_exchange: BANK_EXCHANGE, dies_at {
        dies_when_opened: "operation.opened",
        dies_when_intended: "effect.intended:exchange",
        dies_when_answered: "effect.answered:exchange",
        dies_when_recorded: "effect.recorded:exchange",
        dies_when_finished: "finish.committed",
        dies_when_published: "message.published",
    }
    bank_process: BANK_PROCESS, dies_at {
        dies_when_opened: "operation.opened",
        dies_when_intended: "effect.intended:funding_source",
        dies_when_answered: "effect.answered:funding_source",
        dies_when_recorded: "effect.recorded:funding_source",
        dies_when_finished: "finish.committed",
        dies_when_published: "message.published",
    }
    bank_delete: BANK_DELETE, dies_at {
        dies_when_opened: "operation.opened",
        dies_when_held: "step.committed:hold",
        dies_when_intended: "effect.intended:remove",
        dies_when_answered: "effect.answered:remove",
        dies_when_recorded: "effect.recorded:remove",
        dies_when_finished: "finish.committed",
        dies_when_published: "message.published",
    }
    bank_delete_item: BANK_DELETE_ITEM, dies_at {
        dies_when_intended: "effect.intended:item",
        dies_when_answered: "effect.answered:item",
        dies_when_recorded: "effect.recorded:item",
    }
    wallet_create: WALLET_CREATE, dies_at {
        dies_when_opened: "operation.opened",
        dies_when_prepared: "step.committed:prepare",
        dies_when_intended: "effect.intended:customer",
        dies_when_answered: "effect.answered:customer",
        dies_when_recorded: "effect.recorded:customer",
        dies_when_finished: "finish.committed",
        dies_when_published: "message.published",
    }
    wallet_recreate: WALLET_RECREATE, dies_at {
        dies_when_opened: "operation.opened",
        dies_when_intended: "effect.intended:customer",
        dies_when_answered: "effect.answered:customer",
        dies_when_recorded: "effect.recorded:customer",
        dies_when_finished: "finish.committed",
        dies_when_published: "message.published",
    }
    wallet_retry: WALLET_RETRY, dies_at {
        dies_when_opened: "operation.opened",
        dies_when_intended: "effect.intended:retry",
        dies_when_answered: "effect.answered:retry",
        dies_when_recorded: "effect.recorded:retry",
        dies_when_finished: "finish.committed",
        dies_when_published: "message.published",
    }
}

#[test]
fn every_topic_with_an_effect_is_in_the_matrix() {
    use subjects::spec::EffectKind;
    let topics = subjects::registry::TOPICS.iter();
    let missing: Vec<&str> = topics
        .filter(|topic| topic.effect != EffectKind::None)
        .map(|topic| topic.name)
        .filter(|name| CASES.iter().all(|case| case.topic != *name))
        .collect();
    assert!(missing.is_empty(), "expected a case for {missing:?}");
}
