//! Plaid's webhooks, as the sandbox signs them and as an attacker would change them.

use super::{Given, NOT_PROVEN, assert_refused, send};
use crate::harness::{Fleet, Investor, Reply, eventually, eventually_some};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use sandbox::{Guise, PlaidWebhooks};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// A webhook on its way.
#[derive(Debug, Clone)]
struct Letter {
    token: Option<String>,
    body: Bytes,
}

/// Stands between Plaid and the ingress, so that a test can read, hold and change letters.
struct Postbox {
    url: String,
    letters: mpsc::UnboundedReceiver<Letter>,
}

impl Postbox {
    async fn open() -> Self {
        let (sender, letters) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let app = Router::new().route("/", post(keep)).with_state(sender);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, letters }
    }

    /// What Plaid sends of this body in this guise.
    async fn letter(&mut self, fleet: &Fleet, guise: Guise, body: &Value) -> Letter {
        fleet.sandbox().set_plaid(PlaidWebhooks {
            target: Some(self.url.clone()),
            guise,
        });
        fleet.sandbox().send_plaid(body).unwrap();
        self.letters.recv().await.unwrap()
    }
}

async fn keep(
    State(sender): State<mpsc::UnboundedSender<Letter>>,
    headers: HeaderMap,
    body: Bytes,
) {
    let token = headers
        .get("plaid-verification")
        .map(|token| token.to_str().unwrap().to_owned());
    sender.send(Letter { token, body }).unwrap();
}

async fn deliver(fleet: &Fleet, path: &str, letter: &Letter) -> Reply {
    let mut request = fleet.http.post(fleet.url(path)).body(letter.body.clone());
    if let Some(token) = &letter.token {
        request = request.header("plaid-verification", token);
    }
    send(request.header("content-type", "application/json")).await
}

fn about(item: &str, code: &str) -> Value {
    json!({ "webhook_type": "ITEM", "webhook_code": code, "item_id": item, "error": null,
            "environment": "sandbox" })
}

async fn item(fleet: &Fleet) -> String {
    fleet.scalar("select item_id from plaid_items").await
}

async fn login_is_needed(fleet: &Fleet, needed: bool) {
    eventually("the login's state is noted", || async {
        fleet
            .scalar::<bool>("select needs_login from plaid_items")
            .await
            == needed
    })
    .await;
}

/// The operation that a delivered letter became.
async fn accepted(fleet: &Fleet, letter: &Letter) -> uuid::Uuid {
    let reply = deliver(fleet, "/hooks/plaid", letter).await;
    let operation = reply.operation();
    reply.expect(200);
    operation
}

#[tokio::test]
async fn a_signed_webhook_that_a_login_must_be_renewed_is_noted() {
    let fleet = Fleet::start().await;
    Investor::with_bank(&fleet, "Checking").await;
    let item = item(&fleet).await;
    let target = Some(fleet.url("/hooks/plaid"));
    fleet.sandbox().set_plaid(PlaidWebhooks {
        target,
        guise: Guise::Genuine,
    });
    fleet
        .sandbox()
        .send_plaid(&about(&item, "PENDING_DISCONNECT"))
        .unwrap();
    login_is_needed(&fleet, true).await;
    fleet.sandbox().rotate_plaid_key(false).unwrap();
    fleet
        .sandbox()
        .send_plaid(&about(&item, "LOGIN_REPAIRED"))
        .unwrap();
    login_is_needed(&fleet, false).await;
    fleet.finish().await;
}

