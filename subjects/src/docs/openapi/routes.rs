//! The ingress's own routes, which no row of the registry declares.

use super::super::components::Components;
use super::Paths;
use super::rows::answer;
use super::shared::{all_refusals, parameter, refusals, response_headers, security};
use crate::registry::TOPICS;
use crate::spec::By;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Adds them all.
pub(super) fn add(paths: &mut Paths, components: &mut Components) {
    paths.add(
        "post",
        "/queue/{service}/{topic}",
        process_event(components),
    );
    paths.add("get", "/operations/{id}", operation(components));
    paths.add("get", "/operations/{id}/events", events(components));
    paths.add("get", "/notifications/ws", notifications());
    paths.add("get", "/healthz", health());
    paths.add("get", "/readyz", readiness());
}

fn process_event(components: &mut Components) -> Map<String, Value> {
    let payloads = TOPICS
        .iter()
        .map(|topic| components.add((topic.payload_schema)()));
    let payloads: Vec<Value> = payloads.collect();
    let services: BTreeSet<&str> = TOPICS.iter().map(|topic| topic.service).collect();
    let topics: BTreeSet<&str> = TOPICS.iter().map(|topic| topic.name).collect();
    let segment = |name: &str, allowed: BTreeSet<&str>, about: &str| {
        json!({
            "name": name, "in": "path", "required": true, "description": about,
            "schema": { "type": "string", "enum": allowed },
        })
    };
    fields(json!({
        "operationId": "processEvent",
        "summary": "Process an event and send it to the queue",
        "description": "Any topic of the registry, with its payload as the body. The topic's own \
                        route, where it has one, does the same for its own caller.",
        "security": security(By::Internal),
        "parameters": [
            segment("service", services, "The service."),
            segment("topic", topics, "A topic of that service."),
            parameter("RequestId"),
            parameter("IdempotencyKey"),
            parameter("Prefer"),
        ],
        "requestBody": {
            "required": true,
            "description": "The topic's payload.",
            "content": { "application/json": { "schema": { "anyOf": payloads } } },
        },
        "responses": event_responses(components),
    }))
}

fn event_responses(components: &mut Components) -> Map<String, Value> {
    let results = TOPICS
        .iter()
        .map(|topic| components.add((topic.completed_schema)()));
    let mut results: Vec<Value> = results.collect();
    results.sort_by_key(Value::to_string);
    results.dedup();
    let results = json!({ "anyOf": results });
    let accepted = json!({ "$ref": "#/components/schemas/Accepted" });
    let headers = ["X-Request-ID", "Location"];
    let done = answer("Done, with the topic's completion.", &results, &headers);
    let later = answer(
        "Accepted; the outcome is still to come.",
        &accepted,
        &headers,
    );
    let mut responses = refusals(&all_refusals());
    responses.extend([("200".to_owned(), done), ("202".to_owned(), later)]);
    responses
}

fn operation(components: &mut Components) -> Map<String, Value> {
    let schema = components.add(schemars::schema_for!(crate::operations::Operation));
    let mut responses = refusals(&[401, 404, 429, 503]);
    responses.insert(
        "200".to_owned(),
        answer("How it stands.", &schema, &["X-Request-ID"]),
    );
    fields(json!({
        "operationId": "getOperation",
        "summary": "How an operation stands",
        "description": "For the person or the service that asked for it, and for internal callers. \
                        An operation that no worker has opened yet is not known.",
        "security": reader(),
        "parameters": [id(), parameter("RequestId")],
        "responses": responses,
    }))
}

fn events(components: &mut Components) -> Map<String, Value> {
    let event = components.add(schemars::schema_for!(crate::envelope::Event));
    let mut responses = refusals(&[401, 404, 429, 503]);
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "Server-sent events. Each one's `id` is its number, its `event` the \
                            outcome, its `data` the event as JSON.",
            "headers": response_headers(&["X-Request-ID"]),
            "content": { "text/event-stream": { "schema": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": event,
            } } },
        }),
    );
    fields(json!({
        "operationId": "getOperationEvents",
        "summary": "The events of an operation, as they come",
        "description": "First what has happened after `Last-Event-ID`, then what follows, up to \
                        the operation's end.",
        "security": reader(),
        "parameters": [id(), parameter("RequestId"), parameter("LastEventId")],
        "responses": responses,
    }))
}

fn notifications() -> Map<String, Value> {
    let mut responses = refusals(&[401, 403, 429, 503]);
    responses.insert(
        "101".to_owned(),
        json!({ "description": "Now a WebSocket." }),
    );
    fields(json!({
        "operationId": "notifications",
        "summary": "Pushes of what changed, over a WebSocket",
        "description": "One text frame for each row that changed and belongs to the signed-in \
                        person: `{id, user_id, content, data: {obj, object_id, fields}, status, \
                        type, created_at, updated_at}`. A frame `{\"Command\": \"ping\"}` is \
                        answered `pong`.",
        "security": security(By::User),
        "responses": responses,
    }))
}

fn health() -> Map<String, Value> {
    let schema = json!({
        "type": "object", "properties": { "status": { "const": "alive" } }, "required": ["status"],
    });
    fields(json!({
        "operationId": "healthz",
        "summary": "Whether the process lives",
        "security": [],
        "responses": { "200": answer("It does.", &schema, &[]) },
    }))
}

fn readiness() -> Map<String, Value> {
    let check = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string" },
            "ok": { "type": "boolean" },
            "expected": { "type": "string" },
        },
        "required": ["name", "ok", "expected"],
    });
    let schema = json!({
        "type": "object",
        "properties": {
            "status": { "enum": ["ready", "unready"] },
            "checks": { "type": "array", "items": check },
        },
        "required": ["status", "checks"],
    });
    fields(json!({
        "operationId": "readyz",
        "summary": "Whether commands can be accepted now",
        "security": [],
        "responses": {
            "200": answer("They can.", &schema, &[]),
            "503": answer("They can not; the checks say why.", &schema, &[]),
        },
    }))
}

fn id() -> Value {
    json!({
        "name": "id", "in": "path", "required": true, "description": "The operation.",
        "schema": { "type": "string", "format": "uuid" },
    })
}

/// A person who asked for the operation, or any internal caller.
fn reader() -> Value {
    let ways = [security(By::User), security(By::Internal)];
    ways.iter()
        .filter_map(Value::as_array)
        .flatten()
        .cloned()
        .collect()
}

fn fields(operation: Value) -> Map<String, Value> {
    match operation {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}
