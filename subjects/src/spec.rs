//! What a row of the registry can say.
//!
//! A [`Topic`] is a durable command or webhook, a [`Query`] a read or a value that costs nothing to
//! repeat. Both are plain data with a few function pointers that know the payload's type, so the
//! ingress, the runtime and the generators stay free of type parameters.

use schemars::Schema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::time::Duration;

/// Seconds, in a constant.
pub const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Minutes, in a constant.
pub const fn mins(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

/// Hours, in a constant.
pub const fn hours(n: u64) -> Duration {
    Duration::from_secs(3600 * n)
}

/// HTTP methods that the contract uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Read.
    Get,
    /// Create or do.
    Post,
    /// Change.
    Put,
    /// Remove.
    Delete,
}

impl Method {
    /// The method's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// Who may call a binding, and so how the ingress recognises the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum By {
    /// A signed-in person: Kratos cookie, or identity header with the gateway's secret. Every
    /// `user_id`, `profile_id` and `wallet_id` that the request names must be theirs.
    User,
    /// A service or an operator's tool, by its token.
    Internal,
    /// Dwolla, by the HMAC of the raw body.
    Dwolla,
    /// Plaid, by the signed token in its header.
    Plaid,
}

/// One way to reach a topic or a query over HTTP.
#[derive(Debug, Clone, Copy)]
pub struct Http {
    /// The method.
    pub method: Method,
    /// The path, with `{field}` where a payload field stands.
    pub path: &'static str,
    /// Who may call it.
    pub by: By,
    /// The operation's name in the API document.
    pub operation: &'static str,
    /// The status of a completed answer.
    pub status: u16,
    /// Spellings of path fields as query parameters, accepted on the path without its fields:
    /// `(query name, field)`.
    pub query: &'static [(&'static str, &'static str)],
}

impl Http {
    /// A binding whose completed answer is 200.
    pub const fn new(by: By, method: Method, path: &'static str, operation: &'static str) -> Self {
        Self {
            method,
            path,
            by,
            operation,
            status: 200,
            query: &[],
        }
    }

    /// The status of a completed answer.
    #[must_use]
    pub const fn answers(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Accepts these query parameters in place of the path's fields.
    #[must_use]
    pub const fn or_query(mut self, query: &'static [(&'static str, &'static str)]) -> Self {
        self.query = query;
        self
    }

    /// The path without its fields, on which the query spelling is served.
    pub fn bare_path(&self) -> String {
        let kept = self
            .path
            .split('/')
            .filter(|segment| !segment.starts_with('{'));
        kept.collect::<Vec<_>>().join("/")
    }

    /// The names of the path's fields.
    pub fn fields(&self) -> impl Iterator<Item = &'static str> {
        self.path
            .split('/')
            .filter_map(|s| s.strip_prefix('{')?.strip_suffix('}'))
    }
}

/// How often and how soon a failed attempt is tried again: full jitter between nothing and
/// `first * 2^n`, at most `cap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The longest first delay.
    pub first: Duration,
    /// The longest delay at all.
    pub cap: Duration,
    /// Attempts before the operation stands in the dead letters as exhausted.
    pub attempts: u32,
}

impl Retry {
    /// Doubling delays with full jitter.
    pub const fn exponential(first: Duration, cap: Duration, attempts: u32) -> Self {
        Self {
            first,
            cap,
            attempts,
        }
    }
}

/// What a topic does to the outside. It decides which fault tests a topic must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectKind {
    /// Nothing: it changes our rows, or reads at a partner.
    None,
    /// It changes something at a partner that is not money.
    Partner,
    /// It moves money.
    Money,
}

impl EffectKind {
    /// The name in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Partner => "partner",
            Self::Money => "money",
        }
    }
}

/// A payload that was checked against its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The payload in canonical JSON: known fields only, in the type's order.
    pub body: Vec<u8>,
    /// The natural idempotency key, where the topic has one.
    pub natural_key: Option<String>,
}

/// A payload does not fit its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The field that is at fault, dotted when nested (`person.ssn`, `items.0.name`); none when the
    /// parser could not tell.
    pub field: Option<String>,
    /// What the type's parser said.
    pub message: String,
}

/// A durable command or webhook: `queue/<service>/<topic>`.
#[derive(Debug)]
pub struct Topic {
    /// The service.
    pub service: &'static str,
    /// The topic's name within the service.
    pub name: &'static str,
    /// What it does, from the row's doc comment.
    pub doc: &'static str,
    /// How HTTP reaches it.
    pub http: &'static [Http],
    /// When a failed attempt is tried again.
    pub retry: Retry,
    /// How long one attempt may run.
    pub timeout: Duration,
    /// How long an uncertain effect may stay uncertain before a person is asked.
    pub patience: Duration,
    /// How many messages one process works on at once.
    pub concurrency: usize,
    /// How long a caller waits for the outcome before it gets a 202.
    pub reply_within: Duration,
    /// Whether the payload holds personal data: then it is sealed at rest and never shown.
    pub pii: bool,
    /// What it does to the outside.
    pub effect: EffectKind,
    /// The payload's type, for documents.
    pub payload: &'static str,
    /// The completion's type, for documents.
    pub completed: &'static str,
    /// The payload's schema.
    pub payload_schema: fn() -> Schema,
    /// The completion's schema.
    pub completed_schema: fn() -> Schema,
    /// Checks a payload against its type.
    pub prepare: fn(Value) -> Result<Prepared, Misfit>,
}

impl Topic {
    /// `queue.<service>.<topic>`.
    pub fn subject(&self) -> String {
        format!("queue.{}.{}", self.service, self.name)
    }

