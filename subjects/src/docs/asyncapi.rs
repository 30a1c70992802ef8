//! The messages as an AsyncAPI 3.0 document, from the workers' side.
//!
//! Workers receive commands and webhooks, answer queries, and send completion events and dead
//! letters. What JetStream does with a channel stands in `x-jetstream`, because AsyncAPI's own NATS
//! binding has no word for streams.

use super::components::Components;
use super::examples;
use super::text::{first_sentence, paragraph};
use crate::envelope::{Event, Outcome, header};
use crate::registry::{QUERIES, TOPICS};
use crate::spec::{Query, Topic};
use crate::topology::{DLQ, EVENTS, Settings, Stream, streams};
use serde_json::{Map, Value, json};

const OUTCOMES: [Outcome; 5] = [
    Outcome::Accepted,
    Outcome::Completed,
    Outcome::Refused,
    Outcome::Dead,
    Outcome::Conflict,
];

/// The AsyncAPI document of every topic and query.
pub fn asyncapi() -> Value {
    let mut document = Document::default();
    document.shared();
    for topic in TOPICS {
        document.queue(topic);
        document.events(topic);
        document.dead_letters(topic);
    }
    for query in QUERIES {
        document.query(query);
    }
    let streams: Map<String, Value> = streams(&Settings::PRODUCTION)
        .into_iter()
        .map(|stream| (stream.name, Value::Object(stream.config)))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tranche",
            "version": "1",
            "description": "What the workers receive, answer and send over NATS. `queue`, `events` \
                            and `dlq` are held by JetStream; `query` is plain request and reply.",
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "x-jetstream": { "streams": streams },
        "channels": document.channels,
        "operations": document.operations,
        "components": {
            "messages": document.messages,
            "schemas": document.schemas.into_value(),
        },
    })
}

#[derive(Default)]
struct Document {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
    schemas: Components,
}

impl Document {
    fn shared(&mut self) {
        self.schemas.add(schemars::schema_for!(Event));
        self.schemas.put("CommandHeaders", command_headers());
        self.schemas.put("EventHeaders", event_headers());
        self.schemas.put("DeadLetter", dead_letter());
        let letter = json!({
            "name": "DeadLetter",
            "title": "A dead letter",
            "summary": "Everything that an operator needs about an operation that did not end well",
            "payload": schema("DeadLetter"),
        });
        self.messages.insert("DeadLetter".to_owned(), letter);
    }

    fn queue(&mut self, topic: &Topic) {
        let payload = self.schemas.add((topic.payload_schema)());
        let name = format!("{}.{}", topic.service, topic.name);
        let message = json!({
            "name": name,
            "title": first_sentence(topic.doc),
            "summary": paragraph(topic.doc),
            "headers": schema("CommandHeaders"),
            "payload": payload,
            "examples": [{ "name": "golden", "payload": examples::payload(topic) }],
        });
        let mut channel = json!({
            "title": topic.path(),
            "description": paragraph(topic.doc),
            "x-jetstream": { "stream": topic.stream(), "consumer": consumer(topic) },
        });
        if topic.pii {
            channel["x-personal-data"] = true.into();
        }
        self.message(&topic.subject(), channel, &name, message);
        self.operation(
            "receive",
            &topic.subject(),
            &name,
            &first_sentence(topic.doc),
        );
    }

    fn events(&mut self, topic: &Topic) {
        let completed = self.schemas.add((topic.completed_schema)());
        let channel = format!("events.{}.{}", topic.service, topic.name);
        let payload = json!({
            "allOf": [
                schema("Event"),
                { "properties": {
                    "service": { "const": topic.service }, "topic": { "const": topic.name },
                } },
                {
                    "if": { "properties": { "outcome": { "const": Outcome::Completed.as_str() } } },
                    "then": { "properties": { "result": completed } },
                },
            ],
        });
        let message = json!({
            "name": channel,
            "title": format!("How an operation of {} has come along", topic.path()),
            "headers": schema("EventHeaders"),
            "payload": payload,
        });
        let about = json!({
            "address": format!("{channel}.{{outcome}}"),
            "description": "Published after the commit that it tells of, never before.",
            "parameters": { "outcome": {
                "description": "How far the operation has come.",
                "enum": OUTCOMES.map(Outcome::as_str),
            } },
            "x-jetstream": { "stream": EVENTS },
        });
        self.message(&channel, about, &channel, message);
        let summary = format!("Tells how an operation of {} has come along", topic.path());
        self.operation("send", &channel, &channel, &summary);
    }

    fn dead_letters(&mut self, topic: &Topic) {
        let channel = topic.dead_subject();
        let about = json!({
            "address": channel,
            "description": "Acknowledged by the stream before the original message is ended.",
            "messages": { "DeadLetter": { "$ref": "#/components/messages/DeadLetter" } },
            "x-jetstream": { "stream": DLQ },
        });
        self.channels.insert(channel.clone(), about);
        let summary = format!("Sets an operation of {} aside for a person", topic.path());
        self.operation("send", &channel, "DeadLetter", &summary);
    }

