//! The operations that follow from the registry's rows.

use super::super::components::Components;
use super::super::examples;
use super::super::text::{first_sentence, paragraph};
use super::Paths;
use super::shared::{all_refusals, parameter, refusals, response_headers, security};
use crate::registry::{QUERIES, TOPICS};
use crate::spec::{By, Http, Method, Query, Topic};
use schemars::Schema;
use serde_json::{Map, Value, json};

/// Adds every binding of every topic and query, each under its path and, where it has one, under
/// the path on which its fields are query parameters.
pub(super) fn add(paths: &mut Paths, components: &mut Components) {
    for topic in TOPICS {
        for http in topic.http {
            add_binding(paths, components, http, &Row::Command(topic));
        }
    }
    for query in QUERIES {
        for http in query.http {
            add_binding(paths, components, http, &Row::Question(query));
        }
    }
}

/// A row of the registry.
enum Row {
    Command(&'static Topic),
    Question(&'static Query),
}

impl Row {
    fn doc(&self) -> &'static str {
        match self {
            Self::Command(topic) => topic.doc,
            Self::Question(query) => query.doc,
        }
    }

    fn schema(&self) -> Schema {
        match self {
            Self::Command(topic) => (topic.payload_schema)(),
            Self::Question(query) => (query.ask_schema)(),
        }
    }
}

fn add_binding(paths: &mut Paths, components: &mut Components, http: &'static Http, row: &Row) {
    let method = lower(http.method);
    let in_path = http.fields().map(|field| (field, field, "path"));
    let operation = operation(components, http, row, in_path.collect());
    paths.add(method, http.path, operation);
    if http.query.is_empty() {
        return;
    }
    let in_query = http
        .query
        .iter()
        .map(|(name, field)| (*name, *field, "query"));
    let mut operation = self::operation(components, http, row, in_query.collect());
    operation.insert(
        "operationId".to_owned(),
        format!("{}ByQuery", http.operation).into(),
    );
    paths.add(method, &http.bare_path(), operation);
}

const fn lower(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Put => "put",
        Method::Delete => "delete",
    }
}

/// An operation whose object is named by these parameters: `(name, field, place)`.
fn operation(
    components: &mut Components,
    http: &Http,
    row: &Row,
    named: Vec<(&str, &str, &str)>,
) -> Map<String, Value> {
    let mut operation = Map::new();
    let mut set = |name: &str, value: Value| operation.insert(name.to_owned(), value);
    set("operationId", http.operation.into());
    set("summary", first_sentence(row.doc()).into());
    set("description", paragraph(row.doc()).into());
    set("security", security(http.by));
    let fields: Vec<&str> = named.iter().map(|(_, field, _)| *field).collect();
    let mut parameters: Vec<Value> = named
        .into_iter()
        .map(|(name, field, place)| named_parameter(components, row, name, field, place))
        .collect();
    parameters.push(parameter("RequestId"));
    match row {
        Row::Command(topic) => {
            if matches!(http.by, By::User | By::Internal) {
                parameters.extend([parameter("IdempotencyKey"), parameter("Prefer")]);
            }
            set("x-topic", topic.path().into());
            set("responses", command_responses(components, http, topic));
        }
        Row::Question(query) => {
            set(
                "x-query",
                format!("{}/{}", query.service, query.name).into(),
            );
            set("responses", question_responses(components, http, query));
        }
    }
    if http.method == Method::Get {
        parameters.extend(rest_as_query(components, row, &fields));
    } else if let Some(body) = request_body(components, http, row, &fields) {
        set("requestBody", body);
    }
    set("parameters", parameters.into());
    operation
}

fn named_parameter(
    components: &mut Components,
    row: &Row,
    name: &str,
    field: &str,
    place: &str,
) -> Value {
    let (schema, description) = components.property(row.schema(), field);
    json!({
        "name": name, "in": place, "required": true, "schema": schema, "description": description,
    })
}

/// A read has no body: what its path does not name stands in the query.
fn rest_as_query(components: &mut Components, row: &Row, fields: &[&str]) -> Vec<Value> {
    let properties = components.properties(row.schema());
    let rest = properties
        .into_iter()
        .filter(|(name, _)| !fields.contains(&name.as_str()));
    rest.map(|(name, required)| {
        let (schema, description) = components.property(row.schema(), &name);
        json!({
            "name": name, "in": "query", "required": required, "schema": schema,
            "description": description,
        })
    })
    .collect()
}

fn request_body(
    components: &mut Components,
    http: &Http,
    row: &Row,
    fields: &[&str],
) -> Option<Value> {
    let schema = match http.by {
        By::Dwolla => json!({ "$ref": "#/components/schemas/DwollaNotification" }),
        By::Plaid => json!({ "$ref": "#/components/schemas/PlaidNotification" }),
        By::User | By::Internal => components.add_without(row.schema(), fields)?,
    };
    let mut content = json!({ "schema": schema });
    if let (Row::Command(topic), By::User | By::Internal) = (row, http.by) {
        let mut example = examples::payload(topic);
        if let Some(example) = example.as_object_mut() {
            example.retain(|name, _| !fields.contains(&name.as_str()));
        }
        content["example"] = example;
    }
    Some(json!({ "required": true, "content": { "application/json": content } }))
}

fn command_responses(components: &mut Components, http: &Http, topic: &Topic) -> Value {
    let accepted = json!({ "$ref": "#/components/schemas/Accepted" });
    if matches!(http.by, By::Dwolla | By::Plaid) {
        let mut responses = refusals(&[400, 401, 413, 429, 503]);
        let kept = answer(
            "Kept: it is durable, and worked on later.",
            &accepted,
            &["X-Request-ID"],
        );
        responses.insert(http.status.to_string(), kept);
        return Value::Object(responses);
    }
    let mut responses = refusals(&all_refusals());
    let completed = components.add((topic.completed_schema)());
    let headers = ["X-Request-ID", "Location"];
    let mut done = if http.status == 202 {
        let either = json!({ "anyOf": [completed, accepted] });
        answer(
            "Done in time, with the result; else accepted.",
            &either,
            &headers,
        )
    } else {
        let later = answer(
            "Accepted; the outcome is still to come.",
            &accepted,
            &headers,
        );
        responses.insert("202".to_owned(), later);
        answer("Done.", &completed, &headers)
    };
    done["content"]["application/json"]["example"] = examples::completed(topic);
    responses.insert(http.status.to_string(), done);
    Value::Object(responses)
}

fn question_responses(components: &mut Components, http: &Http, query: &Query) -> Value {
    let mut responses = refusals(&[400, 401, 403, 404, 412, 424, 429, 503]);
    let schema = components.add((query.answer_schema)());
    responses.insert(
        http.status.to_string(),
        answer("The answer.", &schema, &["X-Request-ID"]),
    );
    Value::Object(responses)
}

/// A response with a JSON body.
pub(super) fn answer(description: &str, schema: &Value, headers: &[&str]) -> Value {
    json!({
        "description": description,
        "headers": response_headers(headers),
        "content": { "application/json": { "schema": schema } },
    })
}
