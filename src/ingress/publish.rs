//! From an intent to a durable message, or to a 503: nothing is accepted that JetStream has not
//! acknowledged.

use super::Ingress;
use super::context::Context;
use super::problem::Refusal;
use crate::clock;
use async_nats::connection::State;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::{HeaderMap, Subject};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use subjects::envelope::{self, Caller, header};
use subjects::ids::OperationId;
use subjects::spec::{Prepared, Topic};

/// How long JetStream may take to acknowledge.
pub(crate) const ACK_WITHIN: Duration = Duration::from_secs(5);
/// How long an operation that was accepted here is remembered.
const REMEMBERED: Duration = Duration::from_mins(10);

/// Where a message comes from, as its header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A command over HTTP.
    Http,
    /// A partner's webhook.
    Hook,
}

impl Origin {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Hook => "hook",
        }
    }
}

/// A request that was checked and named, ready to be published.
#[derive(Debug)]
pub(crate) struct Intent {
    /// What is asked for.
    pub(crate) topic: &'static Topic,
    /// Who asks.
    pub(crate) caller: Caller,
    /// The operation's id.
    pub(crate) operation: OperationId,
    /// The hash of what is asked.
    pub(crate) request_hash: String,
    /// JetStream's deduplication id: the operation and the start of the hash, so that the same
    /// request is swallowed, and another one under the same key reaches the worker that refuses it.
    pub(crate) message_id: String,
    /// Whether sending it again names the same operation.
    repeatable: bool,
    origin: Origin,
    subject: Subject,
    body: Bytes,
}

impl Intent {
    /// Names the operation: by the caller's key, else by the natural one, else anew.
    pub(crate) fn new(
        topic: &'static Topic,
        subject: &Subject,
        caller: Caller,
        prepared: Prepared,
        key: Option<String>,
        origin: Origin,
    ) -> Self {
        let key = key.or(prepared.natural_key);
        let repeatable = key.is_some();
        let operation = match key {
            Some(key) => envelope::operation_id(&caller, topic.service, topic.name, &key),
            None => OperationId::now_v7(),
        };
        let request_hash = hex::encode(Sha256::digest(&prepared.body));
        let message_id = format!("{operation}.{}", &request_hash[..16]);
        Self {
            topic,
            caller,
            operation,
            request_hash,
            message_id,
            repeatable,
            origin,
            subject: subject.clone(),
            body: prepared.body.into(),
        }
    }

    fn headers(&self, context: &Context) -> Result<HeaderMap, serde_json::Error> {
        let mut headers = HeaderMap::new();
        headers.insert(header::MESSAGE_ID, self.message_id.as_str());
        headers.insert(header::OPERATION, self.operation.to_string());
        headers.insert(header::CALLER, serde_json::to_string(&self.caller)?);
        headers.insert(header::REQUEST_HASH, self.request_hash.as_str());
        headers.insert(header::ORIGIN, self.origin.as_str());
        headers.insert(header::REQUEST_ID, &*context.request_id.0);
        headers.insert(header::IP_ADDRESS, context.address.to_string());
        if let Some(trace) = &context.trace {
            headers.insert(header::TRACEPARENT, trace.as_str());
        }
        Ok(headers)
    }
}

/// What this process accepted itself, for the time until a worker opens it.
#[derive(Debug, Clone)]
pub(crate) struct Recent {
    /// Who asked.
    pub(crate) caller: Caller,
    /// For what.
    pub(crate) topic: &'static Topic,
    /// When.
    pub(crate) at: DateTime<Utc>,
}

impl Ingress {
    /// Publishes, and returns JetStream's acknowledgement.
    pub(crate) async fn publish(
        &self,
        intent: &Intent,
        context: &Context,
    ) -> Result<PublishAck, Refusal> {
        if !self.is_connected() {
            return Err(not_acknowledged(intent));
        }
        let headers = intent.headers(context).map_err(|_| Refusal::internal())?;
        let message = PublishMessage::build()
            .payload(intent.body.clone())
            .headers(headers);
        let acknowledged = async {
            let sent = self.jetstream.send_publish(intent.subject.clone(), message);
            sent.await?.await
        };
        match tokio::time::timeout(ACK_WITHIN, acknowledged).await {
            Ok(Ok(ack)) => {
                let caller = intent.caller.clone();
                let recent = Recent {
                    caller,
                    topic: intent.topic,
                    at: clock::now(),
                };
                self.recent.put(intent.operation, recent, REMEMBERED);
                Ok(ack)
            }
            Ok(Err(error)) => Err(refused(intent, &error)),
            Err(_elapsed) => {
                tracing::error!(operation = %intent.operation, "no acknowledgement in time");
                Err(not_acknowledged(intent))
            }
        }
    }

    /// Whether the broker can be reached now.
    pub(crate) fn is_connected(&self) -> bool {
        self.nats.connection_state() == State::Connected
    }
}

fn refused(intent: &Intent, error: &PublishError) -> Refusal {
    tracing::error!(
        operation = %intent.operation,
        subject = %intent.subject,
        %error,
        "the broker did not take the message"
    );
    if error.kind() == PublishErrorKind::MaxPayloadExceeded {
        return Refusal::too_large(intent.body.len());
    }
    not_acknowledged(intent)
}

/// Nobody knows whether the message was stored. Under the same key it may be sent again; without
/// one, the operation's address tells whether it was.
fn not_acknowledged(intent: &Intent) -> Refusal {
    let message = if intent.repeatable {
        "The request was not acknowledged: send it again with the same idempotency key, at no risk \
         of doing it twice."
    } else {
        "The request was not acknowledged, and came without an idempotency key: look at the \
         operation that Location names before you send it again."
    };
    Refusal::unavailable(message).of(intent.operation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use subjects::registry;

    fn intent(key: Option<&str>, body: &str, natural_key: Option<&str>) -> Intent {
        let topic = registry::topic("wallet", "transaction_create").unwrap();
        let prepared = Prepared {
            body: body.into(),
            natural_key: natural_key.map(str::to_owned),
        };
        let caller = Caller::Service {
            name: "test".into(),
        };
        let subject = topic.subject().into();
        Intent::new(
            topic,
            &subject,
            caller,
            prepared,
            key.map(str::to_owned),
            Origin::Http,
        )
    }

    #[test]
    fn the_same_key_is_the_same_operation_and_another_body_is_another_message() {
        let (a, b) = (
            intent(Some("k"), "{}", None),
            intent(Some("k"), "{\"a\":1}", None),
        );
        assert_eq!(a.operation, b.operation);
        assert_ne!(a.message_id, b.message_id);
        assert_eq!(a.message_id, intent(Some("k"), "{}", None).message_id);
    }

    #[test]
    fn the_callers_key_wins_over_the_natural_one_and_without_any_all_are_new() {
        let natural = intent(None, "{}", Some("n")).operation;
        assert_eq!(natural, intent(Some("n"), "{}", None).operation);
        assert_ne!(natural, intent(Some("k"), "{}", Some("n")).operation);
        assert_ne!(
            intent(None, "{}", None).operation,
            intent(None, "{}", None).operation
        );
    }
}
