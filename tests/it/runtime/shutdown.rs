//! Stopping is bounded, whatever else is gone.

use crate::harness::{Fleet, Worker, quick};
use rustix::process::Signal;

#[tokio::test]
async fn a_worker_whose_broker_is_gone_stops_within_its_bound() {
    let mut fleet = Fleet::with(|config| {
        quick(config);
        config.worker.drain_ms = 1_000;
    })
    .await;
    let worker = Worker::start(&fleet.stack, "*", None);
    fleet.answering().await;
    fleet.stack.nats.stop().await.unwrap();
    worker.signal(Signal::TERM);
    worker.ended().await;
    fleet.stack.nats.restart().await.unwrap();
    fleet.work();
    fleet.answering().await;
    fleet.finish().await;
}
