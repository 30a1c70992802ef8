//! One message, from its arrival to its acknowledgement.

use super::ctx::Ctx;
use super::engine::Engine;
use super::fault::{Cause, Fault};
use super::lease::Lease;
use super::message::{self, Decoded};
use super::route::{Finished, Route};
use super::verdict::{self, Verdict};
use crate::retry;
use crate::store::change::Message as Posted;
use crate::store::operations::{Burial, Opened, Opening, Wait};
use crate::telemetry::boundary;
use async_nats::jetstream::{AckKind, Message, message::Acker};
use futures::FutureExt as _;
use serde_json::{Value, json};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use subjects::envelope::{Event, Outcome, Problem};
use subjects::ids::OperationId;
use uuid::Uuid;

/// Works on one message. It never fails: what can not be done now is left to a redelivery or to the
/// operation's row.
pub(crate) async fn process(engine: &Arc<Engine>, route: &Route, message: Message) {
    let (message, acker) = message.split();
    let acker = Arc::new(acker);
    let decoded = message::decode(message.headers.as_ref(), &message.payload, &engine.sealer);
    let decoded = match decoded {
        Ok(decoded) => decoded,
        Err(error) => return unreadable(engine, route, &message, &acker, &error.to_string()).await,
    };
    let entity = match (route.entity)(&decoded.body) {
        Ok(entity) => entity,
        Err(error) => return unreadable(engine, route, &message, &acker, &error.to_string()).await,
    };
    let opening = match opening(engine, route, &decoded, entity) {
        Ok(opening) => opening,
        Err(error) => {
            tracing::error!(%error, operation = %decoded.operation, "left to a redelivery");
            return;
        }
    };
    let asked = Instant::now();
    match engine.operations.open(opening).await {
        Ok(Opened::Ours {
            token,
            attempt,
            journal,
        }) => {
            boundary!("operation.opened", decoded.operation, route.topic.name);
            let lease = Lease::granted(token, asked, engine.settings.lease());
            let ctx = Ctx {
                engine: engine.clone(),
                topic: route.topic,
                operation: decoded.operation,
                caller: decoded.caller,
                attempt,
                lease,
                journal: Arc::new(journal.into_iter().map(|e| (e.name.clone(), e)).collect()),
                acted: Arc::default(),
            };
            attempt_it(ctx, route, decoded.body, &acker).await;
        }
        Ok(Opened::Contended) => nak(&acker, jitter(Duration::from_millis(150))).await,
        Ok(Opened::Held) => nak(&acker, jitter(engine.settings.lease() / 2)).await,
        Ok(Opened::Early | Opened::Parked) => ack(&acker, decoded.operation).await,
        Ok(Opened::Finished {
            state,
            result,
            problem,
        }) => {
            answer_again(engine, route, &decoded, &state, result, problem).await;
            ack(&acker, decoded.operation).await;
        }
        Ok(Opened::Conflict) => {
            let text = "this idempotency key belongs to another request: use a new key";
            let problem = Problem::new(409, "idempotency_key_reused", text);
            tell(
                engine,
                route,
                &decoded,
                Outcome::Conflict,
                Value::Null,
                Some(problem),
            )
            .await;
            ack(&acker, decoded.operation).await;
        }
        Err(error) => {
            tracing::warn!(%error, operation = %decoded.operation, "the operation was not opened");
            engine.database_failed();
            nak(&acker, jitter(Duration::from_secs(2))).await;
        }
    }
}

fn opening(
    engine: &Engine,
    route: &Route,
    decoded: &Decoded,
    entity: Option<String>,
) -> Result<Opening, crate::seal::SealError> {
    let payload = if route.topic.pii {
        engine.sealer.seal(&decoded.body)?
    } else {
        decoded.body.clone()
    };
    Ok(Opening {
        id: decoded.operation,
        service: route.topic.service,
        topic: route.topic.name,
        caller: json!(decoded.caller),
        request_hash: decoded.request_hash.clone(),
        entity,
        headers: decoded.headers.clone(),
        payload,
    })
}

