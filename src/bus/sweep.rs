//! Messages that can not become operations: into the dead letters with them.
//!
//! Three ways lead here. A worker could not decode a message. The broker gave up delivering one
//! (`MAX_DELIVERIES`: its worker died each time), and says so in an advisory that a stream keeps. Or
//! a subject of the queue belongs to no topic, so that nobody would ever pull it.

use super::engine::Engine;
use super::message;
use crate::store::StoreError;
use crate::store::change::Message;
use crate::store::dead_letters::Unopened;
use crate::store::outbox::Posted;
use async_nats::jetstream::consumer::{Consumer, pull};
use futures::StreamExt as _;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use subjects::registry;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A message that can not become an operation.
pub(crate) struct Unusable<'m> {
    pub(crate) service: &'m str,
    pub(crate) topic: &'m str,
    pub(crate) class: &'static str,
    pub(crate) error: &'m str,
    pub(crate) subject: &'m str,
    pub(crate) headers: Value,
    pub(crate) body: &'m [u8],
    pub(crate) pii: bool,
}

/// Writes its dead letter; the same message makes one, however often it is met.
pub(crate) async fn bury(
    engine: &Engine,
    unusable: &Unusable<'_>,
) -> Result<Vec<Message>, StoreError> {
    let identity = [
        unusable.subject.as_bytes(),
        unusable.headers.to_string().as_bytes(),
        message::hash(unusable.body).as_bytes(),
    ]
    .concat();
    let body = if unusable.pii {
        engine
            .sealer
            .seal(unusable.body)
            .map_err(|_| StoreError::Stopped)?
    } else {
        unusable.body.to_vec()
    };
    let letter = Unopened {
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, &identity),
        service: unusable.service.to_owned(),
        topic: unusable.topic.to_owned(),
        class: unusable.class,
        message: unusable.error.to_owned(),
        subject: unusable.subject.to_owned(),
        headers: unusable.headers.clone(),
        body,
        sealed: unusable.pii,
    };
    engine.dead_letters.bury(&letter).await
}

#[derive(Deserialize)]
struct Advisory {
    stream: String,
    #[serde(default)]
    stream_seq: u64,
}

/// Follows the broker's advisories until the process stops.
pub async fn follow_advisories(engine: Arc<Engine>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            outcome = advisories(&engine) => {
                if let Err(error) = outcome {
                    tracing::warn!(%error, "advisories can not be read at the moment");
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn advisories(engine: &Engine) -> Result<(), Failure> {
    let stream = engine.jetstream.get_stream("ADVISORIES").await?;
    let consumer: Consumer<pull::Config> = stream.get_consumer("sweeper").await?;
    let mut batch = consumer
        .batch()
        .max_messages(64)
        .expires(Duration::from_secs(5))
        .messages()
        .await?;
    while let Some(advisory) = batch.next().await {
        let advisory = advisory?;
        let told: Option<Advisory> = serde_json::from_slice(&advisory.payload).ok();
        if let Some(told) = told.filter(|t| t.stream_seq > 0) {
            sweep(engine, &told.stream, told.stream_seq).await?;
        }
        advisory.double_ack().await?;
    }
    Ok(())
}

/// Moves a message that is delivered no more into the dead letters, unless its operation's row
/// takes care of it.
async fn sweep(engine: &Engine, stream: &str, sequence: u64) -> Result<(), Failure> {
    let stream = engine.jetstream.get_stream(stream).await?;
    let Ok(raw) = stream.get_raw_message(sequence).await else {
        return Ok(());
    };
    let subject = raw.subject.to_string();
    let (service, topic) = names(&subject);
    let known = registry::topic(service, topic);
    let decoded = message::decode(Some(&raw.headers), &raw.payload, &engine.sealer);
    let opened = match decoded {
        Ok(decoded) => engine.operations.is_opened(decoded.operation).await?,
        Err(_) => false,
    };
    if !opened {
        let unusable = Unusable {
            service,
            topic,
            class: if known.is_some() {
                "max_deliveries"
            } else {
                "unknown_topic"
            },
            error: if known.is_some() {
                "the broker gave up: every worker that took it died before it opened the operation"
            } else {
                "no topic of the registry has this subject"
            },
            subject: &subject,
            headers: message::all(Some(&raw.headers)),
            body: &raw.payload,
            pii: known.is_some_and(|topic| topic.pii),
        };
        for message in bury(engine, &unusable).await? {
            engine
                .publisher
                .send(&Posted {
                    operation: Uuid::nil(),
                    message,
                })
                .await?;
        }
    }
    stream.delete_message(sequence).await?;
    Ok(())
}

/// Looks for subjects that no topic has, until the process stops.
pub async fn sweep_unknown(engine: Arc<Engine>, every: Duration, stop: CancellationToken) {
    loop {
        for (service, _) in registry::SERVICES {
            if let Err(error) = unknown_of(&engine, service).await {
                tracing::debug!(%error, service, "subjects can not be listed at the moment");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

async fn unknown_of(engine: &Engine, service: &str) -> Result<(), Failure> {
    if !registry::TOPICS
        .iter()
        .any(|topic| topic.service == service)
    {
        return Ok(());
    }
    let name = format!("QUEUE_{}", service.to_ascii_uppercase());
    let stream = engine.jetstream.get_stream(&name).await?;
    let mut subjects = stream
        .info_with_subjects(format!("queue.{service}.>"))
        .await?;
    while let Some(entry) = subjects.next().await {
        let (subject, messages) = entry?;
        let (service, topic) = names(&subject);
        if registry::topic(service, topic).is_some() {
            continue;
        }
        for _ in 0..messages {
            let last = stream.get_last_raw_message_by_subject(&subject).await?;
            sweep(engine, &name, last.sequence).await?;
        }
    }
    Ok(())
}

fn names(subject: &str) -> (&str, &str) {
    let mut tokens = subject.splitn(3, '.').skip(1);
    (
        tokens.next().unwrap_or("unknown"),
        tokens.next().unwrap_or("unknown"),
    )
}
