//! One request on a registry's route, from its first header to its answer.
//!
//! The order is that of cost and of secrecy: who calls, within which limit, the body, its shape,
//! whose things it names, and only then a message.

use super::Ingress;
use super::answer::Manner;
use super::auth::Purpose;
use super::context::{Context, body_key};
use super::decode;
use super::problem::Refusal;
use super::publish::{Intent, Origin};
use super::routes::{Route, Target};
use super::webhook::Partner;
use async_nats::Subject;
use axum::Json;
use axum::body::Body;
use axum::extract::{RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use serde_json::{Map, Value};
use std::time::Duration;
use subjects::envelope::{Caller, Problem};
use subjects::spec::{By, Prepared, Topic};

/// How long a body may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(30);

impl Ingress {
    /// Answers a request on a route.
    pub(crate) async fn serve(
        &self,
        route: &Route,
        path: &RawPathParams,
        request: Request,
    ) -> Result<Response, Refusal> {
        let (parts, body) = request.into_parts();
        let context = Context::of(&parts, &self.gateway)?;
        match route.http.by {
            By::User => {
                let identity = self
                    .person(Purpose::of(&parts.method), &parts.headers)
                    .await?;
                let payload = self.payload(route, path, &parts, body).await?;
                let access = decode::named(&payload, identity)?;
                let key = key(&context, &payload)?;
                let prepared = route.shape.prepare(payload)?;
                let caller = self.caller(access).await?;
                self.run(route, caller, prepared, key, &context).await
            }
            By::Internal => {
                let name = self.service(&parts.headers)?.to_string();
                let payload = self.payload(route, path, &parts, body).await?;
                let key = key(&context, &payload)?;
                let prepared = route.shape.prepare(payload)?;
                self.run(route, Caller::Service { name }, prepared, key, &context)
                    .await
            }
            By::Dwolla => {
                self.hook(route, Partner::Dwolla, &parts, body, &context)
                    .await
            }
            By::Plaid => {
                self.hook(route, Partner::Plaid, &parts, body, &context)
                    .await
            }
        }
    }

    /// The payload that body, path and query make together.
    async fn payload(
        &self,
        route: &Route,
        path: &RawPathParams,
        parts: &Parts,
        body: Body,
    ) -> Result<Map<String, Value>, Refusal> {
        let body = self.read(parts, body).await?;
        let mut payload = decode::object(&body)?;
        decode::add_path(&mut payload, &route.shape, path.iter())?;
        let query = parts.uri.query().unwrap_or_default();
        decode::add_query(&mut payload, &route.shape, query, route.http.query)?;
        Ok(payload)
    }

    async fn run(
        &self,
        route: &Route,
        caller: Caller,
        prepared: Prepared,
        key: Option<String>,
        context: &Context,
    ) -> Result<Response, Refusal> {
        match route.target {
            Target::Query(query) => {
                let body = prepared.body.into();
                let answer = self.ask_raw(&route.subject, body, query.timeout).await?;
                Ok((route.done, Json(answer)).into_response())
            }
            Target::Command(topic) => {
                let intent =
                    Intent::new(topic, &route.subject, caller, prepared, key, Origin::Http);
                let within = context.prefer.within(topic.reply_within, self.longest_wait);
                let open = StatusCode::ACCEPTED;
                let manner = Manner {
                    within,
                    done: route.done,
                    open,
                    receipt: false,
                };
                self.command(&intent, context, manner).await
            }
        }
    }

    /// A webhook on an address of its own: answered as soon as it is stored.
    async fn hook(
        &self,
        route: &Route,
        partner: Partner,
        parts: &Parts,
        body: Body,
        context: &Context,
    ) -> Result<Response, Refusal> {
        let Target::Command(topic) = route.target else {
            return Err(Refusal::internal());
        };
        let body = self.read(parts, body).await?;
        let intent = self
            .hooked(topic, &route.subject, partner, parts, &body)
            .await?;
        let (done, open) = (route.done, route.done);
        let manner = Manner {
            within: Duration::ZERO,
            done,
            open,
            receipt: false,
        };
        self.command(&intent, context, manner).await
    }

    /// A verified webhook as an operation of its partner.
    pub(crate) async fn hooked(
        &self,
        topic: &'static Topic,
        subject: &Subject,
        partner: Partner,
        parts: &Parts,
        body: &[u8],
    ) -> Result<Intent, Refusal> {
        let webhook = self.webhook(partner, parts, body).await?;
        let payload = serde_json::to_value(webhook).map_err(|_| Refusal::internal())?;
        let prepared = (topic.prepare)(payload).map_err(|_| Refusal::internal())?;
        let caller = Caller::Partner {
            name: partner.name().to_owned(),
        };
        Ok(Intent::new(
            topic,
            subject,
            caller,
            prepared,
            None,
            Origin::Hook,
        ))
    }

    /// The raw body, within its limits of size and time.
    pub(crate) async fn read(&self, parts: &Parts, body: Body) -> Result<Vec<u8>, Refusal> {
        let limit = self.config.ingress.max_body_bytes;
        let announced = parts.headers.get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(Refusal::too_large(limit));
        }
        let bytes = Vec::with_capacity(announced.unwrap_or_default());
        let read = tokio::time::timeout(BODY_WITHIN, collect(body, bytes, limit)).await;
        read.unwrap_or_else(|_elapsed| {
            let message = "The body did not arrive in time.";
            Err(Problem::new(408, "body_too_slow", message).into())
        })
    }
}

async fn collect(body: Body, mut bytes: Vec<u8>, limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Refusal::bad_request("The body broke off."))?;
        if bytes.len() + chunk.len() > limit {
            return Err(Refusal::too_large(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The caller's idempotency key: the header's, else the body's own.
pub(crate) fn key(
    context: &Context,
    payload: &Map<String, Value>,
) -> Result<Option<String>, Refusal> {
    match (&context.key, payload.get("idempotency_key")) {
        (Some(key), _) => Ok(Some(key.clone())),
        (None, Some(key)) if !key.is_null() => body_key(key).map(Some),
        (None, _) => Ok(None),
    }
}
