//! What operations of the document refer to: errors, headers, parameters, ways to prove who calls.

use super::super::components::Components;
use crate::spec::By;
use serde_json::{Map, Value, json};

/// The refusals that a caller must expect: status, name, when.
const ERRORS: &[(u16, &str, &str)] = &[
    (
        400,
        "BadRequest",
        "The request can not be read or does not fit its type; fields are named.",
    ),
    (
        401,
        "Unauthorized",
        "Nobody is signed in, or the token or signature proves nothing.",
    ),
    (403, "Forbidden", "Known, and not allowed."),
    (
        404,
        "NotFound",
        "It does not exist, or it is somebody else's.",
    ),
    (
        409,
        "Conflict",
        "The key belongs to another request, or the object's state forbids it.",
    ),
    (
        412,
        "PreconditionFailed",
        "Our data lacks what the partner needs.",
    ),
    (413, "TooLarge", "The body is larger than the limit."),
    (424, "PartnerFailed", "The partner refused or failed."),
    (429, "TooMany", "Too many requests of one caller."),
    (
        503,
        "Unavailable",
        "A part that is needed does not answer. Send it again under the same key.",
    ),
];

/// Everything under `components` but the schemas.
pub(super) fn components(schemas: &mut Components) -> Value {
    let error = schemas.put("Error", error());
    schemas.put("Accepted", accepted());
    schemas.put("DwollaNotification", dwolla());
    schemas.put("PlaidNotification", plaid());
    json!({
        "responses": responses(&error),
        "headers": headers(),
        "parameters": parameters(),
        "securitySchemes": security_schemes(),
    })
}

/// References to the refusals with these statuses.
pub(super) fn refusals(statuses: &[u16]) -> Map<String, Value> {
    let wanted = ERRORS
        .iter()
        .filter(|(status, _, _)| statuses.contains(status));
    let reference = |name| json!({ "$ref": format!("#/components/responses/{name}") });
    wanted
        .map(|(status, name, _)| (status.to_string(), reference(name)))
        .collect()
}

/// The status of every refusal.
pub(super) fn all_refusals() -> Vec<u16> {
    ERRORS.iter().map(|(status, _, _)| *status).collect()
}

/// References to parameters that stand under `components`.
pub(super) fn parameter(name: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{name}") })
}

/// The headers of a response.
pub(super) fn response_headers(names: &[&str]) -> Value {
    let pair = |name: &&str| {
        let reference = json!({ "$ref": format!("#/components/headers/{name}") });
        ((*name).to_owned(), reference)
    };
    Value::Object(names.iter().map(pair).collect())
}

/// How a caller proves who it is: any one of the list.
pub(super) fn security(by: By) -> Value {
    match by {
        By::User => json!([
            { "kratosSession": [] },
            { "gatewayIdentity": [], "gatewaySecret": [] },
        ]),
        By::Internal => json!([{ "serviceToken": [] }]),
        By::Dwolla => json!([{ "dwollaSignature": [] }]),
        By::Plaid => json!([{ "plaidVerification": [] }]),
    }
}

fn error() -> Value {
    json!({
        "type": "object",
        "description": "Why not: sentences for people, and messages by the request's field.",
        "properties": {
            "__error__": {
                "type": "array",
                "items": { "type": "string" },
                "minItems": 1,
                "description": "Sentences for people.",
            },
        },
        "required": ["__error__"],
        "additionalProperties": { "type": "array", "items": { "type": "string" } },
        "examples": [{
            "__error__": ["Bad request."],
            "amount": ["missing data for required field"],
        }],
    })
}

fn accepted() -> Value {
    json!({
        "type": "object",
        "description": "The command is accepted and its outcome still to come. Where the \
                        operation's own row is committed, its id and status stand here too.",
        "properties": {
            "operation": {
                "type": "string",
                "format": "uuid",
                "description": "The operation; see `GET /operations/{id}`.",
            },
            "status": { "type": "string", "description": "`accepted`, or the row's status." },
        },
        "required": ["operation", "status"],
        "additionalProperties": true,
        "examples": [{ "operation": "0191701c-da51-549a-a4fc-e96579ebc043", "status": "accepted" }],
    })
}

