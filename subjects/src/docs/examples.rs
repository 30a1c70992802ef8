//! The golden snapshots: one payload and one completion of every topic, frozen.
//!
//! They keep messages readable that are in a queue or in the dead letters while a new release is
//! installed: a type that no longer reads its golden, or writes something else, breaks what is on
//! its way. A change that is meant gets a new file (`v2`) and the old one stays. The data is made
//! up.

use crate::spec::{Command, Topic};
use crate::{directory, kyc, wallet};
use serde_json::Value;

/// The golden snapshot of a topic.
struct Example {
    topic: &'static Topic,
    text: &'static str,
    entity: fn(Value) -> Option<String>,
}

impl Example {
    const fn of<C: Command>(text: &'static str) -> Self {
        let entity = |payload| serde_json::from_value::<C>(payload).ok()?.entity();
        Self {
            topic: C::TOPIC,
            text,
            entity,
        }
    }

    fn part(&self, name: &str) -> Value {
        let golden: Value = serde_json::from_str(self.text).unwrap_or_default();
        golden.get(name).cloned().unwrap_or_default()
    }
}

/// The payload of a topic's golden.
pub(super) fn payload(topic: &Topic) -> Value {
    find(topic).map_or(Value::Null, |example| example.part("payload"))
}

/// The completion of a topic's golden.
pub(super) fn completed(topic: &Topic) -> Value {
    find(topic).map_or(Value::Null, |example| example.part("completed"))
}

/// What no two operations of the topic may work on at once: the kind of its golden's entity.
pub(super) fn entity_kind(topic: &Topic) -> Option<String> {
    let example = find(topic)?;
    let entity = (example.entity)(example.part("payload"))?;
    entity.split_once(':').map(|(kind, _)| kind.to_owned())
}

fn find(topic: &Topic) -> Option<&'static Example> {
    EXAMPLES
        .iter()
        .find(|example| example.topic.path() == topic.path())
}

/// Hands every payload type with its golden file to a macro.
macro_rules! goldens {
    ($callback:ident) => {
        $callback! {
            directory::UserUpsert = "directory.user_upsert.v1.json",
            directory::ProfileUpsert = "directory.profile_upsert.v1.json",
            directory::OfferUpsert = "directory.offer_upsert.v1.json",
            directory::InvestmentUpsert = "directory.investment_upsert.v1.json",
            kyc::Approved = "kyc.approved.v1.json",
            wallet::BankExchange = "wallet.bank_exchange.v1.json",
            wallet::BankProcess = "wallet.bank_process.v1.json",
            wallet::BankDelete = "wallet.bank_delete.v1.json",
            wallet::TransactionCreate = "wallet.transaction_create.v1.json",
            wallet::TransactionCancel = "wallet.transaction_cancel.v1.json",
            wallet::TransactionSync = "wallet.transaction_sync.v1.json",
            wallet::InvestmentReserve = "wallet.investment_reserve.v1.json",
            wallet::InvestmentPay = "wallet.investment_pay.v1.json",
            wallet::InvestmentRelease = "wallet.investment_release.v1.json",
            wallet::WalletCreate = "wallet.wallet_create.v1.json",
            wallet::WalletRecreate = "wallet.wallet_recreate.v1.json",
            wallet::WalletRetry = "wallet.wallet_retry.v1.json",
            wallet::WalletSync = "wallet.wallet_sync.v1.json",
            wallet::DwollaEvent = "wallet.dwolla.v1.json",
            wallet::PlaidEvent = "wallet.plaid.v1.json",
        }
    };
}

macro_rules! examples {
    ($($payload:path = $file:literal,)*) => {
        &[$(Example::of::<$payload>(include_str!(concat!("../../golden/", $file))),)*]
    };
}

static EXAMPLES: &[Example] = goldens!(examples);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::TOPICS;

    /// The payload and the completion after one reading and writing by their types.
    fn again<C: Command>(payload: Value, completed: Value) -> serde_json::Result<(Value, Value)> {
        let payload: C = serde_json::from_value(payload)?;
        let completed: C::Completed = serde_json::from_value(completed)?;
        Ok((
            serde_json::to_value(payload)?,
            serde_json::to_value(completed)?,
        ))
    }

    type Again = fn(Value, Value) -> serde_json::Result<(Value, Value)>;

    macro_rules! checks {
        ($($payload:path = $file:literal,)*) => {
            [$(($file, <$payload as Command>::TOPIC, again::<$payload> as Again),)*]
        };
    }

    #[test]
    fn every_topic_has_a_golden_under_its_own_name() {
        let files = goldens!(checks).map(|(file, topic, _)| (topic.path(), file));
        for topic in TOPICS {
            let wanted = format!("{}.{}.v1.json", topic.service, topic.name);
            assert!(
                files.contains(&(topic.path(), &wanted)),
                "write subjects/golden/{wanted} with an example of the payload and the completion, \
                 and name it in subjects/src/docs/examples.rs"
            );
        }
    }

    #[test]
    fn every_golden_is_read_by_its_type_and_written_the_same() {
        for (file, topic, again) in goldens!(checks) {
            let (payload, completed) = (payload(topic), completed(topic));
            assert!(
                payload.is_object() && completed.is_object(),
                "{file} lacks a part"
            );
            let again = again(payload.clone(), completed.clone());
            let again = again.unwrap_or_else(|e| {
                panic!("the types of {} no longer read {file}: {e}", topic.path())
            });
            assert_eq!(again, (payload, completed), "{file}");
        }
    }

    #[test]
    fn every_golden_passes_the_check_that_the_ingress_makes() {
        for example in EXAMPLES {
            let prepared = (example.topic.prepare)(example.part("payload")).unwrap();
            let body: Value = serde_json::from_slice(&prepared.body).unwrap();
            assert_eq!(body, example.part("payload"), "{}", example.topic.path());
        }
    }

    #[test]
    fn the_kind_of_an_entity_is_what_stands_before_its_id() {
        let kind = |name| entity_kind(crate::registry::topic("wallet", name).unwrap());
        assert_eq!(kind("transaction_create").as_deref(), Some("wallet"));
        assert_eq!(kind("plaid"), None);
    }
}
