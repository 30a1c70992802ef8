//! HAL: links, media type, money and ids as Dwolla writes them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::error::Refusal;
use crate::http;

/// The media type of every request and answer.
pub(crate) const MEDIA: &str = "application/vnd.dwolla.v1.hal+json";

/// A link object.
pub(crate) fn link(href: &str, resource_type: &str) -> Value {
    json!({"href": href, "type": MEDIA, "resource-type": resource_type})
}

/// The `_links` of a resource under construction.
#[derive(Default)]
pub(crate) struct Links(Map<String, Value>);

impl Links {
    pub(crate) fn with(mut self, name: &str, href: &str, resource_type: &str) -> Self {
        self.0.insert(name.to_owned(), link(href, resource_type));
        self
    }

    pub(crate) fn with_if(self, wanted: bool, name: &str, href: &str, resource_type: &str) -> Self {
        if wanted {
            self.with(name, href, resource_type)
        } else {
            self
        }
    }
}

impl From<Links> for Value {
    fn from(links: Links) -> Self {
        Self::Object(links.0)
    }
}

/// An answer with a body.
pub(crate) fn answer(status: StatusCode, body: &Value) -> Response {
    http::json(status, MEDIA, body)
}

/// 200 with the resource.
pub(crate) fn ok(body: &Value) -> Response {
    answer(StatusCode::OK, body)
}

/// 201 with nothing but a `Location`.
pub(crate) fn created(location: &str) -> Response {
    let mut response = StatusCode::CREATED.into_response();
    if let Ok(value) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// Dollars as Dwolla writes them: two decimals, a string.
pub(crate) fn money(amount: Decimal) -> Value {
    json!({"value": format!("{amount:.2}"), "currency": "USD"})
}

/// The id at the end of a link into `collection`, in whatever case.
pub(crate) fn id_in(href: &str, collection: &str) -> Option<Uuid> {
    let path = href.trim_end_matches('/');
    let (rest, id) = path.rsplit_once('/')?;
    let found = rest.rsplit('/').next()?;
    (found == collection)
        .then(|| Uuid::try_parse(id).ok())
        .flatten()
}

/// The id in a path; one that cannot be parsed names nothing.
pub(crate) fn path_id(id: &str, message: &str) -> Result<Uuid, Refusal> {
    Uuid::try_parse(id).map_err(|_| Refusal::not_found(message))
}

/// The request's JSON object.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Ok(map),
        _ => Err(Refusal::bad_request()),
    }
}

/// `_links.<name>.href` of a request.
pub(crate) fn linked<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get("_links")?.get(name)?.get("href")?.as_str()
}