fn dwolla() -> Value {
    json!({
        "type": "object",
        "description": "An event as Dwolla posts it. Everything else that it holds is kept.",
        "properties": {
            "id": { "type": "string", "description": "Dwolla's id of the event." },
            "resourceId": { "type": "string", "description": "The resource that it is about." },
            "topic": { "type": "string", "description": "What happened." },
            "timestamp": { "type": "string", "format": "date-time" },
            "_links": { "type": "object" },
        },
        "additionalProperties": true,
    })
}

fn plaid() -> Value {
    json!({
        "type": "object",
        "description": "An event as Plaid posts it. Everything else that it holds is kept.",
        "properties": {
            "webhook_type": { "type": "string", "description": "The product." },
            "webhook_code": { "type": "string", "description": "What happened." },
            "item_id": { "type": "string", "description": "The linked login." },
        },
        "additionalProperties": true,
    })
}

fn responses(error: &Value) -> Value {
    let entry = |(status, name, description): &(u16, &str, &str)| {
        let headers = match status {
            429 | 503 => response_headers(&["X-Request-ID", "Retry-After"]),
            409 => response_headers(&["X-Request-ID", "Location"]),
            _ => response_headers(&["X-Request-ID"]),
        };
        let response = json!({
            "description": description,
            "headers": headers,
            "content": { "application/json": { "schema": error } },
        });
        ((*name).to_owned(), response)
    };
    Value::Object(ERRORS.iter().map(entry).collect())
}

fn headers() -> Value {
    json!({
        "X-Request-ID": {
            "description": "The correlation id of the request, as it was sent or made for it.",
            "schema": { "type": "string" },
        },
        "Location": {
            "description": "Where to ask for the operation: `/operations/{id}`.",
            "schema": { "type": "string", "format": "uri-reference" },
        },
        "Retry-After": {
            "description": "Seconds to wait before the next attempt.",
            "schema": { "type": "integer", "minimum": 1 },
        },
    })
}

fn parameters() -> Value {
    json!({
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "Names the intent: the same key is the same operation. Without it each \
                            request is a new one, except where the topic has a natural key.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
        },
        "Prefer": {
            "name": "Prefer",
            "in": "header",
            "description": "`respond-async`: do not wait for the outcome. `wait=N`: wait up to N \
                            seconds, within the ingress's cap.",
            "schema": { "type": "string" },
            "example": "respond-async",
        },
        "RequestId": {
            "name": "X-Request-ID",
            "in": "header",
            "description": "A correlation id for logs; never a key. `XRequestID` is read too.",
            "schema": { "type": "string", "maxLength": 255 },
        },
        "LastEventId": {
            "name": "Last-Event-ID",
            "in": "header",
            "description": "The number of the last event that was seen; events after it follow.",
            "schema": { "type": "integer", "format": "int64", "minimum": 0 },
        },
    })
}

fn security_schemes() -> Value {
    json!({
        "kratosSession": {
            "type": "apiKey",
            "in": "cookie",
            "name": "ory_kratos_session",
            "description": "The session of a signed-in person, as Ory Kratos set it.",
        },
        "gatewayIdentity": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "The bare id of a Kratos identity, from a gateway that proves itself.",
        },
        "gatewaySecret": {
            "type": "apiKey",
            "in": "header",
            "name": "X-Gateway-Secret",
            "description": "What the gateway proves itself with.",
        },
        "serviceToken": {
            "type": "http",
            "scheme": "bearer",
            "description": "The token of a service or of an operator's tool.",
        },
        "dwollaSignature": {
            "type": "apiKey",
            "in": "header",
            "name": "X-Request-Signature-SHA-256",
            "description": "HMAC-SHA256 of the raw body under the subscription's secret, in hex.",
        },
        "plaidVerification": {
            "type": "apiKey",
            "in": "header",
            "name": "Plaid-Verification",
            "description": "A signed token (ES256) that holds the hash of the raw body.",
        },
    })
}
