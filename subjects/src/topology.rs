//! The streams and consumers that the registry needs, as data.
//!
//! A configuration is written in the words and units of JetStream's own API (durations in
//! nanoseconds, `-1` for no limit, `null` for what must be absent), and every field that matters is
//! stated, a default included: what is not stated would change with the server's version, and could
//! not be compared with what a server has. The alternative, a type of our own for every field,
//! would say the same twice and could not be handed to `nats stream add --config`.
//!
//! Not stated is what belongs to operators: `placement` of a stream, `pause_until` of a consumer.
//!
//! This module is not responsible for talking to a server: the root package's `bus::topology` does.

use crate::registry::{SERVICES, TOPICS};
use crate::spec::{Topic, mins, secs};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The stream of completion events.
pub const EVENTS: &str = "EVENTS";
/// The stream of dead letters.
pub const DLQ: &str = "DLQ";
/// The stream of the server's notes about messages that it gave up on.
pub const ADVISORIES: &str = "ADVISORIES";
/// The consumer of [`ADVISORIES`]: what crashed workers left behind.
pub const SWEEPER: &str = "sweeper";

/// What differs between installations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Copies of every stream: 1, 3 or 5.
    pub replicas: usize,
    /// The most that one service's queue may hold, in bytes.
    pub queue_max_bytes: i64,
    /// How long the broker waits for a sign before it hands a message to another worker.
    pub ack_wait: Duration,
}

impl Settings {
    /// What a production cluster has unless its configuration says otherwise; the documents show
    /// these.
    pub const PRODUCTION: Self = Self {
        replicas: 3,
        queue_max_bytes: 4 * 1024 * 1024 * 1024,
        ack_wait: secs(10),
    };
}

/// A configuration in JetStream's words.
pub type Config = Map<String, Value>;

/// A stream with its consumers.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// Its configuration, every field stated.
    pub config: Config,
    /// Its durable consumers.
    pub consumers: Vec<Consumer>,
}

/// A durable pull consumer.
#[derive(Debug, Clone, PartialEq)]
pub struct Consumer {
    /// Its name.
    pub name: String,
    /// Its configuration, every field stated.
    pub config: Config,
}

/// Every stream, in the order in which they are created.
pub fn streams(settings: &Settings) -> Vec<Stream> {
    let queues = SERVICES
        .iter()
        .filter_map(|(service, _)| queue(service, settings));
    queues
        .chain([
            events(settings),
            dead_letters(settings),
            advisories(settings),
        ])
        .collect()
}

/// The work queue of a service, unless it has no topics.
fn queue(service: &str, settings: &Settings) -> Option<Stream> {
    let topics: Vec<&Topic> = TOPICS
        .iter()
        .copied()
        .filter(|t| t.service == service)
        .collect();
    let name = topics.first()?.stream();
    let own = json!({
        "description": format!("Accepted commands and webhooks of the service {service}"),
        "subjects": [format!("queue.{service}.>")],
        "retention": "workqueue",
        // A full queue refuses, so that the caller hears of it. Dropping the oldest would lose
        // what was accepted.
        "discard": "new",
        "max_bytes": settings.queue_max_bytes,
        "max_age": 0,
        "duplicate_window": nanos(mins(10)),
        "deny_purge": true,
    });
    let consumers = topics
        .into_iter()
        .map(|topic| worker(topic, settings))
        .collect();
    Some(Stream {
        config: stream(&name, &own, settings),
        name,
        consumers,
    })
}

fn events(settings: &Settings) -> Stream {
    let own = json!({
        "description": "How operations have come along; published from the outbox only",
        "subjects": ["events.>"],
        "retention": "limits",
        "discard": "old",
        "max_bytes": -1,
        "max_age": nanos(days(30)),
        "duplicate_window": nanos(mins(10)),
        "deny_purge": false,
    });
    Stream {
        name: EVENTS.into(),
        config: stream(EVENTS, &own, settings),
        consumers: Vec::new(),
    }
}

fn dead_letters(settings: &Settings) -> Stream {
    let own = json!({
        "description": "Operations that a person must look at",
        "subjects": ["dlq.>"],
        "retention": "limits",
        "discard": "new",
        "max_bytes": -1,
        "max_age": 0,
        "duplicate_window": nanos(mins(10)),
        "deny_purge": true,
    });
    Stream {
        name: DLQ.into(),
        config: stream(DLQ, &own, settings),
        consumers: Vec::new(),
    }
}

fn advisories(settings: &Settings) -> Stream {
    let own = json!({
        "description": "Messages that the server gave up on or was told to drop",
        "subjects": [
            "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>",
            "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>",
        ],
        "retention": "limits",
        "discard": "old",
        "max_bytes": -1,
        "max_age": nanos(days(30)),
        "duplicate_window": nanos(mins(2)),
        "deny_purge": false,
    });
    let sweeper = json!({
        "description": "Moves what crashed workers left behind to the dead letters",
        "filter_subject": "",
        "ack_wait": nanos(settings.ack_wait),
        // Nothing stands behind the sweeper: an advisory that it can not handle must come again.
        "max_deliver": -1,
        "max_ack_pending": 256,
    });
    let config = stream(ADVISORIES, &own, settings);
    let consumers = vec![consumer(SWEEPER, &sweeper)];
    Stream {
        name: ADVISORIES.into(),
        config,
        consumers,
    }
}

