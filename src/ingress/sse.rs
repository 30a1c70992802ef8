//! `GET /operations/{id}/events`: an operation's events as they happen, without gaps or doubles.
//!
//! The workers' table of events is the truth, and what the hub hears is only a wake-up: after each
//! one, and every quarter of a minute besides, the events after the last number that was sent are
//! asked for. So it does not matter that the hub may miss events while the broker reconnects.

use super::Ingress;
use super::auth::Asker;
use super::frames;
use super::hub::Watch;
use super::operations::{is_final, is_final_outcome};
use super::problem::Refusal;
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use subjects::envelope::{Event, Outcome};
use subjects::ids::OperationId;
use subjects::operations::{EventsAsk, OperationAsk};

/// How often a comment keeps the connection open and missed events are looked for.
const TICK: Duration = Duration::from_secs(15);

/// Streams the events after `Last-Event-ID` (a header, or a query parameter where a page can not
/// set headers) until the operation is final. 204, which stops a browser from coming back, when
/// there will be no more.
pub(crate) async fn events(
    State(ingress): State<Arc<Ingress>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, _) = request.into_parts();
    let asker = ingress.asker(&parts.headers).await?;
    let id: OperationId = id.parse().map_err(|_| Refusal::not_found())?;
    let last = last_event_id(&parts)?;
    // The watch comes first: what happens between it and the question is heard by both.
    let watch = ingress.hub.watch(id);
    let ask = EventsAsk {
        id,
        identity: asker.identity(),
        after: last,
    };
    let seen = ingress.ask(&ask).await?;
    if !seen.known && ingress.unopened(id, &asker).is_none() {
        return Err(Refusal::not_found());
    }
    if seen.events.is_empty() && last > 0 {
        let ask = OperationAsk {
            id,
            identity: asker.identity(),
        };
        if ingress
            .ask(&ask)
            .await?
            .operation
            .as_ref()
            .is_some_and(is_final)
        {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
    let follower = Follower {
        ingress,
        asker,
        watch,
        ask,
        ready: seen.events.into(),
        finished: false,
    };
    let messages = stream::unfold(follower, async |mut follower| {
        let message = follower.next().await?;
        Some((Ok::<_, Infallible>(message), follower))
    });
    let sse = Sse::new(messages).keep_alive(KeepAlive::new().interval(TICK));
    // Proxies that collect an answer before passing it on would hold the events back.
    let unbuffered = (
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    Ok(([unbuffered], sse).into_response())
}

fn last_event_id(parts: &Parts) -> Result<i64, Refusal> {
    let header = parts
        .headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok());
    let query = parts.uri.query().unwrap_or_default();
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let query = pairs.find(|(name, _)| name.eq_ignore_ascii_case("last-event-id"));
    let given = header
        .map(str::to_owned)
        .or(query.map(|(_, id)| id.into_owned()));
    let number = given
        .filter(|id| !id.is_empty())
        .map_or(Ok(0), |id| id.parse());
    number.map_err(|_| Refusal::bad_field("last-event-id", "must be of type: integer"))
}

/// One client, following one operation.
struct Follower {
    ingress: Arc<Ingress>,
    asker: Asker,
    watch: Watch,
    /// What is asked next; `after` is the last number that was sent.
    ask: EventsAsk,
    ready: VecDeque<Event>,
    finished: bool,
}

impl Follower {
    async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                if event.id > self.ask.after {
                    self.ask.after = event.id;
                    self.finished |= is_final_outcome(event.outcome);
                    return Some(message(&event, &self.asker));
                }
            } else if self.finished {
                return None;
            } else {
                tokio::select! {
                    () = self.ingress.shutdown.cancelled() => return None,
                    // Cut off: the client comes back with the last number that it saw.
                    heard = self.watch.next() => { heard?; }
                    () = tokio::time::sleep(TICK) => {}
                }
                // When nobody answers now, the next tick asks again.
                if let Ok(seen) = self.ingress.ask(&self.ask).await {
                    self.ready.extend(seen.events);
                }
            }
        }
    }
}

/// An event as its caller may see it: rows of other people that changed with it are left out.
fn message(event: &Event, asker: &Asker) -> Message {
    let outcome = event.outcome.as_str();
    let data = outward(event, asker).to_string();
    Message::default()
        .id(event.id.to_string())
        .event(outcome)
        .data(data)
}

fn outward(event: &Event, asker: &Asker) -> Value {
    let identity = asker.identity();
    let visible = event
        .changed
        .iter()
        .filter(|row| identity.is_none() || row.identity == identity);
    let mut data = json!({
        "id": event.id,
        "operation": event.operation,
        "service": event.service,
        "topic": event.topic,
        "outcome": Outcome::as_str(event.outcome),
        "result": event.result,
        "changed": visible.map(frames::data).collect::<Vec<_>>(),
        "at": event.at,
    });
    if let Some(problem) = &event.problem {
        data["problem"] = json!(problem);
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use subjects::envelope::Changed;

    #[test]
    fn a_person_sees_only_their_own_rows_and_a_service_sees_all() {
        let [me, other] = [uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2)];
        let row = |identity| Changed {
            object: "wallet".into(),
            id: 70,
            identity: Some(identity),
            user: None,
            fields: json!({}),
        };
        let event = Event {
            id: 5,
            operation: uuid::Uuid::nil(),
            service: "wallet".into(),
            topic: "investment_pay".into(),
            outcome: Outcome::Completed,
            request_hash: String::new(),
            result: Value::Null,
            problem: None,
            changed: vec![row(me), row(other)],
            at: crate::clock::now(),
        };
        let rows = |asker| outward(&event, &asker)["changed"].as_array().unwrap().len();
        assert_eq!(rows(Asker::Person(me)), 1);
        assert_eq!(rows(Asker::Service), 2);
    }
}
