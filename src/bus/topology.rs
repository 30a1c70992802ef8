//! Brings a NATS server to the streams and consumers that the registry needs, and refuses to work
//! on others.
//!
//! What they should be is data in [`subjects::topology`]; here it is compared with what the server
//! says ([`plan`]), established ([`apply`], by `tranche topology apply`), and demanded ([`verify`],
//! by every worker before its first pull: a queue that expires or a consumer with a `BackOff` loses
//! or repeats work without any error). Workers do not repair it themselves, since two releases that
//! run side by side during a deployment would undo each other's changes. For the same reason
//! consumers that the registry no longer names are left alone: an older release may still use them.

mod difference;

use async_nats::jetstream::context::{ConsumerInfoErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, ErrorCode};
use difference::{Change, compare};
pub use difference::{Deviation, Difference, Done, Object, Undone};
use serde::Serialize;
use serde_json::Value;
pub use subjects::topology::Settings;
use subjects::topology::{self, Config, Consumer};

/// The result of [`apply`]: two empty lists mean that all was as it should be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Applied {
    /// What was created and updated.
    pub done: Vec<Done>,
    /// What the server refused.
    pub undone: Vec<Undone>,
}

impl Applied {
    fn note(&mut self, report: Result<Done, Undone>) {
        match report {
            Ok(done) => self.done.push(done),
            Err(undone) => self.undone.push(undone),
        }
    }
}

/// Why a worker can not start on this server.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// The server did not say what it has.
    #[error("could not read {object} from the NATS server: {reason}")]
    Unreadable {
        /// The stream or consumer.
        object: Object,
        /// What the client or the server said.
        reason: String,
    },
    /// The server has something else than the registry needs.
    #[error(
        "the NATS server's streams and consumers are not those of this release:\n{}\n\
         Run `tranche topology apply`, then start again.",
        lines(.0)
    )]
    Differs(Vec<Difference>),
}

fn lines(differences: &[Difference]) -> String {
    let lines: Vec<String> = differences.iter().map(|d| format!("  {d}")).collect();
    lines.join("\n")
}

/// Compares the server with the registry.
///
/// # Errors
/// [`TopologyError::Unreadable`] when the server does not answer.
pub async fn plan(
    jetstream: &jetstream::Context,
    settings: &Settings,
) -> Result<Vec<Difference>, TopologyError> {
    let mut differences = Vec::new();
    for wanted in topology::streams(settings) {
        let object = Object::stream(&wanted.name);
        let stream = find_stream(jetstream, &object).await?;
        let found = stream
            .as_ref()
            .map(|stream| plain(&stream.cached_info().config));
        differences.extend(compare(&object, &wanted.config, found.as_ref()));
        for consumer in &wanted.consumers {
            let object = Object::consumer(&wanted.name, &consumer.name);
            let found = find_consumer(stream.as_ref(), &object).await?;
            differences.extend(compare(&object, &consumer.config, found.as_ref()));
        }
    }
    Ok(differences)
}

/// Refuses a server that differs from the registry, naming every difference.
///
/// # Errors
/// [`TopologyError::Differs`], and [`TopologyError::Unreadable`] when the server does not answer.
pub async fn verify(
    jetstream: &jetstream::Context,
    settings: &Settings,
) -> Result<(), TopologyError> {
    let differences = plan(jetstream, settings).await?;
    if differences.is_empty() {
        Ok(())
    } else {
        Err(TopologyError::Differs(differences))
    }
}

/// Creates what is missing and updates what differs; done twice, the second changes nothing.
///
/// # Errors
/// [`TopologyError::Unreadable`] when the server does not answer. What it refuses stands in
/// [`Applied::undone`], and the rest is done all the same.
pub async fn apply(
    jetstream: &jetstream::Context,
    settings: &Settings,
) -> Result<Applied, TopologyError> {
    let mut applied = Applied::default();
    for wanted in topology::streams(settings) {
        let object = Object::stream(&wanted.name);
        let stream = find_stream(jetstream, &object).await?;
        let found = stream.map(|stream| plain(&stream.cached_info().config));
        if let Some(change) = Change::between(object.clone(), &wanted.config, found) {
            let answer = send_stream(jetstream, &change).await;
            applied.note(change.report(answer));
        }
        let Some(stream) = find_stream(jetstream, &object).await? else {
            continue;
        };
        for consumer in &wanted.consumers {
            if let Some(report) = establish(&stream, consumer).await? {
                applied.note(report);
            }
        }
    }
    Ok(applied)
}