async fn attempt_it(ctx: Ctx, route: &Route, body: Vec<u8>, acker: &Arc<Acker>) {
    // Attempts that end in a fault are judged by it. One that is begun beyond the last means that
    // its predecessors ended with their workers: whatever kills them must not kill the next.
    if ctx.attempt > i32::try_from(route.topic.retry.attempts).unwrap_or(i32::MAX) {
        let text = "the last attempts ended with the death of their workers: find out why";
        return end(&ctx, acker, &Fault::retry("worker_lost", text)).await;
    }
    let engine = ctx.engine.clone();
    let beating = engine
        .heartbeats
        .start(ctx.operation, ctx.lease.clone(), acker.clone());
    let run = AssertUnwindSafe((route.run)(ctx.clone(), body)).catch_unwind();
    let outcome = match tokio::time::timeout(route.topic.timeout, run).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => Err(Fault::bug("panic", panic_text(panic.as_ref()))),
        Err(_) => {
            let text = format!("the attempt took longer than {:?}", route.topic.timeout);
            Err(Fault::Retry(Cause::new("attempt_timed_out", text)))
        }
    };
    match outcome {
        Ok(Finished { messages }) => {
            engine.publisher.send_soon(ctx.operation, messages).await;
            ack(acker, ctx.operation).await;
        }
        Err(fault) => end(&ctx, acker, &fault).await,
    }
    drop(beating);
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!(
        "the handler panicked: {}",
        text.unwrap_or_else(|| "no message".to_owned())
    )
}

/// Does what the verdict says.
async fn end(ctx: &Ctx, acker: &Acker, fault: &Fault) {
    let engine = &ctx.engine;
    let late = match fault {
        Fault::Refuse(problem) if ctx.has_acted() => Some(Fault::Reject(problem.clone())),
        _ => None,
    };
    let fault = late.as_ref().unwrap_or(fault);
    let verdict = verdict::judge(ctx.topic, ctx.attempt, fault, retry::random());
    tracing::info!(
        topic = ctx.topic.path(), operation = %ctx.operation, attempt = ctx.attempt,
        code = fault.code(), message = fault.message(), ?verdict, "the attempt did not complete"
    );
    let done = match verdict {
        Verdict::Wait { delay, counted } => {
            let fault = counted.then(|| verdict::record(fault));
            let (id, token) = (ctx.operation, ctx.lease.token());
            let wait = Wait {
                id,
                token,
                delay,
                counted,
                fault,
            };
            engine.operations.wait(wait).await
        }
        Verdict::Refuse(problem) => {
            let told = engine
                .operations
                .refuse(ctx.operation, ctx.lease.token(), &problem)
                .await;
            match told {
                Ok(messages) => {
                    let held = !messages.is_empty();
                    engine.publisher.send_soon(ctx.operation, messages).await;
                    Ok(held)
                }
                Err(error) => Err(error),
            }
        }
        Verdict::Bury { class, problem } => bury(ctx, class, problem, fault).await,
        Verdict::LetGo => Ok(false),
    };
    match done {
        Ok(true) => ack(acker, ctx.operation).await,
        // Whoever has the lease now, or the letter's message later, has the original acknowledged.
        Ok(false) => {}
        // The lease ends by itself, and whoever gets the message next goes on from the journal.
        Err(error) => tracing::warn!(%error, operation = %ctx.operation, "left to its lease's end"),
    }
}

/// Puts an operation into the dead letters; true once its letter is with the broker.
async fn bury(
    ctx: &Ctx,
    class: &'static str,
    problem: Problem,
    fault: &Fault,
) -> Result<bool, crate::store::StoreError> {
    let burial = Burial {
        id: ctx.operation,
        token: ctx.lease.token(),
        problem,
        letter: Uuid::now_v7(),
        class,
        sealed: ctx.topic.pii,
        fault: verdict::record(fault),
    };
    let messages = ctx.engine.operations.bury(&burial).await?;
    if messages.is_empty() {
        return Ok(false);
    }
    boundary!("letter.committed", ctx.operation, class);
    Ok(deliver_letter(&ctx.engine, ctx.operation, messages).await)
}

