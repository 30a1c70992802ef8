//! Pulling: never more than can be worked on, and nothing kept that was not started.
//!
//! A process asks the broker for as many messages as it has free hands, so nothing waits here while
//! another process is idle. When the process stops, the open request runs out within half a second,
//! and whatever it still brings goes straight back.

use super::engine::Engine;
use super::process::process;
use super::route::Route;
use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::jetstream::{AckKind, Message};
use futures::StreamExt as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The longest that one request for messages stays open.
const REQUEST: Duration = Duration::from_millis(500);

/// Works on a topic until the process stops, `concurrency` messages at once. Running handlers go on;
/// whoever started this waits for `tasks`.
pub async fn consume(
    engine: Arc<Engine>,
    route: Route,
    concurrency: usize,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let hands = Arc::new(Semaphore::new(concurrency));
    while !stop.is_cancelled() {
        let outcome = pull(&engine, &route, concurrency, &hands, &tasks, &stop).await;
        if let Err(error) = outcome {
            tracing::warn!(%error, topic = route.topic.path(), "the broker gives no messages");
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
            }
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn pull(
    engine: &Arc<Engine>,
    route: &Route,
    concurrency: usize,
    hands: &Arc<Semaphore>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let stream = engine
        .jetstream
        .get_stream_no_info(route.topic.stream())
        .await?;
    let consumer: Consumer<pull::Config> = stream.get_consumer(route.topic.consumer()).await?;
    while !stop.is_cancelled() {
        engine.database_answers(stop).await;
        // A quarter of the hands at least: requests for single messages would cost more than work.
        let least = u32::try_from((concurrency / 4).max(1))?;
        let free = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            free = hands.clone().acquire_many_owned(least) => free?,
        };
        let wanted = least as usize + hands.available_permits();
        drop(free);
        // Well below the broker's patience, so that what comes while stopping goes back in good time.
        let open = (engine.settings.ack_wait() / 10).min(REQUEST);
        let request = consumer.batch().max_messages(wanted).expires(open);
        let mut batch = request.messages().await?;
        while let Some(message) = batch.next().await {
            let message = message?;
            if stop.is_cancelled() {
                give_back(&message).await;
            } else {
                start(engine, route, hands, tasks, message).await?;
            }
        }
    }
    Ok(())
}

async fn start(
    engine: &Arc<Engine>,
    route: &Route,
    hands: &Arc<Semaphore>,
    tasks: &TaskTracker,
    message: Message,
) -> Result<(), Failure> {
    let hand = hands.clone().acquire_owned().await?;
    let (engine, route) = (engine.clone(), route.clone());
    tasks.spawn(async move {
        process(&engine, &route, message).await;
        drop(hand);
    });
    Ok(())
}

async fn give_back(message: &Message) {
    let _ = message.ack_with(AckKind::Nak(None)).await;
}
