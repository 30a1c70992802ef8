//! `POST /queue/{service}/{topic}`: any topic of the registry, for internal callers, and for
//! partners where the topic is a webhook.
//!
//! Only known pairs reach a subject: a subject is never made from what a caller sent. A webhook's
//! topic wants the partner's signature here as everywhere, also from internal callers, because its
//! workers believe that what they read was signed.

use super::Ingress;
use super::answer::Manner;
use super::context::{Context, Prefer};
use super::decode;
use super::problem::Refusal;
use super::publish::{Intent, Origin};
use super::routes::describe;
use super::serve::key;
use super::shape::Shape;
use super::webhook::Partner;
use async_nats::Subject;
use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use subjects::envelope::Caller;
use subjects::spec::{By, Topic};

/// Every topic by its service and name.
#[derive(Debug, Default)]
pub(crate) struct Queues(HashMap<&'static str, HashMap<&'static str, Queue>>);

#[derive(Debug)]
struct Queue {
    topic: &'static Topic,
    subject: Subject,
    shape: Arc<Shape>,
    partner: Option<Partner>,
}

impl Queues {
    /// Adds a topic.
    pub(crate) fn add(&mut self, topic: &'static Topic, subject: Subject, shape: Arc<Shape>) {
        let partner = topic.http.iter().find_map(|http| match http.by {
            By::Dwolla => Some(Partner::Dwolla),
            By::Plaid => Some(Partner::Plaid),
            By::User | By::Internal => None,
        });
        let queue = Queue {
            topic,
            subject,
            shape,
            partner,
        };
        self.0
            .entry(topic.service)
            .or_default()
            .insert(topic.name, queue);
    }

    fn get(&self, service: &str, topic: &str) -> Option<&Queue> {
        self.0.get(service)?.get(topic)
    }
}

/// Publishes a payload to its topic: 202 with the place where it lies, or, if the caller asked to
/// wait, its outcome.
pub(crate) async fn post(
    State(ingress): State<Arc<Ingress>>,
    Extension(queues): Extension<Arc<Queues>>,
    Path((service, topic)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let context = Context::of(&parts, &ingress.gateway)?;
    let queue = queues.get(&service, &topic);
    let intent = match queue {
        Some(Queue {
            topic,
            subject,
            partner: Some(partner),
            ..
        }) => {
            let body = ingress.read(&parts, body).await?;
            ingress
                .hooked(topic, subject, *partner, &parts, &body)
                .await?
        }
        _ => ingress.ordered(queue, &parts, body, &context).await?,
    };
    let within = match context.prefer {
        Prefer::Wait(_) => context.prefer.within(Duration::ZERO, ingress.longest_wait),
        Prefer::Default | Prefer::Async => Duration::ZERO,
    };
    let (done, open) = (StatusCode::OK, StatusCode::ACCEPTED);
    let manner = Manner {
        within,
        done,
        open,
        receipt: true,
    };
    ingress.command(&intent, &context, manner).await
}

/// `OPTIONS /queue/{service}/{topic}?schema=1`.
pub(crate) async fn schema(
    Extension(queues): Extension<Arc<Queues>>,
    Path((service, topic)): Path<(String, String)>,
) -> Response {
    describe(queues.get(&service, &topic).map(|queue| &*queue.shape))
}

impl Ingress {
    /// A command of an internal caller. Who is not one does not learn which topics there are.
    async fn ordered(
        &self,
        queue: Option<&Queue>,
        parts: &Parts,
        body: axum::body::Body,
        context: &Context,
    ) -> Result<Intent, Refusal> {
        let caller = Caller::Service {
            name: self.service(&parts.headers)?.to_string(),
        };
        let queue = queue.ok_or_else(Refusal::not_found)?;
        let payload = decode::object(&self.read(parts, body).await?)?;
        let key = key(context, &payload)?;
        let prepared = queue.shape.prepare(payload)?;
        Ok(Intent::new(
            queue.topic,
            &queue.subject,
            caller,
            prepared,
            key,
            Origin::Http,
        ))
    }
}
