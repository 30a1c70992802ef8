//! Whether the process lives, whether it should be sent requests, and what it does when one caller
//! sends too many.

use super::{Given, request, send};
use crate::harness::{Fleet, Investor, eventually, eventually_some, quick};
use reqwest::Method;
use serde_json::json;
use tranche::config::Config;

#[tokio::test]
async fn a_process_without_a_broker_lives_and_is_not_ready() {
    let fleet = Fleet::without_workers().await;
    let get = |path: &'static str| send(fleet.http.get(fleet.url(path)));
    assert_eq!(
        get("/healthz").await.expect(200),
        json!({ "status": "alive" })
    );
    assert_eq!(get("/readyz").await.expect(200)["status"], "ready");

    fleet.stack.nats.stop().await.unwrap();
    let unready = eventually_some("it is not ready", || async {
        let reply = get("/readyz").await;
        (reply.status == 503).then_some(reply.body)
    })
    .await;
    assert_eq!(unready["status"], "unready");
    let checks = unready["checks"].as_array().unwrap();
    let nats = checks.iter().find(|check| check["name"] == "nats").unwrap();
    assert_eq!(nats["ok"], json!(false));
    get("/healthz").await.expect(200);

    fleet.stack.nats.restart().await.unwrap();
    eventually("it is ready again", || async {
        get("/readyz").await.status == 200
    })
    .await;
    fleet.finish().await;
}

fn strict(config: &mut Config) {
    quick(config);
    config.ingress.requests_per_second = 4;
}

#[tokio::test]
async fn a_caller_that_runs_away_is_slowed_down_and_no_other_is() {
    let mut fleet = Fleet::with(strict).await;
    fleet.work();
    fleet.answering().await;
    let nora = Investor::known(&fleet, "Nora").await;
    let otto = Investor::known(&fleet, "Otto").await;
    let before = Given::when_calm(&fleet).await;
    let path = |who: &Investor| format!("/wallet/auth/linkaccount/{}", who.profile);
    let ask = |who| {
        let ask = request(&fleet, who, Method::DELETE, &path(who));
        send(ask.json(&json!({ "funding_source_id": "none" })))
    };
    let replies = futures::future::join_all((0..20).map(|_| ask(&nora))).await;
    let limited: Vec<_> = replies.iter().filter(|reply| reply.status == 429).collect();
    assert!(
        (1..=16).contains(&limited.len()),
        "{} of 20 were too many",
        limited.len()
    );
    for reply in limited {
        assert_eq!(
            reply.body,
            json!({ "__error__": ["Too many requests: try again later."] })
        );
        assert_eq!(reply.headers["retry-after"], "1");
    }
    assert_eq!(
        ask(&otto).await.status,
        400,
        "another person is not slowed down"
    );
    eventually("the caller is served again", || async {
        ask(&nora).await.status == 400
    })
    .await;
    assert_eq!(Given::so_far(&fleet).await, before);
    fleet.finish().await;
}
