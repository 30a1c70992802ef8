//! What is left in the end: our rows and the partners' ledger, without ids and times.

use crate::harness::Fleet;
use sandbox::LedgerQuery;
use serde_json::{Value, json};

/// Rows and effects, each list sorted; equal runs have equal outcomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) rows: Vec<String>,
    pub(super) ledger: Vec<String>,
}

/// What may be asked of a partner twice at no cost.
const REPEATABLE: [&str; 4] = [
    "processor_token.created",
    "exchange.created",
    "session.created",
    "balance.opened",
];

/// Tables whose rows say what happened, and the events that were told of commands.
const ROWS: &str = "
    select jsonb_build_object('wallet', to_jsonb(t)) from wallets t
    union all select jsonb_build_object('item', to_jsonb(t)) from plaid_items t
    union all select jsonb_build_object('bank', to_jsonb(t)) from funding_sources t
    union all select jsonb_build_object('movement', to_jsonb(t)) from transactions t
    union all select jsonb_build_object('posting', to_jsonb(t) - 'from_status') from postings t
    union all select jsonb_build_object('operation',
        jsonb_build_object('topic', topic, 'state', state, 'problem', problem))
        from operations where topic not in ('dwolla', 'plaid')
    union all select jsonb_build_object('event', jsonb_build_object('subject', subject))
        from outbox where kind = 'event' and subject not like 'events.wallet.dwolla.%'";

impl Outcome {
    pub(super) async fn of(fleet: &Fleet) -> Self {
        let rows: Vec<Value> = sqlx::query_scalar(ROWS).fetch_all(&fleet.db).await.unwrap();
        let mut rows: Vec<String> = rows.into_iter().map(|row| plain(row).to_string()).collect();
        rows.sort();
        let mut ledger: Vec<String> = fleet
            .sandbox()
            .ledger(&LedgerQuery::default())
            .iter()
            .filter(|effect| !REPEATABLE.contains(&effect.kind))
            .map(|effect| json!([effect.kind, effect.amount, effect.status]).to_string())
            .collect();
        ledger.sort();
        Self { rows, ledger }
    }

    /// Says what is on one side only.
    pub(super) fn must_equal(&self, clean: &Self) {
        let sides = [(&self.ledger, &clean.ledger), (&self.rows, &clean.rows)];
        for (got, expected) in sides {
            let only = |one: &[String], other: &[String]| {
                let mut left = other.to_vec();
                one.iter()
                    .filter(|row| match left.iter().position(|same| same == *row) {
                        Some(at) => {
                            left.swap_remove(at);
                            false
                        }
                        None => true,
                    })
                    .cloned()
                    .collect::<Vec<_>>()
            };
            let (more, less) = (only(got, expected), only(expected, got));
            let same = more.is_empty() && less.is_empty();
            assert!(same, "this run also has {more:#?}\nand lacks {less:#?}");
        }
    }
}

/// A row without what differs from run to run: of ids, references and times only whether they are
/// there.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| match value {
                Value::Object(_) if name != "person" => (name, plain(value)),
                value if differs(&name) => (name, json!(!value.is_null())),
                value => (name, plain(value)),
            })
            .collect(),
        Value::Array(items) => items.into_iter().map(plain).collect(),
        other => other,
    }
}

fn differs(field: &str) -> bool {
    const THESE: [&str; 13] = [
        "id",
        "handle",
        "access_token",
        "accounts",
        "token",
        "reverses",
        "transaction",
        "wallet",
        "operation",
        "applied",
        "person",
        "last4",
        "at",
    ];
    THESE.contains(&field) || field.ends_with("_id") || field.ends_with("_at")
}
