//! Where a message goes: a topic and the function that works on it.

use super::ctx::Ctx;
use super::fault::Fault;
use crate::store::change::Message;
use futures::future::BoxFuture;
use serde_json::Value;
use std::sync::Arc;
use subjects::envelope::Problem;
use subjects::spec::{Query, Topic};

/// What a handler's completion leaves behind: the messages that were committed with it.
#[derive(Debug)]
pub struct Finished {
    pub(crate) messages: Vec<Message>,
}

/// The function of a route.
pub type Run =
    Arc<dyn Fn(Ctx, Vec<u8>) -> BoxFuture<'static, Result<Finished, Fault>> + Send + Sync>;

/// A topic's handler, without its types.
#[derive(Clone)]
pub struct Route {
    /// The topic.
    pub topic: &'static Topic,
    /// The entity of a payload; an error when the payload does not decode.
    pub entity: fn(&[u8]) -> Result<Option<String>, serde_json::Error>,
    /// Runs the handler on a payload.
    pub run: Run,
}

/// The function of a query.
pub type Answer = Arc<dyn Fn(Vec<u8>) -> BoxFuture<'static, Result<Value, Problem>> + Send + Sync>;

/// A query's handler, without its types.
#[derive(Clone)]
pub struct QueryRoute {
    /// The query.
    pub query: &'static Query,
    /// Answers a question.
    pub answer: Answer,
}
