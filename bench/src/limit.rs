//! The limit: how many durable publishes per second JetStream itself acknowledges here.

use crate::surroundings::Surroundings;
use crate::{Failure, report};
use async_nats::jetstream::{self, stream};
use futures::StreamExt as _;
use std::time::Instant;

/// Messages on their way at once, here and at the ingress.
pub(crate) const IN_FLIGHT: usize = 64;
/// As many streams as the fleet has: three queues, events, dead letters, advisories.
const STREAMS: usize = 6;

/// Publishes of 512 bytes per second, 64 in flight, over as many streams as the fleet uses.
pub(crate) async fn measure(surroundings: &Surroundings, count: usize) -> Result<f64, Failure> {
    let jetstream = jetstream::new(surroundings.nats.clone());
    for n in 0..STREAMS {
        let config = stream::Config {
            name: format!("LIMIT_{n}"),
            subjects: vec![format!("limit.{n}.>")],
            retention: stream::RetentionPolicy::WorkQueue,
            storage: stream::StorageType::File,
            ..stream::Config::default()
        };
        jetstream.create_stream(config).await?;
    }
    report::title("the limit of this machine");
    let started = Instant::now();
    publish(&jetstream, STREAMS, count).await?;
    let limit = report::per_second(count, started.elapsed());
    report::line(&format!(
        "  JetStream publish + ack, {IN_FLIGHT} in flight, {STREAMS} streams {limit:>27.0}/s"
    ));
    let started = Instant::now();
    publish(&jetstream, 1, count / 4).await?;
    let one = report::per_second(count / 4, started.elapsed());
    report::line(&format!("  the same on one stream {one:>54.0}/s"));
    for n in 0..STREAMS {
        jetstream.delete_stream(format!("LIMIT_{n}")).await?;
    }
    Ok(limit)
}

async fn publish(
    jetstream: &jetstream::Context,
    streams: usize,
    count: usize,
) -> Result<(), Failure> {
    let payload = bytes::Bytes::from(vec![b'x'; 512]);
    let published = futures::stream::iter(0..count)
        .map(|n| {
            let (jetstream, payload) = (jetstream.clone(), payload.clone());
            async move {
                let ack = jetstream
                    .publish(format!("limit.{}.x", n % streams), payload)
                    .await?;
                ack.await?;
                Ok::<(), Failure>(())
            }
        })
        .buffer_unordered(IN_FLIGHT)
        .collect::<Vec<_>>()
        .await;
    published.into_iter().collect()
}
