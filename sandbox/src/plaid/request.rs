//! How Plaid reads a request: always POST, JSON, known fields only, no nulls, credentials in body or headers.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::error::Refusal;
use super::{Plaid, item, link};
use crate::faults;
use crate::http::{self, Frame, Whole, text_header};
use crate::ledger::Partner;

const MEDIA: &str = "application/json; charset=utf-8";

/// What an endpoint does with a request whose fields are in order.
type Run = fn(&Plaid, &Map<String, Value>) -> Result<Value, Refusal>;

/// One endpoint with the fields that it knows.
struct Endpoint {
    path: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
    run: Run,
}

const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        path: "/link/token/create",
        required: &["client_name", "language", "country_codes", "user"],
        optional: &[
            "products",
            "webhook",
            "redirect_uri",
            "android_package_name",
            "access_token",
            "account_filters",
            "link_customization_name",
            "identity_verification",
            "hosted_link",
            "enable_multi_item_link",
            "required_if_supported_products",
            "optional_products",
            "additional_consented_products",
            "user_id",
        ],
        run: link::token_create,
    },
    Endpoint {
        path: "/sandbox/public_token/create",
        required: &["institution_id", "initial_products"],
        optional: &["options", "user_token"],
        run: link::sandbox_public_token,
    },
    Endpoint {
        path: "/item/public_token/exchange",
        required: &["public_token"],
        optional: &[],
        run: link::exchange,
    },
    Endpoint {
        path: "/accounts/get",
        required: &["access_token"],
        optional: &["options"],
        run: item::accounts,
    },
    Endpoint {
        path: "/auth/get",
        required: &["access_token"],
        optional: &["options"],
        run: item::auth,
    },
    Endpoint {
        path: "/processor/token/create",
        required: &["access_token", "account_id", "processor"],
        optional: &[],
        run: item::processor_token,
    },
    Endpoint {
        path: "/item/get",
        required: &["access_token"],
        optional: &[],
        run: item::get,
    },
    Endpoint {
        path: "/item/remove",
        required: &["access_token"],
        optional: &["reason_code", "reason_note"],
        run: item::remove,
    },
    Endpoint {
        path: "/sandbox/item/fire_webhook",
        required: &["access_token", "webhook_code"],
        optional: &["webhook_type"],
        run: item::fire_webhook,
    },
    Endpoint {
        path: "/sandbox/item/reset_login",
        required: &["access_token"],
        optional: &[],
        run: item::reset_login,
    },
    Endpoint {
        path: "/webhook_verification_key/get",
        required: &["key_id"],
        optional: &[],
        run: item::verification_key,
    },
];

/// All of Plaid, without its prefix.
pub(crate) fn routes(plaid: Arc<Plaid>, frame: Frame) -> Router {
    Router::new()
        .fallback(serve)
        .layer(from_fn_with_state(frame, http::frame))
        .with_state(plaid)
}

async fn serve(
    Shared(plaid): Shared<Arc<Plaid>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    Extension(Whole(body)): Extension<Whole>,
) -> Response {
    let faced = faults::Request {
        partner: Partner::Plaid,
        method: method.as_str(),
        path: uri.path(),
        body: &body,
    };
    let struck = plaid.faults.strike(&faced);
    let page = |status| answer(Err(Refusal::of_status(status)));
    if let Some(response) = struck.before(page).await {
        return response;
    }
    let response = answer(read(&plaid, &method, uri.path(), &headers, &body));
    struck.after(response, page).await
}

/// With the fifteen characters of a request id in every answer.
fn answer(result: Result<Value, Refusal>) -> Response {
    let mut request_id = Uuid::new_v4().simple().to_string();
    request_id.truncate(15);
    match result {
        Ok(mut body) => {
            body["request_id"] = request_id.into();
            http::json(StatusCode::OK, MEDIA, &body)
        }
        Err(refusal) => http::json(refusal.status, MEDIA, &refusal.body(&request_id)),
    }
}

fn read(
    plaid: &Plaid,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Value, Refusal> {
    let endpoint = ENDPOINTS
        .iter()
        .find(|endpoint| endpoint.path == path && method == Method::POST);
    let endpoint = endpoint.ok_or_else(|| Refusal::of_status(StatusCode::NOT_FOUND))?;
    match text_header(headers, "content-type") {
        None => {
            return Err(Refusal::request(
                "INVALID_HEADERS",
                "the Content-Type header is missing",
            ));
        }
        Some(media) if media.starts_with("application/json") => {}
        Some(_) => return Err(unreadable()),
    }
    let Ok(Value::Object(mut body)) = serde_json::from_slice(body) else {
        return Err(unreadable());
    };
    authenticate(plaid, headers, &mut body)?;
    let known = |name: &str| endpoint.required.contains(&name) || endpoint.optional.contains(&name);
    let unknown: Vec<&str> = body
        .keys()
        .map(String::as_str)
        .filter(|name| !known(name))
        .collect();
    if !unknown.is_empty() {
        let message = format!(
            "the following fields are not recognized by this endpoint: {}",
            unknown.join(", ")
        );
        return Err(Refusal::request("UNKNOWN_FIELDS", message));
    }
    let missing: Vec<&str> = endpoint
        .required
        .iter()
        .copied()
        .filter(|name| !body.contains_key(*name))
        .collect();
    if !missing.is_empty() {
        let message = format!(
            "the following required fields are missing: {}",
            missing.join(", ")
        );
        return Err(Refusal::request("MISSING_FIELDS", message));
    }
    if let Some((name, _)) = body.iter().find(|(_, value)| value.is_null()) {
        let message = format!("{name} must not be null; omit it instead");
        return Err(Refusal::request("INVALID_FIELD", message));
    }
    (endpoint.run)(plaid, &body)
}

fn unreadable() -> Refusal {
    Refusal::request("INVALID_BODY", "body could not be parsed as JSON")
}

/// Takes the credentials out of the body or the headers.
fn authenticate(
    plaid: &Plaid,
    headers: &HeaderMap,
    body: &mut Map<String, Value>,
) -> Result<(), Refusal> {
    let mut take = |field: &str, header: &str| match body.remove(field) {
        Some(value) => value.as_str().map(str::to_owned),
        None => text_header(headers, header),
    };
    let given = (
        take("client_id", "plaid-client-id"),
        take("secret", "plaid-secret"),
    );
    let (id, secret) = &plaid.credentials;
    if given.0.as_ref() == Some(id) && given.1.as_ref() == Some(secret) {
        Ok(())
    } else {
        Err(Refusal::input(
            "INVALID_API_KEYS",
            "invalid client_id or secret provided",
        ))
    }
}

/// A field that must be text.
pub(super) fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    let text = body
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty());
    text.ok_or_else(|| {
        Refusal::request(
            "INVALID_FIELD",
            format!("{name} must be a properly formatted, non-empty string"),
        )
    })
}
