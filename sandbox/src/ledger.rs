//! The ledger: every effect that really happened at a partner, in order, append-only.
//!
//! Tests assert on effects, not on calls: "one transfer of 100.00 under this correlation id" is true or false however
//! often it was asked for. Entries are never changed or removed; what happens later to the same resource is another
//! entry. They are kept in a compact form, since a benchmark writes a million of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, Serializer};
use tokio::sync::watch;
use uuid::Uuid;

use crate::clock::{Clock, iso};
use crate::error::SandboxError;
use crate::sync::lock;

/// Which partner a request, an effect or a fault belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Partner {
    /// Dwolla: wallets and bank transfers.
    Dwolla,
    /// Plaid: bank linking.
    Plaid,
    /// Ory Kratos: who is logged in.
    Kratos,
}

/// The id of a partner's resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ref {
    /// Dwolla and Kratos: lower case in the ledger, whatever case went over the wire.
    Uuid(Uuid),
    /// Plaid: opaque text.
    Text(Box<str>),
}

impl Serialize for Ref {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Uuid(id) => {
                serializer.serialize_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
            }
            Self::Text(id) => serializer.serialize_str(id),
        }
    }
}

impl From<Uuid> for Ref {
    fn from(id: Uuid) -> Self {
        Self::Uuid(id)
    }
}

impl From<&str> for Ref {
    fn from(id: &str) -> Self {
        Self::Text(id.into())
    }
}

fn as_iso<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&iso(*at))
}

/// One effect. `amount` is in dollars, a decimal string on the wire; `at` is the virtual clock, UTC.
#[derive(Debug, Clone, Serialize)]
pub struct Effect {
    /// Position in the ledger, from 1.
    pub seq: u64,
    /// When it happened.
    #[serde(serialize_with = "as_iso")]
    pub at: DateTime<Utc>,
    /// Where it happened.
    pub partner: Partner,
    /// `<resource>.<what>`, such as `transfer.created`.
    pub kind: &'static str,
    /// The resource.
    pub id: Ref,
    /// The client's correlation id, if the resource has one.
    pub correlation_id: Option<Arc<str>>,
    /// The `Idempotency-Key` of the request that caused it.
    pub idempotency_key: Option<Arc<str>>,
    /// Dollars.
    pub amount: Option<Decimal>,
    /// Where money or the resource comes from (funding source, item).
    pub source: Option<Ref>,
    /// Where it goes.
    pub destination: Option<Ref>,
    /// The owner at the partner (customer, item, identity).
    pub owner: Option<Ref>,
    /// The resource's status after the effect.
    pub status: Option<&'static str>,
}

impl Effect {
    /// An effect with nothing but its kind and id; [`Ledger::append`] gives it its place and time.
    pub(crate) fn new(partner: Partner, kind: &'static str, id: impl Into<Ref>) -> Self {
        Self {
            seq: 0,
            at: DateTime::UNIX_EPOCH,
            partner,
            kind,
            id: id.into(),
            correlation_id: None,
            idempotency_key: None,
            amount: None,
            source: None,
            destination: None,
            owner: None,
            status: None,
        }
    }
}

/// Which effects to show. Everything that is absent matches.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerQuery {
    /// Only this partner's.
    pub partner: Option<Partner>,
    /// Only this kind.
    pub kind: Option<String>,
    /// Only with this correlation id.
    pub correlation_id: Option<String>,
    /// Only this resource.
    pub id: Option<String>,
    /// Only entries behind this position.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: Option<usize>,
}

impl LedgerQuery {
    fn matches(&self, effect: &Effect) -> bool {
        self.partner.is_none_or(|partner| partner == effect.partner)
            && self.kind.as_deref().is_none_or(|kind| kind == effect.kind)
            && self
                .correlation_id
                .as_deref()
                .is_none_or(|id| effect.correlation_id.as_deref() == Some(id))
            && self.id.as_deref().is_none_or(|id| match &effect.id {
                Ref::Uuid(own) => Uuid::try_parse(id).is_ok_and(|id| id == *own),
                Ref::Text(own) => id == &**own,
            })
    }
}

/// The append-only list.
pub(crate) struct Ledger {
    clock: Clock,
    effects: Mutex<Vec<Effect>>,
    grown: watch::Sender<u64>,
}

impl Ledger {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            effects: Mutex::default(),
            grown: watch::Sender::new(0),
        }
    }

    /// Writes an effect down, with its place and time.
    pub(crate) fn append(&self, mut effect: Effect) {
        let mut effects = lock(&self.effects);
        effect.seq = effects.len() as u64 + 1;
        effect.at = self.clock.now();
        let seq = effect.seq;
        effects.push(effect);
        drop(effects);
        self.grown.send_replace(seq);
    }

    /// The effects that match, oldest first.
    pub(crate) fn read(&self, query: &LedgerQuery) -> Vec<Effect> {
        let skip = usize::try_from(query.after.unwrap_or(0)).unwrap_or(usize::MAX);
        lock(&self.effects)
            .iter()
            .skip(skip)
            .filter(|effect| query.matches(effect))
            .take(query.limit.unwrap_or(usize::MAX))
            .cloned()
            .collect()
    }

    /// Waits until at least `count` effects match, and returns them.
    pub(crate) async fn wait(
        &self,
        query: &LedgerQuery,
        count: usize,
        bound: Duration,
    ) -> Result<Vec<Effect>, SandboxError> {
        let mut grown = self.grown.subscribe();
        let enough = async {
            loop {
                let found = self.read(query);
                if found.len() >= count || grown.changed().await.is_err() {
                    return found;
                }
            }
        };
        tokio::time::timeout(bound, enough)
            .await
            .map_err(|_| SandboxError::TimedOut {
                what: format!("{count} ledger effects matching {query:?}"),
                waited: bound,
            })
    }
}
