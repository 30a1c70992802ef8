//! `GET /operations/{id}`: how an operation stands, to its caller and to internal callers.

use super::Ingress;
use super::auth::Asker;
use super::context::{Context, Prefer};
use super::problem::Refusal;
use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::SecondsFormat;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use subjects::envelope::Outcome;
use subjects::ids::OperationId;
use subjects::operations::{Operation, OperationAsk};
use tokio::time::Instant;

/// `?wait=SECONDS`.
#[derive(Debug, Deserialize)]
pub(crate) struct Waiting {
    wait: Option<u64>,
}

/// How the operation stands; with `?wait=N` or `Prefer: wait=N`, once it is final or the time is
/// over. 404 when it is unknown or somebody else's.
pub(crate) async fn operation(
    State(ingress): State<Arc<Ingress>>,
    Path(id): Path<String>,
    waiting: Result<Query<Waiting>, axum::extract::rejection::QueryRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, _) = request.into_parts();
    let context = Context::of(&parts, &ingress.gateway)?;
    let asker = ingress.asker(&parts.headers).await?;
    let id: OperationId = id.parse().map_err(|_| Refusal::not_found())?;
    let Query(Waiting { wait }) =
        waiting.map_err(|_| Refusal::bad_field("wait", "must be of type: integer"))?;
    let wish = wait
        .map(Duration::from_secs)
        .map_or(context.prefer, Prefer::Wait);
    let until = Instant::now() + wish.within(Duration::ZERO, ingress.longest_wait);
    ingress.standing(id, &asker, until).await
}

impl Ingress {
    async fn standing(
        &self,
        id: OperationId,
        asker: &Asker,
        until: Instant,
    ) -> Result<Response, Refusal> {
        let ask = OperationAsk {
            id,
            identity: asker.identity(),
        };
        let mut watch = (until > Instant::now()).then(|| self.hub.watch(id));
        let mut standing = self.ask(&ask).await?.operation;
        if let Some(watch) = &mut watch
            && !standing.as_ref().is_some_and(is_final)
        {
            let heard = async {
                while let Some(event) = watch.next().await {
                    if is_final_outcome(event.outcome) {
                        return;
                    }
                }
            };
            tokio::select! {
                () = heard => {}
                () = tokio::time::sleep_until(until) => {}
                () = self.shutdown.cancelled() => {}
            }
            standing = self.ask(&ask).await?.operation;
        }
        match standing {
            Some(operation) if is_final(&operation) => Ok(Json(operation).into_response()),
            Some(operation) => Ok(unfinished(json!(operation))),
            None => self
                .unopened(id, asker)
                .map(unfinished)
                .ok_or_else(Refusal::not_found),
        }
    }

    /// An operation that was accepted here and that no worker has opened yet.
    pub(crate) fn unopened(&self, id: OperationId, asker: &Asker) -> Option<Value> {
        let recent = self
            .recent
            .get(&id)
            .filter(|recent| asker.may_see(&recent.caller))?;
        let at = recent.at.to_rfc3339_opts(SecondsFormat::Micros, true);
        Some(json!({
            "operation": id,
            "service": recent.topic.service,
            "topic": recent.topic.name,
            "status": "accepted",
            "attempt": 0,
            "created_at": at,
            "updated_at": at,
        }))
    }
}

/// The body of an operation that is worth asking for again.
fn unfinished(body: Value) -> Response {
    ([(header::RETRY_AFTER, "1")], Json(body)).into_response()
}

/// Whether an operation will not change any more, unless an operator replays it.
pub(crate) fn is_final(operation: &Operation) -> bool {
    matches!(
        operation.status.as_str(),
        "completed" | "refused" | "dead" | "discarded"
    )
}

/// Whether an event ends its operation. A conflict is about another request under the same key.
pub(crate) fn is_final_outcome(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Completed | Outcome::Refused | Outcome::Dead => true,
        Outcome::Accepted | Outcome::Conflict => false,
    }
}