    /// `dlq.<service>.<topic>`.
    pub fn dead_subject(&self) -> String {
        format!("dlq.{}.{}", self.service, self.name)
    }

    /// `events.<service>.<topic>.<outcome>`.
    pub fn event_subject(&self, outcome: crate::envelope::Outcome) -> String {
        format!("events.{}.{}.{}", self.service, self.name, outcome.as_str())
    }

    /// The stream that holds it: one work queue for each service.
    pub fn stream(&self) -> String {
        format!("QUEUE_{}", self.service.to_ascii_uppercase())
    }

    /// The durable consumer, named after the topic.
    pub fn consumer(&self) -> &'static str {
        self.name
    }

    /// `<service>/<topic>`, as people and HTTP write it.
    pub fn path(&self) -> String {
        format!("{}/{}", self.service, self.name)
    }
}

/// A read, or a value that costs nothing to repeat: `query.<service>.<name>`.
#[derive(Debug)]
pub struct Query {
    /// The service.
    pub service: &'static str,
    /// The query's name within the service.
    pub name: &'static str,
    /// What it answers, from the row's doc comment.
    pub doc: &'static str,
    /// How HTTP reaches it; empty for queries that only the ingress itself asks.
    pub http: &'static [Http],
    /// How long the ingress waits for the answer.
    pub timeout: Duration,
    /// The question's type, for documents.
    pub ask: &'static str,
    /// The answer's type, for documents.
    pub answer: &'static str,
    /// The question's schema.
    pub ask_schema: fn() -> Schema,
    /// The answer's schema.
    pub answer_schema: fn() -> Schema,
    /// Checks a question against its type.
    pub prepare: fn(Value) -> Result<Prepared, Misfit>,
}

impl Query {
    /// `query.<service>.<name>`.
    pub fn subject(&self) -> String {
        format!("query.{}.{}", self.service, self.name)
    }
}

/// A payload type that a row of the registry declares.
pub trait Command: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What the handler gives when it is done.
    type Completed: Serialize + DeserializeOwned + Send + 'static;
    /// The row.
    const TOPIC: &'static Topic;
    /// The thing that no two operations may work on at once, if any.
    fn entity(&self) -> Option<String>;
    /// The key that makes two requests one operation although the caller named none.
    fn natural_key(&self) -> Option<String>;
}

/// A question type that a row of the registry declares.
pub trait Question: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The answer.
    type Answer: Serialize + DeserializeOwned + Send + 'static;
    /// The row.
    const QUERY: &'static Query;
}

/// Checks a command's payload; what [`Topic::prepare`] points to.
pub fn prepare_command<C: Command>(value: Value) -> Result<Prepared, Misfit> {
    let command: C = fit(value)?;
    Ok(Prepared {
        natural_key: command.natural_key(),
        body: canonical(&command)?,
    })
}

/// Checks a question's payload; what [`Query::prepare`] points to.
pub fn prepare_question<Q: Question>(value: Value) -> Result<Prepared, Misfit> {
    let question: Q = fit(value)?;
    Ok(Prepared {
        natural_key: None,
        body: canonical(&question)?,
    })
}

fn fit<T: DeserializeOwned>(value: Value) -> Result<T, Misfit> {
    serde_path_to_error::deserialize(value).map_err(|e| Misfit {
        field: dotted(e.path()),
        message: e.inner().to_string(),
    })
}

fn canonical<T: Serialize>(value: &T) -> Result<Vec<u8>, Misfit> {
    serde_json::to_vec(value).map_err(|e| Misfit {
        field: None,
        message: e.to_string(),
    })
}

/// The path as forms name fields; none for the payload itself.
fn dotted(path: &serde_path_to_error::Path) -> Option<String> {
    use serde_path_to_error::Segment;
    let names: Vec<String> = path
        .iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect();
    (!names.is_empty()).then(|| names.join("."))
}

/// Refuses, at compile time, a row that could not work.
pub const fn check(topic: &Topic) {
    assert!(
        topic.retry.attempts > 0,
        "a topic must be tried at least once"
    );
    assert!(
        topic.retry.first.as_millis() <= topic.retry.cap.as_millis(),
        "first delay above cap"
    );
    assert!(topic.concurrency > 0, "a topic needs a worker");
    assert!(topic.timeout.as_millis() > 0, "an attempt needs time");
    assert_token(topic.service);
    assert_token(topic.name);
}

/// Subject tokens: `[a-z0-9_]`, at most 64.
const fn assert_token(token: &str) {
    let bytes = token.as_bytes();
    assert!(
        !bytes.is_empty() && bytes.len() <= 64,
        "a token has 1 to 64 characters"
    );
    let mut i = 0;
    while i < bytes.len() {
        let b = bytes[i];
        assert!(
            b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_',
            "a token is [a-z0-9_]"
        );
        i += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    struct Order {
        #[expect(dead_code, reason = "only parsing it matters")]
        lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize)]
    struct Line {
        #[expect(dead_code, reason = "only parsing it matters")]
        amount: crate::money::Amount,
    }

    #[test]
    fn a_misfit_names_the_field_as_forms_do() {
        let misfit = fit::<Order>(json!({"lines": [{"amount": "1.005"}]})).unwrap_err();
        assert_eq!(misfit.field.as_deref(), Some("lines.0.amount"));
        assert_eq!(misfit.message, "expected at most 2 decimals, got 1.005");
    }

    #[test]
    fn a_misfit_of_the_payload_itself_names_no_field() {
        let misfit = fit::<Order>(json!(7)).unwrap_err();
        assert_eq!(misfit.field, None);
    }
}