/// Sends a letter's messages, and waits for the letter itself: the original goes only after it.
async fn deliver_letter(engine: &Engine, operation: OperationId, messages: Vec<Posted>) -> bool {
    let (letters, rest): (Vec<_>, Vec<_>) = messages.into_iter().partition(|m| m.kind == "dead");
    let mut delivered = true;
    for message in letters {
        let posted = crate::store::outbox::Posted { operation, message };
        if let Err(error) = engine.publisher.send(&posted).await {
            tracing::warn!(%error, %operation, "the letter is left to the relay");
            delivered = false;
        }
    }
    engine.publisher.send_soon(operation, rest).await;
    delivered
}

async fn unreadable(
    engine: &Engine,
    route: &Route,
    message: &async_nats::Message,
    acker: &Acker,
    error: &str,
) {
    let letter = super::sweep::Unusable {
        service: route.topic.service,
        topic: route.topic.name,
        class: "undecodable",
        error,
        subject: message.subject.as_str(),
        headers: message::all(message.headers.as_ref()),
        body: &message.payload,
        pii: route.topic.pii,
    };
    match super::sweep::bury(engine, &letter).await {
        Ok(messages) => {
            if deliver_letter(engine, Uuid::nil(), messages).await {
                let _ = acker.ack_with(AckKind::Term).await;
            }
        }
        Err(error) => {
            tracing::warn!(%error, "an undecodable message is left to a redelivery");
            nak(acker, jitter(Duration::from_secs(2))).await;
        }
    }
}

/// Tells a caller who asks the same again how the operation ended.
async fn answer_again(
    engine: &Engine,
    route: &Route,
    decoded: &Decoded,
    state: &str,
    result: Option<Value>,
    problem: Option<Problem>,
) {
    let outcome = match state {
        "completed" => Outcome::Completed,
        "refused" => Outcome::Refused,
        _ => Outcome::Dead,
    };
    tell(
        engine,
        route,
        decoded,
        outcome,
        result.unwrap_or(Value::Null),
        problem,
    )
    .await;
}

/// An event for whoever waits at this moment; nothing that has to be kept.
async fn tell(
    engine: &Engine,
    route: &Route,
    decoded: &Decoded,
    outcome: Outcome,
    result: Value,
    problem: Option<Problem>,
) {
    let event = Event {
        id: 0,
        operation: decoded.operation,
        service: route.topic.service.to_owned(),
        topic: route.topic.name.to_owned(),
        outcome,
        request_hash: decoded.request_hash.clone(),
        result,
        problem,
        changed: Vec::new(),
        at: crate::clock::now(),
    };
    let subject = format!("answers.{}.{}", route.topic.service, route.topic.name);
    if let Ok(body) = serde_json::to_vec(&event) {
        let _ = engine.client.publish(subject, body.into()).await;
    }
}

/// Acknowledges and waits for the broker's word. A lost one costs a redelivery, which the row answers.
async fn ack(acker: &Acker, operation: OperationId) {
    match acker.double_ack().await {
        Ok(()) => boundary!("message.acknowledged", operation, "ack"),
        Err(error) => tracing::debug!(%error, %operation, "the acknowledgement was not confirmed"),
    }
}

async fn nak(acker: &Acker, delay: Duration) {
    let _ = acker.ack_with(AckKind::Nak(Some(delay))).await;
}

/// A delay of half to one and a half times this.
fn jitter(around: Duration) -> Duration {
    let ms = u64::try_from(around.as_millis()).unwrap_or(u64::MAX).max(1);
    Duration::from_millis(ms / 2 + retry::random() % ms)
}
