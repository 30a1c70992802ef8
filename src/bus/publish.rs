//! Sending what was committed.
//!
//! A commit leaves messages in the outbox and hands them here, and they leave at once: a completion
//! is heard of without waiting for the relay. Each message has an id of its own, so that the same
//! one sent twice (by the relay, after a crash between sending and noting) is stored once.

use super::message::{SEALED, hash};
use crate::store::change::Message;
use crate::store::outbox::{Due, Outbox, Posted};
use async_nats::HeaderMap;
use async_nats::jetstream::{self, message::PublishMessage};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::Arc;
use subjects::envelope::{Caller, header, operation_id};
use subjects::ids::OperationId;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// Messages on their way to the broker at once.
const IN_FLIGHT: usize = 512;

/// Why a message did not reach the broker's disk. The outbox still has it.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The broker did not acknowledge.
    #[error("the broker did not acknowledge {subject}")]
    Unacknowledged {
        /// The subject.
        subject: String,
        /// What came instead.
        #[source]
        source: jetstream::context::PublishError,
    },
    /// The outbox row does not say what a message of its kind must.
    #[error("outbox row {0} is malformed: {1}")]
    Malformed(i64, &'static str),
}

/// Sends outbox rows and due timers.
#[derive(Clone)]
pub struct Publisher {
    jetstream: jetstream::Context,
    outbox: Outbox,
    hands: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Publisher {
    /// A publisher.
    pub fn start(jetstream: jetstream::Context, outbox: Outbox) -> Self {
        let hands = Arc::new(Semaphore::new(IN_FLIGHT));
        Self {
            jetstream,
            outbox,
            hands,
            tasks: TaskTracker::new(),
        }
    }

    /// Sends messages in the background; whatever fails, the relay sends.
    pub(crate) async fn send_soon(&self, operation: OperationId, messages: Vec<Message>) {
        for message in messages {
            let Ok(hand) = self.hands.clone().acquire_owned().await else {
                return;
            };
            let this = self.clone();
            self.tasks.spawn(async move {
                if let Err(error) = this.send(&Posted { operation, message }).await {
                    tracing::warn!(%error, "left to the relay");
                }
                drop(hand);
            });
        }
    }

    /// Sends one message and notes that it was sent.
    pub(crate) async fn send(&self, posted: &Posted) -> Result<(), PublishError> {
        let Posted { operation, message } = posted;
        let (headers, body) = match message.kind.as_str() {
            "event" => Self::event(message),
            "command" => Self::command(*operation, message)?,
            "replay" => Self::replay(*operation, message)?,
            _ => Self::dead(message),
        };
        self.publish(&message.subject, headers, body).await?;
        crate::telemetry::boundary!("message.published", operation, &message.subject);
        if let Err(error) = self.outbox.sent(message.id).await {
            tracing::debug!(%error, id = message.id, "sent and not noted: the relay sends it again");
        }
        Ok(())
    }

    /// Sends the message of an operation that goes on now.
    pub(crate) async fn wake(&self, due: &Due) -> Result<(), PublishError> {
        let mut headers = carried(&due.headers);
        headers.insert(header::OPERATION, due.id.to_string());
        headers.insert(header::CALLER, due.caller.to_string());
        headers.insert(header::REQUEST_HASH, due.request_hash.as_str());
        headers.insert(header::ORIGIN, "timer");
        headers.insert(header::MESSAGE_ID, format!("{}:{}", due.id, due.token));
        if is_sealed(&due.service, &due.topic) {
            headers.insert(SEALED, "1");
        }
        let subject = format!("queue.{}.{}", due.service, due.topic);
        self.publish(&subject, headers, due.payload.clone().into())
            .await
    }

    /// Waits until nothing is on its way any more.
    pub(crate) async fn flushed(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn publish(
        &self,
        subject: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(), PublishError> {
        let failed = |source| PublishError::Unacknowledged {
            subject: subject.to_owned(),
            source,
        };
        let message = PublishMessage::build().payload(body).headers(headers);
        let ack = self
            .jetstream
            .send_publish(subject.to_owned(), message)
            .await
            .map_err(failed)?;
        ack.await.map_err(failed)?;
        Ok(())
    }

    fn event(message: &Message) -> (HeaderMap, Bytes) {
        let mut headers = HeaderMap::new();
        headers.insert(header::MESSAGE_ID, format!("event:{}", message.id));
        let mut payload = message.payload.clone();
        payload["id"] = json!(message.id);
        (headers, payload.to_string().into())
    }

    fn dead(message: &Message) -> (HeaderMap, Bytes) {
        let mut headers = HeaderMap::new();
        headers.insert(header::MESSAGE_ID, format!("dead:{}", message.id));
        (headers, message.payload.to_string().into())
    }

    /// A command of one operation to another: the same topic and key are one operation, whoever
    /// orders it and however often.
    fn command(from: OperationId, message: &Message) -> Result<(HeaderMap, Bytes), PublishError> {
        let text = |name| {
            let value = message.payload.get(name).and_then(Value::as_str);
            value.ok_or(PublishError::Malformed(
                message.id,
                "a command names service, topic, key",
            ))
        };
        let own = Caller::Service {
            name: "tranche".to_owned(),
        };
        let operation = operation_id(&own, text("service")?, text("topic")?, text("key")?);
        let body = message.payload["payload"].to_string();
        let caller = json!(Caller::Operation { id: from });
        let mut headers = HeaderMap::new();
        headers.insert(header::OPERATION, operation.to_string());
        headers.insert(header::CALLER, caller.to_string());
        headers.insert(header::REQUEST_HASH, hash(body.as_bytes()));
        headers.insert(header::ORIGIN, "command");
        headers.insert(header::MESSAGE_ID, operation.to_string());
        Ok((headers, body.into()))
    }

    /// A dead letter that an operator sends back: the operation's id stays, the message's is new.
    fn replay(
        operation: OperationId,
        message: &Message,
    ) -> Result<(HeaderMap, Bytes), PublishError> {
        let malformed = || PublishError::Malformed(message.id, "a replay holds headers and body");
        let body = message.payload["body"].as_str().ok_or_else(malformed)?;
        let body = STANDARD
            .decode(body.replace('\n', ""))
            .map_err(|_| malformed())?;
        let mut headers = carried(&message.payload["headers"]);
        // What never became an operation goes back with the envelope that it came with.
        if !message.payload["caller"].is_null() {
            headers.insert(header::OPERATION, operation.to_string());
            headers.insert(header::CALLER, message.payload["caller"].to_string());
        }
        headers.insert(header::ORIGIN, "replay");
        headers.insert(header::MESSAGE_ID, format!("{operation}:r{}", message.id));
        if message.payload["sealed"].as_bool().unwrap_or(false) {
            headers.insert(SEALED, "1");
        }
        Ok((headers, body.into()))
    }
}

fn is_sealed(service: &str, topic: &str) -> bool {
    subjects::registry::topic(service, topic).is_some_and(|topic| topic.pii)
}

fn carried(headers: &Value) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers.as_object().into_iter().flatten() {
        if let (Ok(name), Some(value)) = (name.parse::<async_nats::HeaderName>(), value.as_str()) {
            map.insert(name, value);
        }
    }
    map
}
