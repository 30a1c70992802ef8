//! What travels around a payload: headers, callers, completion events, webhooks, problems.
//!
//! A command's payload is the message body; who sent it and under which operation stands in the
//! headers, so that a handler's type says only what the command means.

use crate::ids::{IdentityId, OperationId, UserId};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The namespace of every derived operation id.
const OPERATIONS: uuid::Uuid = uuid::Uuid::from_u128(0x7472_616e_6368_652d_6f70_6572_6174_696f);

/// Names of message headers. HTTP's own names are kept where they mean the same.
pub mod header {
    /// The operation's id, the primary key of its row.
    pub const OPERATION: &str = "Tranche-Operation";
    /// Who asked, as JSON of [`Caller`](super::Caller).
    pub const CALLER: &str = "Tranche-Caller";
    /// SHA-256 of the payload in hex: the same key with another hash is a conflict.
    pub const REQUEST_HASH: &str = "Tranche-Request-Hash";
    /// `http`, `hook`, `timer`, `replay`, `requeue` or `command` (sent by another operation).
    pub const ORIGIN: &str = "Tranche-Origin";
    /// The outcome of an event.
    pub const OUTCOME: &str = "Tranche-Outcome";
    /// The caller's correlation id; new for every attempt of a browser, so never a key.
    pub const REQUEST_ID: &str = "X-Request-ID";
    /// The caller's address.
    pub const IP_ADDRESS: &str = "X-IP-Address";
    /// The W3C trace.
    pub const TRACEPARENT: &str = "traceparent";
    /// JetStream's deduplication id.
    pub const MESSAGE_ID: &str = "Nats-Msg-Id";
}

/// Who asked for an operation. Part of the operation's identity: two callers never share a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Caller {
    /// A signed-in person.
    User {
        /// The Kratos identity.
        identity: IdentityId,
        /// The user row that the directory has for it.
        user: UserId,
    },
    /// A service of ours or an operator's tool, by the name of its token.
    Service {
        /// The token's name.
        name: String,
    },
    /// A partner's webhook whose signature was verified.
    Partner {
        /// The partner's name.
        name: String,
    },
    /// Another operation, through the outbox.
    Operation {
        /// That operation.
        id: OperationId,
    },
}

impl Caller {
    /// The text that separates one caller's idempotency keys from another's.
    pub fn scope(&self) -> String {
        match self {
            Self::User { identity, .. } => format!("user:{identity}"),
            Self::Service { name } => format!("service:{name}"),
            Self::Partner { name } => format!("partner:{name}"),
            Self::Operation { id } => format!("operation:{id}"),
        }
    }

    /// The signed-in identity, if the caller is a person.
    pub fn identity(&self) -> Option<IdentityId> {
        match self {
            Self::User { identity, .. } => Some(*identity),
            Self::Service { .. } | Self::Partner { .. } | Self::Operation { .. } => None,
        }
    }
}

/// The id of the operation that `key` names, for this caller and topic: the same four always give
/// the same id, which is what makes a repeated request one operation.
pub fn operation_id(caller: &Caller, service: &str, topic: &str, key: &str) -> OperationId {
    let name = [&caller.scope(), service, topic, key].join("\u{0}");
    uuid::Uuid::new_v5(&OPERATIONS, name.as_bytes())
}

/// How far an operation has come, as events and callers hear of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The operation's own row is committed; effects are still to come.
    Accepted,
    /// Done; the result is final.
    Completed,
    /// Our own rules said no before anything happened outside.
    Refused,
    /// The operation stands in the dead letters.
    Dead,
    /// The idempotency key is taken by another request.
    Conflict,
}

impl Outcome {
    /// The last token of the event's subject.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Completed => "completed",
            Self::Refused => "refused",
            Self::Dead => "dead",
            Self::Conflict => "conflict",
        }
    }
}

/// Why an operation did not complete, in the words and the status that its caller gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// A stable code in `snake_case`, for programs and for grouping dead letters.
    pub code: String,
    /// The HTTP status of the answer.
    pub status: u16,
    /// One sentence for people.
    pub message: String,
    /// Messages per field of the request, in the front end's names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Vec<String>>,
}

impl Problem {
    /// A problem without field messages.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            status,
            message: message.into(),
            fields: BTreeMap::new(),
        }
    }

    /// The same, naming the field of the request that is at fault.
    #[must_use]
    pub fn field(mut self, name: &str, message: impl Into<String>) -> Self {
        self.fields
            .entry(name.into())
            .or_default()
            .push(message.into());
        self
    }
}

/// A row that people look at has changed: what a browser's push is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    /// The kind of object: `wallet`, `transaction`, `profile` …
    pub object: String,
    /// Its row id.
    pub id: i64,
    /// Whose browsers hear of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityId>,
    /// That identity's user row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The row, in our names.
    pub fields: Value,
}

/// `events.<service>.<topic>.<outcome>`: an operation has come so far. Published only from the
/// outbox, never before the commit that it tells of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The outbox row's number: unique, growing, the `Last-Event-ID` of server-sent events.
    /// Zero for events that only answer a waiting caller again.
    pub id: i64,
    /// The operation.
    pub operation: OperationId,
    /// The topic's service.
    pub service: String,
    /// The topic.
    pub topic: String,
    /// How far it has come.
    pub outcome: Outcome,
    /// The hash of the request that this event answers.
    pub request_hash: String,
    /// The result, for `accepted` and `completed`.
    #[serde(default)]
    pub result: Value,
    /// The reason, for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The rows that changed.
    #[serde(default)]
    pub changed: Vec<Changed>,
    /// When it was committed, by the database's clock.
    pub at: DateTime<Utc>,
}

/// What a worker says to a query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The answer.
    Answer(Value),
    /// Why there is none.
    Problem(Problem),
}

/// A partner's webhook as it arrived: verified, whole, and not yet understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Webhook {
    /// The partner.
    pub partner: String,
    /// The partner's id of the event; with the partner's name it is the idempotency key.
    pub event_id: String,
    /// The partner's name for what happened, empty where it has none.
    pub event_type: String,
    /// Its headers, without secrets.
    pub headers: BTreeMap<String, String>,
    /// The raw body, base64: signatures are over these bytes.
    pub body: String,
}

impl Webhook {
    /// The raw bytes of the body.
    pub fn raw(&self) -> Result<Vec<u8>, base64::DecodeError> {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.decode(&self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_caller_topic_and_key_are_one_operation_and_nothing_else_is() {
        let a = Caller::Service { name: "a".into() };
        let b = Caller::Service { name: "b".into() };
        let id = operation_id(&a, "wallet", "transaction_create", "k");
        assert_eq!(id, operation_id(&a, "wallet", "transaction_create", "k"));
        assert_ne!(id, operation_id(&b, "wallet", "transaction_create", "k"));
        assert_ne!(id, operation_id(&a, "wallet", "transaction_cancel", "k"));
        assert_ne!(id, operation_id(&a, "wallet", "transaction_create", "l"));
    }

    #[test]
    fn parts_of_a_key_cannot_be_shifted_into_one_another() {
        let caller = Caller::Service { name: "a".into() };
        assert_ne!(
            operation_id(&caller, "w", "tk", ""),
            operation_id(&caller, "wt", "k", "")
        );
    }
}