#[tokio::test]
async fn the_same_delivery_is_one_event_and_the_same_body_signed_later_another() {
    let fleet = Fleet::start().await;
    Investor::with_bank(&fleet, "Checking").await;
    let item = item(&fleet).await;
    let mut postbox = Postbox::open().await;
    let (error, repaired) = (about(&item, "ERROR"), about(&item, "LOGIN_REPAIRED"));

    let first = postbox.letter(&fleet, Guise::Genuine, &error).await;
    let operation = accepted(&fleet, &first).await;
    login_is_needed(&fleet, true).await;
    let letter = postbox.letter(&fleet, Guise::Genuine, &repaired).await;
    accepted(&fleet, &letter).await;
    login_is_needed(&fleet, false).await;

    let before = Given::when_calm(&fleet).await;
    assert_eq!(
        accepted(&fleet, &first).await,
        operation,
        "a replay is the same event"
    );
    assert_eq!(
        deliver(&fleet, "/queue/wallet/plaid", &first)
            .await
            .operation(),
        operation
    );
    assert_eq!(Given::when_calm(&fleet).await.operations, before.operations);
    assert!(
        !fleet
            .scalar::<bool>("select needs_login from plaid_items")
            .await
    );

    // Plaid's time has whole seconds: within the first one a second event can not be told apart.
    let postbox = tokio::sync::Mutex::new(postbox);
    let later = eventually_some("a second has passed", || async {
        let letter = postbox
            .lock()
            .await
            .letter(&fleet, Guise::Genuine, &error)
            .await;
        (accepted(&fleet, &letter).await != operation).then_some(letter)
    })
    .await;
    assert_eq!(later.body, first.body);
    login_is_needed(&fleet, true).await;
    fleet.finish().await;
}

#[tokio::test]
async fn what_plaid_did_not_sign_now_about_these_bytes_is_refused() {
    let fleet = Fleet::start().await;
    let mut postbox = Postbox::open().await;
    let body = about("item-1", "ERROR");
    let genuine = postbox.letter(&fleet, Guise::Genuine, &body).await;
    let before = Given::when_calm(&fleet).await;
    let none = json!({});

    for guise in [
        Guise::WrongAlg,
        Guise::NoneAlg,
        Guise::StaleIat,
        Guise::FutureIat,
        Guise::TamperedBody,
        Guise::CompactBody,
        Guise::ExpiredKey,
        Guise::UnknownKey,
        Guise::Unsigned,
    ] {
        let letter = postbox.letter(&fleet, guise, &body).await;
        for path in ["/hooks/plaid", "/queue/wallet/plaid"] {
            let reply = deliver(&fleet, path, &letter).await;
            assert_refused(&format!("{guise:?}"), &reply, 401, NOT_PROVEN, &none);
        }
    }
    let other = postbox
        .letter(&fleet, Guise::Genuine, &about("item-2", "ERROR"))
        .await;
    let token = genuine.token.clone().unwrap();
    let (signed, _) = token.rsplit_once('.').unwrap();
    for token in [
        "",
        "..",
        "a.b.c",
        signed,
        &format!("{signed}."),
        &other.token.unwrap(),
    ] {
        let forged = Letter {
            token: Some(token.to_owned()),
            ..genuine.clone()
        };
        let reply = deliver(&fleet, "/hooks/plaid", &forged).await;
        assert_refused(token, &reply, 401, NOT_PROVEN, &none);
    }
    assert_eq!(Given::so_far(&fleet).await, before);
    accepted(&fleet, &genuine).await;
    fleet.finish().await;
}

#[tokio::test]
async fn a_webhook_whose_key_nobody_can_fetch_now_is_sent_again_later() {
    let mut fleet = Fleet::without_workers().await;
    let mut postbox = Postbox::open().await;
    let letter = postbox
        .letter(&fleet, Guise::Genuine, &about("item-1", "ERROR"))
        .await;
    let before = Given::so_far(&fleet).await;
    let reply = deliver(&fleet, "/hooks/plaid", &letter).await;
    assert_eq!(reply.status, 503, "{}", reply.body);
    assert!(reply.headers.contains_key("retry-after"));
    assert_eq!(Given::so_far(&fleet).await, before);

    fleet.work();
    fleet.answering().await;
    accepted(&fleet, &letter).await;
    fleet.finish().await;
}

#[tokio::test]
async fn an_event_without_a_rule_is_taken_and_stands_in_the_dead_letters() {
    let fleet = Fleet::start().await;
    let mut postbox = Postbox::open().await;
    for body in [
        about("item-1", "TELEPORTED"),
        json!({ "webhook_code": "ERROR" }),
        json!("text"),
    ] {
        let letter = postbox.letter(&fleet, Guise::Genuine, &body).await;
        accepted(&fleet, &letter).await;
    }
    fleet.finish_with(&["rejected"; 3]).await;
}
