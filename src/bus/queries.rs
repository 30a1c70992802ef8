//! Answering queries: core request and reply, any worker of the group.
//!
//! A reply is `{"answer": …}` or `{"problem": …}`. Nothing here is durable: a question that nobody
//! answers is asked again by whoever wanted to know.

use super::route::QueryRoute;
use futures::{FutureExt as _, StreamExt as _};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use subjects::envelope::{Problem, Reply};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The queue group of all workers.
const GROUP: &str = "workers";
/// Questions of one kind that a process answers at once.
const CONCURRENCY: usize = 64;

/// Answers a query until the process stops.
pub async fn answer(
    client: async_nats::Client,
    route: QueryRoute,
    stop: CancellationToken,
) -> Result<(), async_nats::SubscribeError> {
    let subject = route.query.subject();
    let mut questions = client.queue_subscribe(subject, GROUP.to_owned()).await?;
    let hands = Arc::new(Semaphore::new(CONCURRENCY));
    loop {
        let question = tokio::select! {
            () = stop.cancelled() => break,
            question = questions.next() => match question {
                Some(question) => question,
                None => break,
            },
        };
        let Ok(hand) = hands.clone().acquire_owned().await else {
            break;
        };
        let (client, route) = (client.clone(), route.clone());
        tokio::spawn(async move {
            reply(&client, &route, question).await;
            drop(hand);
        });
    }
    let _ = questions.drain().await;
    Ok(())
}

async fn reply(client: &async_nats::Client, route: &QueryRoute, question: async_nats::Message) {
    let Some(to) = question.reply else { return };
    let answered = AssertUnwindSafe((route.answer)(question.payload.to_vec()))
        .catch_unwind()
        .await;
    let reply = match answered {
        Ok(Ok(answer)) => Reply::Answer(answer),
        Ok(Err(problem)) => Reply::Problem(problem),
        Err(_) => Reply::Problem(Problem::new(500, "panic", "the query's handler panicked")),
    };
    if let Ok(body) = serde_json::to_vec(&reply) {
        let _ = client.publish(to, body.into()).await;
    }
}
