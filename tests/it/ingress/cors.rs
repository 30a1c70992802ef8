//! Which pages may call: listed origins with credentials, others not, and never act for somebody.

use super::{Given, assert_refused, deposit, movements, request, send};
use crate::harness::{Fleet, Investor};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::json;

const OURS: &str = "http://localhost:5173";
const FOREIGN: &str = "https://evil.example";

fn list(headers: &HeaderMap, name: &str) -> Vec<String> {
    let value = headers[name].to_str().unwrap();
    value
        .split(',')
        .map(|item| item.trim().to_ascii_lowercase())
        .collect()
}

#[tokio::test]
async fn a_preflight_opens_the_api_to_listed_origins_only() {
    let fleet = Fleet::without_workers().await;
    let preflight = |origin: &'static str, path: &'static str| {
        let ask = fleet
            .http
            .request(Method::OPTIONS, fleet.url(path))
            .header("origin", origin);
        send(ask.header("access-control-request-method", "POST"))
    };
    let path = "/wallet/auth/wallet/7/transactions";
    for path in [
        path,
        "/wallet/auth/wallet/7/transactions?schema=1",
        "/nowhere",
    ] {
        let open = preflight(OURS, path).await;
        assert_eq!(open.status, 204, "{path}");
        assert_eq!(open.headers["access-control-allow-origin"], OURS);
        assert_eq!(open.headers["access-control-allow-credentials"], "true");
        let methods = list(&open.headers, "access-control-allow-methods");
        for method in ["get", "post", "put", "options", "delete", "patch"] {
            assert!(methods.iter().any(|allowed| allowed == method), "{method}");
        }
        let headers = list(&open.headers, "access-control-allow-headers");
        for header in [
            "content-type",
            "x-request-id",
            "authorization",
            "idempotency-key",
            "prefer",
        ] {
            assert!(headers.iter().any(|allowed| allowed == header), "{header}");
        }
        assert_eq!(open.headers["vary"], "Origin");
    }
    let shut = preflight(FOREIGN, path).await;
    assert!(!shut.headers.contains_key("access-control-allow-origin"));
    assert!(
        !shut
            .headers
            .contains_key("access-control-allow-credentials")
    );
    fleet.finish().await;
}

#[tokio::test]
async fn an_answer_shows_a_listed_page_its_headers_and_another_page_nothing() {
    let fleet = Fleet::without_workers().await;
    let ask = |origin: &'static str| {
        send(
            fleet
                .http
                .get(fleet.url("/healthz"))
                .header("origin", origin),
        )
    };
    let ours = ask(OURS).await;
    assert_eq!(ours.headers["access-control-allow-origin"], OURS);
    assert_eq!(ours.headers["access-control-allow-credentials"], "true");
    let exposed = list(&ours.headers, "access-control-expose-headers");
    for header in [
        "x-request-id",
        "x-total-count",
        "location",
        "retry-after",
        "tranche-operation",
    ] {
        assert!(exposed.iter().any(|shown| shown == header), "{header}");
    }
    let foreign = ask(FOREIGN).await;
    assert!(!foreign.headers.contains_key("access-control-allow-origin"));
    fleet.finish().await;
}

#[tokio::test]
async fn the_schema_of_a_form_is_an_operation_of_the_api() {
    let fleet = Fleet::without_workers().await;
    for path in [
        "/wallet/auth/wallet/7/transactions?schema=1",
        "/queue/wallet/transaction_create?schema=1",
    ] {
        let ask = fleet
            .http
            .request(Method::OPTIONS, fleet.url(path))
            .header("origin", OURS);
        let asked = send(ask).await;
        assert_eq!(asked.headers["access-control-allow-origin"], OURS);
        let schema = asked.expect(200);
        assert_eq!(schema["type"], "object");
        for field in ["type", "amount", "funding_source_id"] {
            assert!(schema["properties"][field].is_object(), "{field} of {path}");
            let required = schema["required"].as_array().unwrap();
            assert!(required.contains(&json!(field)), "{field} of {path}");
        }
    }
    let unknown = fleet
        .http
        .request(Method::OPTIONS, fleet.url("/queue/no/topic?schema=1"));
    assert_refused(
        "unknown",
        &send(unknown).await,
        404,
        super::NOT_FOUND,
        &json!({}),
    );
    fleet.finish().await;
}

#[tokio::test]
async fn a_page_of_another_origin_can_not_act_with_a_persons_cookie() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let before = Given::when_calm(&fleet).await;
    let act = |origin: &'static str| {
        let ask = request(&fleet, &nora, Method::POST, &movements(&nora)).header("origin", origin);
        send(ask.json(&deposit(&nora, "5.00")))
    };
    for origin in [
        FOREIGN,
        "null",
        "http://localhost:5174",
        "http://localhost:5173.evil.example",
    ] {
        let reply = act(origin).await;
        assert_refused(origin, &reply, 403, "Forbidden error.", &json!({}));
    }
    assert_eq!(Given::so_far(&fleet).await, before);
    let ours = act(OURS).await;
    assert_eq!(ours.headers["access-control-allow-origin"], OURS);
    ours.expect(202);
    super::finish_with_transfers(fleet, 1).await;
}