    fn query(&mut self, query: &Query) {
        let ask = self.schemas.add((query.ask_schema)());
        let answer = self.schemas.add((query.answer_schema)());
        let subject = query.subject();
        let (question, reply) = (format!("{subject}.ask"), format!("{subject}.answer"));
        let about = json!({
            "description": paragraph(query.doc),
            "x-timeout-ms": u64::try_from(query.timeout.as_millis()).unwrap_or(u64::MAX),
        });
        let asked = json!({ "name": question, "title": first_sentence(query.doc), "payload": ask });
        self.message(&subject, about, &question, asked);
        let about = json!({
            "address": null,
            "description": "The reply subject of the question.",
        });
        let title = format!("The answer of {subject}");
        let answered = json!({ "name": reply, "title": title, "payload": answer });
        self.message(&reply, about, &reply, answered);
        self.operation("receive", &subject, &question, &first_sentence(query.doc));
        self.operations[&subject]["reply"] = json!({
            "address": { "location": "$message.header#/reply-to" },
            "channel": { "$ref": format!("#/channels/{reply}") },
        });
    }

    /// Adds a channel (addressed by its name unless it says otherwise) with its one message.
    fn message(&mut self, channel: &str, mut about: Value, name: &str, message: Value) {
        if about.get("address").is_none() {
            about["address"] = channel.into();
        }
        let reference = json!({ "$ref": format!("#/components/messages/{name}") });
        about["messages"] = Value::Object(Map::from_iter([(name.to_owned(), reference)]));
        self.channels.insert(channel.to_owned(), about);
        self.messages.insert(name.to_owned(), message);
    }

    fn operation(&mut self, action: &str, channel: &str, message: &str, summary: &str) {
        let operation = json!({
            "action": action,
            "summary": summary,
            "channel": { "$ref": format!("#/channels/{channel}") },
            "messages": [{ "$ref": format!("#/channels/{channel}/messages/{message}") }],
        });
        self.operations.insert(channel.to_owned(), operation);
    }
}

fn consumer(topic: &Topic) -> Value {
    let mut all = streams(&Settings::PRODUCTION).into_iter();
    let stream: Option<Stream> = all.find(|stream| stream.name == topic.stream());
    let consumers = stream.into_iter().flat_map(|stream| stream.consumers);
    let mut own = consumers.filter(|consumer| consumer.name == topic.consumer());
    own.next()
        .map_or(Value::Null, |consumer| Value::Object(consumer.config))
}

fn schema(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn command_headers() -> Value {
    let mut origin = text("What sent it.");
    origin["enum"] = json!(["http", "hook", "timer", "replay", "requeue", "command"]);
    json!({
        "type": "object",
        "properties": {
            header::OPERATION: uuid("The operation."),
            header::CALLER: text("Who asked, as JSON."),
            header::REQUEST_HASH: text("SHA-256 of the payload in hex."),
            header::ORIGIN: origin,
            header::MESSAGE_ID: text("JetStream's deduplication id."),
            header::REQUEST_ID: text("The correlation id."),
            header::IP_ADDRESS: text("The caller's address."),
            header::TRACEPARENT: text("The W3C trace."),
        },
        "required": [header::OPERATION, header::CALLER, header::REQUEST_HASH, header::ORIGIN],
    })
}

fn event_headers() -> Value {
    let mut outcome = text("The outcome.");
    outcome["enum"] = json!(OUTCOMES.map(Outcome::as_str));
    json!({
        "type": "object",
        "properties": {
            header::OPERATION: uuid("The operation."),
            header::OUTCOME: outcome,
            header::MESSAGE_ID: text("JetStream's deduplication id."),
        },
    })
}

fn dead_letter() -> Value {
    json!({
        "type": "object",
        "description": "An operation, or a message that never became one, with all that is known.",
        "properties": {
            "dead_letter": uuid("Its own id."),
            "operation": uuid("The operation; absent when the message never became one."),
            "class": text("Why it stands here, by kind."),
            "code": text("Why it stands here, for programs."),
            "message": text("Why it stands here, for people."),
            "subject": text("The subject of the original message."),
            "headers": { "type": "object", "description": "The original message's headers." },
            "body": text("The body of the original message, base64."),
            "sealed": { "type": "boolean", "description": "Whether the body is encrypted." },
            "faults": objects("The attempts, with times and errors."),
            "effects": objects("What was done to the outside so far."),
            "at": { "type": "string", "format": "date-time", "description": "When." },
        },
        "required": ["dead_letter", "class", "code", "message", "subject", "headers", "body"],
        "additionalProperties": true,
    })
}

fn text(about: &str) -> Value {
    json!({ "type": "string", "description": about })
}

fn objects(about: &str) -> Value {
    json!({ "type": "array", "items": { "type": "object" }, "description": about })
}

fn uuid(about: &str) -> Value {
    json!({ "type": "string", "format": "uuid", "description": about })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_its_three_channels_and_every_query_its_two() {
        let document = asyncapi();
        let channels = document["channels"].as_object().unwrap();
        assert_eq!(channels.len(), 3 * TOPICS.len() + 2 * QUERIES.len());
        for topic in TOPICS {
            let queue = &channels[&topic.subject()];
            assert_eq!(queue["x-jetstream"]["consumer"]["durable_name"], topic.name);
            assert!(channels.contains_key(&topic.dead_subject()));
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = asyncapi();
        for part in document.to_string().split("\"$ref\":\"#").skip(1) {
            let pointer = part.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "nothing at {pointer}");
        }
    }
}
