//! A webhook receiver that keeps what it gets.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::rig::Rig;

#[derive(Clone)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> String {
        self.headers.get(name).unwrap().to_str().unwrap().to_owned()
    }

    pub(crate) fn topic(&self) -> String {
        self.header("x-dwolla-topic")
    }
}

#[derive(Clone)]
pub(crate) struct Subscriber {
    pub(crate) url: String,
    got: Arc<Mutex<Vec<Received>>>,
    answer: Arc<Mutex<StatusCode>>,
}

impl Subscriber {
    pub(crate) async fn listen() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(StatusCode::OK));
        let subscriber = Self {
            url,
            got: Arc::default(),
            answer,
        };
        let app = Router::new()
            .fallback(receive)
            .with_state(subscriber.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        subscriber
    }

    /// Subscribed at Dwolla, with `local-test-secret`.
    pub(crate) async fn subscribed(rig: &Rig) -> (Self, String) {
        let subscriber = Self::listen().await;
        let body = json!({"url": subscriber.url, "secret": "local-test-secret"});
        let subscription = rig.create("/webhook-subscriptions", &body).await;
        (subscriber, subscription)
    }

    pub(crate) fn answers(&self, status: StatusCode) {
        *self.answer.lock().unwrap() = status;
    }

    pub(crate) fn got(&self) -> Vec<Received> {
        self.got.lock().unwrap().clone()
    }

    /// The topics that came for a resource, in order of the events' creation, with the customer of each.
    pub(crate) fn topics(&self, resource: &str) -> Vec<(String, Option<String>)> {
        let mut bodies: Vec<Value> = self.got().iter().map(Received::json).collect();
        bodies.retain(|body| body["_links"]["resource"]["href"] == resource);
        bodies.sort_by_key(|body| body["created"].as_str().unwrap().to_owned());
        let party = |body: &Value| {
            body["_links"]["customer"]["href"]
                .as_str()
                .map(str::to_owned)
        };
        bodies
            .iter()
            .map(|body| (body["topic"].as_str().unwrap().to_owned(), party(body)))
            .collect()
    }

    pub(crate) fn clear(&self) {
        self.got.lock().unwrap().clear();
    }
}

async fn receive(
    State(subscriber): State<Subscriber>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    subscriber
        .got
        .lock()
        .unwrap()
        .push(Received { headers, body });
    *subscriber.answer.lock().unwrap()
}
