//! The one answer rule.
//!
//! A caller waits for its operation as long as the topic says, or as it asked to. Done in time is
//! answered with the result or the mapped error, everything else with 202 and the operation's
//! address. The watch is set before the message is published, so no outcome can slip through.

use super::Ingress;
use super::context::Context;
use super::hub::Watch;
use super::problem::{Refusal, point_at};
use super::publish::Intent;
use async_nats::jetstream::publish::PublishAck;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use subjects::envelope::{Event, Outcome, Problem};
use subjects::operations::{Operation, OperationAsk};
use tokio::time::Instant;

/// How a kind of request is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// How long to wait for the outcome.
    pub(crate) within: Duration,
    /// The status of a result.
    pub(crate) done: StatusCode,
    /// The status when there is none yet.
    pub(crate) open: StatusCode,
    /// Whether the answer says where the message lies in its stream.
    pub(crate) receipt: bool,
}

/// How far the operation came while its caller waited.
#[derive(Debug, PartialEq)]
enum Ending {
    Accepted(Value),
    Completed(Value),
    Failed(Problem),
    Conflict,
    Open,
}

impl Ending {
    fn of_event(event: Event) -> Self {
        match event.outcome {
            Outcome::Accepted => Self::Accepted(event.result),
            Outcome::Completed => Self::Completed(event.result),
            Outcome::Refused | Outcome::Dead => Self::failed(event.problem),
            Outcome::Conflict => Self::Conflict,
        }
    }

    /// What is known already about an operation whose message JetStream has seen before.
    fn of_operation(operation: Operation, request_hash: &str) -> Self {
        if operation.request_hash != request_hash {
            return Self::Conflict;
        }
        match (operation.status.as_str(), operation.accepted) {
            ("completed", _) => Self::Completed(operation.result.unwrap_or_default()),
            ("refused" | "dead" | "discarded", _) => Self::failed(operation.problem),
            (_, Some(accepted)) => Self::Accepted(accepted),
            (_, None) => Self::Open,
        }
    }

    fn failed(problem: Option<Problem>) -> Self {
        let unnamed = || Problem::new(500, "failed", "The operation failed.");
        Self::Failed(problem.unwrap_or_else(unnamed))
    }
}

impl Ingress {
    /// Publishes a command and answers its caller.
    pub(crate) async fn command(
        &self,
        intent: &Intent,
        context: &Context,
        manner: Manner,
    ) -> Result<Response, Refusal> {
        let until = Instant::now() + manner.within;
        let waits = !manner.within.is_zero();
        let mut watch = waits.then(|| self.hub.watch(intent.operation));
        let ack = self.publish(intent, context).await?;
        let ending = match &mut watch {
            Some(watch) => self.ending(watch, intent, &ack, until).await,
            None => Ending::Open,
        };
        let (status, body) = match ending {
            Ending::Completed(result) => (manner.done, result),
            Ending::Accepted(result) => (StatusCode::ACCEPTED, result),
            Ending::Failed(problem) => return Err(Refusal::from(problem).of(intent.operation)),
            Ending::Conflict => return Err(Refusal::conflict(intent.operation)),
            Ending::Open => (
                manner.open,
                open(intent, context, manner.receipt.then_some(&ack)),
            ),
        };
        let body = if status == StatusCode::ACCEPTED {
            named(body, intent)
        } else {
            body
        };
        let mut response = (status, Json(body)).into_response();
        point_at(&mut response, intent.operation);
        Ok(response)
    }

    async fn ending(
        &self,
        watch: &mut Watch,
        intent: &Intent,
        ack: &PublishAck,
        until: Instant,
    ) -> Ending {
        if ack.duplicate {
            // The first message may be done with long since, and no event come any more.
            let ask = OperationAsk {
                id: intent.operation,
                identity: intent.caller.identity(),
            };
            let known = self
                .ask(&ask)
                .await
                .ok()
                .and_then(|answer| answer.operation);
            let ending = known.map(|known| Ending::of_operation(known, &intent.request_hash));
            if let Some(ending) = ending.filter(|ending| *ending != Ending::Open) {
                return ending;
            }
        }
        let heard = async {
            while let Some(event) = watch.next().await {
                if event.request_hash == intent.request_hash {
                    return Ending::of_event(Arc::unwrap_or_clone(event));
                }
            }
            Ending::Open
        };
        tokio::select! {
            ending = heard => ending,
            () = tokio::time::sleep_until(until) => Ending::Open,
            // Nothing is lost by not waiting: the operation is stored, and its address answers.
            () = self.shutdown.cancelled() => Ending::Open,
        }
    }
}

/// The body when there is no outcome yet. It is never empty: the client fails on an empty body
/// that calls itself JSON.
fn open(intent: &Intent, context: &Context, receipt: Option<&PublishAck>) -> Value {
    let mut body = json!({
        "operation": intent.operation,
        "request_id": &*context.request_id.0,
        "status": "accepted",
        "message_id": intent.message_id,
    });
    if let Some(ack) = receipt {
        body["stream"] = ack.stream.as_str().into();
        body["seq"] = ack.sequence.into();
        body["duplicate"] = ack.duplicate.into();
    }
    body
}

/// A 202's body names its operation.
fn named(body: Value, intent: &Intent) -> Value {
    let operation = || intent.operation.to_string().into();
    match body {
        Value::Object(mut fields) => {
            fields.entry("operation").or_insert_with(operation);
            Value::Object(fields)
        }
        Value::Null => json!({"operation": intent.operation, "status": "accepted"}),
        other => json!({"operation": intent.operation, "result": other}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(status: &str, accepted: Option<Value>) -> Operation {
        Operation {
            operation: uuid::Uuid::nil(),
            service: "wallet".into(),
            topic: "transaction_create".into(),
            status: status.into(),
            request_hash: "h".into(),
            attempt: 1,
            accepted,
            result: Some(json!({"id": 1})),
            problem: Some(Problem::new(
                412,
                "profile_incomplete",
                "The address is missing.",
            )),
            created_at: crate::clock::now(),
            updated_at: crate::clock::now(),
        }
    }

    #[test]
    fn a_repeated_request_is_answered_from_what_its_operation_became() {
        let of = |status, accepted| Ending::of_operation(operation(status, accepted), "h");
        assert_eq!(of("completed", None), Ending::Completed(json!({"id": 1})));
        assert_eq!(
            of("waiting", Some(json!({"id": 2}))),
            Ending::Accepted(json!({"id": 2}))
        );
        assert_eq!(of("running", None), Ending::Open);
        for failed in ["refused", "dead", "discarded"] {
            assert!(
                matches!(of(failed, None), Ending::Failed(p) if p.status == 412),
                "{failed}"
            );
        }
    }

    #[test]
    fn another_request_under_the_same_key_is_a_conflict_whatever_became_of_the_first() {
        for status in ["completed", "dead", "running"] {
            let ending = Ending::of_operation(operation(status, None), "other");
            assert_eq!(ending, Ending::Conflict, "{status}");
        }
    }
}
