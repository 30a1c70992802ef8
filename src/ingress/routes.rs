//! Routes from the registry: what is reachable is what a row says, under its path and, where the
//! row has query spellings, under the path without its fields.
//!
//! Everything that can be known before a request is known at the start: the subject as the broker
//! wants it, the compiled schema, the status of an answer.

use super::problem::Refusal;
use super::queue::{self, Queues};
use super::shape::Shape;
use super::{Ingress, IngressError, health, operations, socket, sse};
use async_nats::Subject;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, get, on, options, post};
use axum::{Extension, Json, Router};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use subjects::envelope::Problem;
use subjects::registry::{QUERIES, TOPICS};
use subjects::spec::{Http, Method, Misfit, Prepared, Query, Topic};

/// One way to reach a topic or a query.
#[derive(Debug)]
pub(crate) struct Route {
    /// The binding.
    pub(crate) http: &'static Http,
    /// What it reaches.
    pub(crate) target: Target,
    /// Where that listens.
    pub(crate) subject: Subject,
    /// What it wants to hear.
    pub(crate) shape: Arc<Shape>,
    /// The status of a completed answer.
    pub(crate) done: StatusCode,
}

/// What a route reaches.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// A durable command or webhook.
    Command(&'static Topic),
    /// A question to the workers.
    Query(&'static Query),
}

/// The router of everything that the ingress serves.
pub(crate) fn router() -> Result<Router<Arc<Ingress>>, IngressError> {
    let mut paths = Paths::default();
    let mut queues = Queues::default();
    for topic in TOPICS.iter().copied() {
        let shape = shape(
            &topic.path(),
            (topic.payload_schema)().to_value(),
            topic.prepare,
        )?;
        let subject = Subject::from(topic.subject());
        for http in topic.http {
            paths.enter(Route::new(http, Target::Command(topic), &subject, &shape)?);
        }
        queues.add(topic, subject, shape);
    }
    for query in QUERIES.iter().copied() {
        let subject = Subject::from(query.subject());
        let shape = shape(&subject, (query.ask_schema)().to_value(), query.prepare)?;
        for http in query.http {
            paths.enter(Route::new(http, Target::Query(query), &subject, &shape)?);
        }
    }
    let queue = post(queue::post)
        .options(queue::schema)
        .layer(Extension(Arc::new(queues)));
    let own = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/operations/{id}", get(operations::operation))
        .route("/operations/{id}/events", get(sse::events))
        .route("/notifications/ws", get(socket::open))
        .route("/ws", get(socket::open))
        .route("/queue/{service}/{topic}", queue);
    let all = paths
        .0
        .into_iter()
        .fold(own, |all, (path, routes)| all.route(&path, methods(routes)));
    Ok(all
        .fallback(async || Refusal::not_found())
        .method_not_allowed_fallback(async || {
            Refusal::from(Problem::new(
                405,
                "method_not_allowed",
                "Method not allowed.",
            ))
        }))
}

fn shape(
    name: &str,
    schema: Value,
    prepare: fn(Value) -> Result<Prepared, Misfit>,
) -> Result<Arc<Shape>, IngressError> {
    let shape = Shape::new(schema, prepare).map(Arc::new);
    shape.map_err(|reason| IngressError::Registry {
        row: name.to_owned(),
        reason,
    })
}

/// The routes of every path, in the registry's order.
#[derive(Debug, Default)]
struct Paths(BTreeMap<String, Vec<Arc<Route>>>);

impl Paths {
    fn enter(&mut self, route: Route) {
        let route = Arc::new(route);
        if !route.http.query.is_empty() {
            self.0
                .entry(route.http.bare_path())
                .or_default()
                .push(Arc::clone(&route));
        }
        self.0
            .entry(route.http.path.to_owned())
            .or_default()
            .push(route);
    }
}

/// The methods of one path, and `OPTIONS …?schema=1` besides.
fn methods(routes: Vec<Arc<Route>>) -> MethodRouter<Arc<Ingress>> {
    // Of a path with a question and a command, the schema that a form asks for is the command's.
    let commands = routes.iter().find(|route| route.http.method != Method::Get);
    let shape = commands
        .or(routes.first())
        .map(|route| Arc::clone(&route.shape));
    let described = options(async move || describe(shape.as_deref()));
    routes.into_iter().fold(described, |methods, route| {
        let filter = filter(route.http.method);
        let handler = async move |State(ingress): State<Arc<Ingress>>,
                                  path: Result<RawPathParams, RawPathParamsRejection>,
                                  request: Request| {
            let path = path.map_err(|_| Refusal::not_found())?;
            ingress.serve(&route, &path, request).await
        };
        methods.merge(on(filter, handler))
    })
}

fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Delete => MethodFilter::DELETE,
    }
}

/// The answer to `OPTIONS …?schema=1`: the payload's JSON schema. It says nothing about anyone, so
/// nobody has to sign in for it.
pub(crate) fn describe(shape: Option<&Shape>) -> Response {
    match shape {
        Some(shape) => Json(shape.schema()).into_response(),
        None => Refusal::not_found().into_response(),
    }
}

impl Route {
    fn new(
        http: &'static Http,
        target: Target,
        subject: &Subject,
        shape: &Arc<Shape>,
    ) -> Result<Self, IngressError> {
        let done = StatusCode::from_u16(http.status).map_err(|_| IngressError::Registry {
            row: http.path.to_owned(),
            reason: format!("expected an HTTP status, got {}", http.status),
        })?;
        Ok(Self {
            http,
            target,
            subject: subject.clone(),
            shape: Arc::clone(shape),
            done,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_registry_makes_one_router() {
        // A path that is there twice for one method panics here.
        assert!(router().is_ok());
    }

    #[test]
    fn a_path_with_query_spellings_is_there_with_and_without_its_fields() {
        let topic = subjects::registry::topic("wallet", "transaction_create").unwrap();
        let shape = shape("", (topic.payload_schema)().to_value(), topic.prepare).unwrap();
        let mut paths = Paths::default();
        let target = Target::Command(topic);
        paths.enter(Route::new(&topic.http[0], target, &"queue.x.y".into(), &shape).unwrap());
        let paths: Vec<_> = paths.0.into_keys().collect();
        let expected = [
            "/wallet/auth/wallet/transactions",
            "/wallet/auth/wallet/{wallet_id}/transactions",
        ];
        assert_eq!(paths, expected);
    }
}
