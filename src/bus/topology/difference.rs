//! The comparison of a wanted configuration with a server's, and the words for what came of it.
//!
//! Only stated fields are compared. A server leaves out fields that have their zero value, so what
//! is absent equals `null`, `false`, `0`, `""` and empty lists.

use serde_json::Value;
use std::fmt;
use std::time::Duration;
use subjects::topology::Config;

/// What a difference or a change is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The stream.
    pub stream: String,
    /// The consumer on it; none for the stream itself.
    pub consumer: Option<String>,
}

impl Object {
    pub(super) fn stream(name: &str) -> Self {
        Self {
            stream: name.to_owned(),
            consumer: None,
        }
    }

    pub(super) fn consumer(stream: &str, name: &str) -> Self {
        Self {
            stream: stream.to_owned(),
            consumer: Some(name.to_owned()),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.consumer {
            None => write!(f, "stream {}", self.stream),
            Some(consumer) => write!(f, "consumer {consumer} of stream {}", self.stream),
        }
    }
}

/// How something on the server is not what the registry needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The stream or consumer.
    pub object: Object,
    /// What is wrong with it.
    pub deviation: Deviation,
}

/// What is wrong with a stream or a consumer.
#[derive(Debug, Clone, PartialEq)]
pub enum Deviation {
    /// The server does not have it.
    Missing,
    /// A field of its configuration has another value.
    Field {
        /// The field's name in JetStream's API.
        name: String,
        /// What the registry needs.
        expected: Value,
        /// What the server has; null when it is not set.
        found: Value,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.deviation {
            Deviation::Missing => write!(f, "{}: expected to exist, not found", self.object),
            Deviation::Field {
                name,
                expected,
                found,
            } => {
                let (expected, found) = (shown(name, expected), shown(name, found));
                write!(
                    f,
                    "{}: {name}: expected {expected}, found {found}",
                    self.object
                )
            }
        }
    }
}

/// The value as people read it: JetStream writes durations in nanoseconds.
fn shown(field: &str, value: &Value) -> String {
    let duration = matches!(
        field,
        "ack_wait" | "max_age" | "duplicate_window" | "max_expires"
    );
    match value.as_u64() {
        Some(nanos) if duration => format!("{:?}", Duration::from_nanos(nanos)),
        Some(_) | None => value.to_string(),
    }
}

/// Something that was done to the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    /// It did not exist and does now.
    Created(Object),
    /// It differed in these and does no longer.
    Updated(Object, Vec<Difference>),
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created(object) => write!(f, "created {object}"),
            Self::Updated(object, differences) => {
                write!(f, "updated {object}")?;
                differences
                    .iter()
                    .try_for_each(|difference| write!(f, "\n  {difference}"))
            }
        }
    }
}

/// What could not be done to the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Undone {
    /// The stream or consumer.
    pub object: Object,
    /// What was to be changed.
    pub differences: Vec<Difference>,
    /// What the server said.
    pub reason: String,
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Object { stream, consumer } = &self.object;
        write!(f, "not established: {}: {}", self.object, self.reason)?;
        self.differences
            .iter()
            .try_for_each(|difference| write!(f, "\n  {difference}"))?;
        if self
            .differences
            .iter()
            .any(|d| d.deviation == Deviation::Missing)
        {
            return Ok(());
        }
        match consumer {
            None => write!(
                f,
                "\n  If a living stream can not be changed so: stop the ingress, let the workers \
                 empty it, `nats stream rm {stream}`, and apply again."
            ),
            Some(consumer) => write!(
                f,
                "\n  If a living consumer can not be changed so: stop its workers, `nats consumer \
                 rm {stream} {consumer}`, and apply again; its messages stay in the stream and are \
                 delivered again."
            ),
        }
    }
}

/// What must be done so that an object is as it should be.
pub(super) struct Change {
    pub(super) object: Object,
    pub(super) differences: Vec<Difference>,
    /// The configuration to send: what the server has, overlaid with what is stated, so that what
    /// operators set stays.
    pub(super) config: Value,
    /// Whether the server has the object.
    pub(super) exists: bool,
}

impl Change {
    /// The change from `found` to `wanted`; none when there is nothing to do.
    pub(super) fn between(object: Object, wanted: &Config, found: Option<Config>) -> Option<Self> {
        let differences = compare(&object, wanted, found.as_ref());
        if differences.is_empty() {
            return None;
        }
        let exists = found.is_some();
        let mut config = found.unwrap_or_default();
        config.extend(wanted.clone());
        config.retain(|_, value| !value.is_null());
        Some(Self {
            object,
            differences,
            config: Value::Object(config),
            exists,
        })
    }

    /// What to report, now that the server answered.
    pub(super) fn report(self, answer: Result<(), String>) -> Result<Done, Undone> {
        let Self {
            object,
            differences,
            exists,
            ..
        } = self;
        match answer {
            Ok(()) if exists => Ok(Done::Updated(object, differences)),
            Ok(()) => Ok(Done::Created(object)),
            Err(reason) => Err(Undone {
                object,
                differences,
                reason,
            }),
        }
    }
}

/// Every difference between what is stated and what was found.
pub(super) fn compare(object: &Object, wanted: &Config, found: Option<&Config>) -> Vec<Difference> {
    let differs = |deviation| Difference {
        object: object.clone(),
        deviation,
    };
    let Some(found) = found else {
        return vec![differs(Deviation::Missing)];
    };
    let fields = wanted.iter().filter_map(|(name, expected)| {
        let found = found.get(name).unwrap_or(&Value::Null);
        (!same(name, expected, found)).then(|| {
            let (expected, found) = (expected.clone(), found.clone());
            differs(Deviation::Field {
                name: name.clone(),
                expected,
                found,
            })
        })
    });
    fields.collect()
}

/// Whether two values mean the same to a server.
fn same(field: &str, expected: &Value, found: &Value) -> bool {
    let unset = |value| is_zero(value) || (field == "priority_policy" && value == "none");
    expected == found || (unset(expected) && unset(found))
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(value: &Value) -> Config {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_field_that_the_server_leaves_out_equals_zero_and_nothing_else() {
        let object = Object::stream("QUEUE_WALLET");
        let wanted = config(&json!({ "max_age": 0, "mirror": null, "deny_purge": true }));
        let found = compare(&object, &wanted, Some(&Config::new()));
        assert_eq!(
            found[0].to_string(),
            "stream QUEUE_WALLET: deny_purge: expected true, found null"
        );
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn durations_are_shown_in_seconds() {
        let object = Object::consumer("QUEUE_WALLET", "dwolla");
        let wanted = config(&json!({ "ack_wait": 10_000_000_000_u64 }));
        let found = config(&json!({ "ack_wait": 30_000_000_000_u64 }));
        let differences = compare(&object, &wanted, Some(&found));
        assert_eq!(
            differences[0].to_string(),
            "consumer dwolla of stream QUEUE_WALLET: ack_wait: expected 10s, found 30s"
        );
    }

    #[test]
    fn an_update_keeps_what_operators_set() {
        let wanted = config(&json!({ "max_bytes": 5, "mirror": null }));
        let found = config(&json!({ "max_bytes": 4, "placement": { "cluster": "east" } }));
        let change = Change::between(Object::stream("EVENTS"), &wanted, Some(found)).unwrap();
        assert_eq!(
            change.config,
            json!({ "max_bytes": 5, "placement": { "cluster": "east" } })
        );
    }
}