async fn send_stream(jetstream: &jetstream::Context, change: &Change) -> Result<(), String> {
    let config: jetstream::stream::Config =
        serde_json::from_value(change.config.clone()).map_err(|e| e.to_string())?;
    let answer = if change.exists {
        jetstream.update_stream(config).await.map(drop)
    } else {
        jetstream.create_stream(config).await.map(drop)
    };
    answer.map_err(|e| e.to_string())
}

async fn establish(
    stream: &Stream,
    wanted: &Consumer,
) -> Result<Option<Result<Done, Undone>>, TopologyError> {
    let object = Object::consumer(&stream.cached_info().config.name, &wanted.name);
    let found = find_consumer(Some(stream), &object).await?;
    let Some(change) = Change::between(object, &wanted.config, found) else {
        return Ok(None);
    };
    let answer = send_consumer(stream, change.config.clone()).await;
    Ok(Some(change.report(answer)))
}

async fn send_consumer(stream: &Stream, config: Value) -> Result<(), String> {
    let config: jetstream::consumer::Config =
        serde_json::from_value(config).map_err(|e| e.to_string())?;
    stream
        .create_consumer(config)
        .await
        .map(drop)
        .map_err(|e| e.to_string())
}

async fn find_stream(
    jetstream: &jetstream::Context,
    object: &Object,
) -> Result<Option<Stream>, TopologyError> {
    match jetstream.get_stream(&object.stream).await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(answer)
                if answer.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                Ok(None)
            }
            GetStreamErrorKind::JetStream(_)
            | GetStreamErrorKind::EmptyName
            | GetStreamErrorKind::Request
            | GetStreamErrorKind::InvalidStreamName => Err(unreadable(object, &error)),
        },
    }
}

async fn find_consumer(
    stream: Option<&Stream>,
    object: &Object,
) -> Result<Option<Config>, TopologyError> {
    let (Some(stream), Some(name)) = (stream, &object.consumer) else {
        return Ok(None);
    };
    match stream.consumer_info(name).await {
        Ok(info) => Ok(Some(plain(&info.config))),
        Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(object, &error)),
    }
}

fn unreadable(object: &Object, error: &dyn std::error::Error) -> TopologyError {
    TopologyError::Unreadable {
        object: object.clone(),
        reason: error.to_string(),
    }
}

/// A configuration in JetStream's words.
fn plain<T: Serialize>(config: &T) -> Config {
    match serde_json::to_value(config) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) | Err(_) => Config::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeOwned;

    const SETTINGS: Settings = Settings::PRODUCTION;

    /// What is left of a configuration after the client library has read it.
    fn understood<T: Serialize + DeserializeOwned>(wanted: &Config) -> Config {
        let mut sent = wanted.clone();
        sent.retain(|_, value| !value.is_null());
        plain(&serde_json::from_value::<T>(Value::Object(sent)).unwrap())
    }

    #[test]
    fn every_stated_field_is_one_that_the_client_library_knows() {
        for wanted in topology::streams(&SETTINGS) {
            let found = understood::<jetstream::stream::Config>(&wanted.config);
            let object = Object::stream(&wanted.name);
            assert_eq!(compare(&object, &wanted.config, Some(&found)), []);
            for consumer in &wanted.consumers {
                let found = understood::<jetstream::consumer::Config>(&consumer.config);
                let object = Object::consumer(&wanted.name, &consumer.name);
                assert_eq!(compare(&object, &consumer.config, Some(&found)), []);
            }
        }
    }

    #[test]
    fn a_refusal_names_object_field_and_remedy() {
        let expected = 0.into();
        let deviation = Deviation::Field {
            name: "max_age".into(),
            expected,
            found: 60_000_000_000_u64.into(),
        };
        let difference = Difference {
            object: Object::stream("QUEUE_WALLET"),
            deviation,
        };
        let text = TopologyError::Differs(vec![difference]).to_string();
        assert!(
            text.contains("stream QUEUE_WALLET: max_age: expected 0ns, found 60s"),
            "{text}"
        );
        assert!(text.contains("tranche topology apply"), "{text}");
    }
}
