//! Asking how an operation stands, and what verifies a Plaid webhook.

use crate::envelope::{Event, Problem};
use crate::ids::{IdentityId, OperationId};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Asks for an operation.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct OperationAsk {
    /// The operation.
    pub id: OperationId,
    /// The identity that asks; none for internal callers, who may see every operation.
    #[serde(default)]
    pub identity: Option<IdentityId>,
}

/// An operation as its caller sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Operation {
    /// The operation.
    pub operation: OperationId,
    /// The topic's service.
    pub service: String,
    /// The topic.
    pub topic: String,
    /// `running`, `waiting`, `completed`, `refused`, `dead` or `discarded`.
    pub status: String,
    /// The hash of its request.
    pub request_hash: String,
    /// Attempts so far.
    pub attempt: i32,
    /// The early answer, once the operation's own row was committed.
    pub accepted: Option<Value>,
    /// The result, once completed.
    pub result: Option<Value>,
    /// The reason, when it did not complete.
    pub problem: Option<Problem>,
    /// When a worker first opened it.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// The answer to [`OperationAsk`]: none when no worker has opened it, or it is another's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperationAnswer {
    /// The operation.
    pub operation: Option<Operation>,
}

/// Asks for the events of an operation after the one that was seen last.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct EventsAsk {
    /// The operation.
    pub id: OperationId,
    /// The identity that asks; none for internal callers.
    #[serde(default)]
    pub identity: Option<IdentityId>,
    /// The number of the last event that was seen; 0 for none.
    #[serde(default)]
    pub after: i64,
}

/// The answer to [`EventsAsk`], oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Events {
    /// Whether the operation is known and may be seen.
    pub known: bool,
    /// The events.
    pub events: Vec<Event>,
}

/// Asks for one of Plaid's webhook keys.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PlaidKeyAsk {
    /// The key id from the signature's header.
    pub kid: String,
}

/// A public key of Plaid's on the curve P-256; none when Plaid does not know the id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlaidKeyAnswer {
    /// The key.
    pub key: Option<PlaidKey>,
}

/// The coordinates of a public key, base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlaidKey {
    /// The first coordinate.
    pub x: String,
    /// The second coordinate.
    pub y: String,
    /// Whether Plaid has retired it: such a key verifies nothing.
    pub expired: bool,
}