fn worker(topic: &Topic, settings: &Settings) -> Consumer {
    let own = json!({
        "description": format!("The workers of {}", topic.path()),
        "filter_subject": topic.subject(),
        "ack_wait": nanos(settings.ack_wait),
        // Attempts are counted in the database; this only stops a message whose every delivery
        // kills the process that gets it.
        "max_deliver": 50,
        "max_ack_pending": 4096,
    });
    consumer(topic.consumer(), &own)
}

/// What all streams have in common, and their own fields.
fn stream(name: &str, own: &Value, settings: &Settings) -> Config {
    let common = json!({
        "name": name,
        "storage": "file",
        "num_replicas": settings.replicas,
        "max_msgs": -1,
        "max_msgs_per_subject": -1,
        "max_msg_size": -1,
        "max_consumers": -1,
        "discard_new_per_subject": false,
        "compression": "none",
        "no_ack": false,
        "sealed": false,
        // Operators and the sweeper take single messages out.
        "deny_delete": false,
        "allow_rollup_hdrs": false,
        // A read by a follower may miss what was acknowledged a moment ago.
        "allow_direct": false,
        "mirror_direct": false,
        "allow_msg_ttl": false,
        "allow_atomic": false,
        "allow_msg_schedules": false,
        "allow_msg_counter": false,
        "allow_batched": false,
        "mirror": null,
        "sources": null,
        "republish": null,
        "subject_transform": null,
    });
    joined(&common, own)
}

/// What all consumers have in common, and their own fields.
fn consumer(name: &str, own: &Value) -> Consumer {
    let common = json!({
        "name": name,
        "durable_name": name,
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "replay_policy": "instant",
        "filter_subjects": [],
        // It would replace `ack_wait` and says nothing about a message that was handed back.
        "backoff": [],
        // Open pulls of all processes together.
        "max_waiting": 512,
        // A pull is bounded by the concurrency of the worker that sends it.
        "max_batch": 0,
        "max_bytes": 0,
        "max_expires": 0,
        "inactive_threshold": 0,
        // As many as its stream has, also after those were changed.
        "num_replicas": 0,
        "mem_storage": false,
        "headers_only": false,
        "rate_limit_bps": 0,
        "sample_freq": null,
        "deliver_subject": null,
        "deliver_group": null,
        "flow_control": false,
        "idle_heartbeat": 0,
        "priority_policy": "none",
        "priority_groups": [],
        "priority_timeout": 0,
    });
    Consumer {
        name: name.to_owned(),
        config: joined(&common, own),
    }
}

fn joined(common: &Value, own: &Value) -> Config {
    let parts = [common, own].into_iter().filter_map(Value::as_object);
    parts
        .flatten()
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect()
}

/// Nanoseconds, as JetStream counts time.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

const fn days(n: u64) -> Duration {
    secs(24 * 3600 * n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn named(name: &str) -> Stream {
        let mut all = streams(&Settings::PRODUCTION).into_iter();
        all.find(|stream| stream.name == name).unwrap()
    }

    #[test]
    fn every_topic_has_one_consumer_on_the_stream_of_its_service() {
        for topic in TOPICS {
            let stream = named(&topic.stream());
            let wanted = topic.subject();
            let mut of_topic = stream
                .consumers
                .iter()
                .filter(|c| c.config["filter_subject"] == wanted.as_str());
            assert_eq!(of_topic.next().unwrap().name, topic.name);
            assert!(
                of_topic.next().is_none(),
                "{wanted} twice: a work queue refuses that"
            );
        }
    }

    #[test]
    fn a_service_without_topics_has_no_stream() {
        let names: HashSet<String> = streams(&Settings::PRODUCTION)
            .into_iter()
            .map(|stream| stream.name)
            .collect();
        assert!(!names.contains("QUEUE_OPERATIONS"));
        assert!(names.contains("QUEUE_WALLET"));
    }

    #[test]
    fn accepted_work_and_dead_letters_never_expire_and_are_never_dropped() {
        for stream in streams(&Settings::PRODUCTION) {
            if stream.name == DLQ || stream.name.starts_with("QUEUE_") {
                assert_eq!(stream.config["max_age"], 0, "{}", stream.name);
                assert_eq!(stream.config["discard"], "new", "{}", stream.name);
                assert_eq!(stream.config["deny_purge"], true, "{}", stream.name);
            }
        }
    }

    #[test]
    fn no_consumer_has_a_backoff_and_each_acknowledges_explicitly() {
        for consumer in streams(&Settings::PRODUCTION)
            .iter()
            .flat_map(|s| &s.consumers)
        {
            assert_eq!(consumer.config["backoff"], json!([]), "{}", consumer.name);
            assert_eq!(
                consumer.config["ack_policy"], "explicit",
                "{}",
                consumer.name
            );
        }
    }

    #[test]
    fn the_settings_reach_the_configuration() {
        let settings = Settings {
            replicas: 1,
            queue_max_bytes: 1000,
            ack_wait: Duration::from_millis(700),
        };
        for stream in streams(&settings) {
            assert_eq!(stream.config["num_replicas"], 1);
            for consumer in &stream.consumers {
                assert_eq!(consumer.config["ack_wait"], 700_000_000);
            }
        }
        assert_eq!(named("QUEUE_WALLET").config["max_bytes"], 4_294_967_296_i64);
    }
}
