//! How many operations complete per second, and what one costs in CPU.

use crate::load::{flood, offer};
use crate::machine::cpu_seconds;
use crate::people::People;
use crate::surroundings::Surroundings;
use crate::{Failure, Scale, report};
use futures::StreamExt as _;
use serde_json::Value;
use std::time::{Duration, Instant};

/// A topic without partner call: one inbox, one change, one event.
pub(crate) async fn without_partner(
    surroundings: &mut Surroundings,
    scale: &Scale,
    limit: f64,
) -> Result<(), Failure> {
    report::title("completions (a): no partner call (inbox + state + outbox, event out)");
    let commands = (0..scale.completions)
        .map(|_| ("directory/offer_upsert", offer()))
        .collect();
    drain(surroundings, commands, "offer_upsert", limit).await?;
    Ok(())
}

/// A topic with one effect at the sandbox: a deposit, from the request to its transfer.
pub(crate) async fn with_effect(
    surroundings: &mut Surroundings,
    scale: &Scale,
    people: &People,
    limit: f64,
) -> Result<(), Failure> {
    report::title("completions (b): one effect at the sandbox (reserve, transfer, finish)");
    let count = scale.completions / 4;
    let commands = (0..count)
        .map(|n| ("wallet/transaction_create", people.deposit(n)))
        .collect();
    drain(surroundings, commands, "transaction_create", limit).await?;
    people.settled(surroundings).await
}

/// Fills the queue with no worker running, starts one, and measures until everything is completed
/// and its event is with the broker.
pub(crate) async fn drain(
    surroundings: &mut Surroundings,
    commands: Vec<(&'static str, Value)>,
    topic: &'static str,
    limit: f64,
) -> Result<f64, Failure> {
    surroundings.stop_worker().await?;
    let count = commands.len();
    flood(surroundings, commands, None).await?;
    let service = if topic == "transaction_create" {
        "wallet"
    } else {
        "directory"
    };
    let subject = format!("events.{service}.{topic}.completed");
    let mut events = surroundings.nats.subscribe(subject).await?;
    surroundings.nats.flush().await?;
    surroundings.start_worker().await?;
    let patience = Duration::from_mins(3);
    // The clock starts with the first completion: a process's start is not what is measured.
    tokio::time::timeout(patience, events.next()).await?;
    let (started, cpu) = (Instant::now(), cpu(surroundings).await);
    let done = count - 1;
    for _ in 0..done {
        let event = tokio::time::timeout(patience, events.next()).await?;
        event.ok_or("the broker closed the subscription")?;
    }
    let took = started.elapsed();
    let rate = report::rate(&format!("{topic}, one worker process"), done, took, limit);
    let mut spent = 0.0;
    for ((name, before), (_, after)) in cpu.iter().zip(self::cpu(surroundings).await) {
        let each = (after - before) * 1000.0 / report::per_second(done, Duration::from_secs(1));
        spent += each;
        report::line(&format!(
            "    CPU per completion, {name:<40} {each:>9.3} ms"
        ));
    }
    report::line(&format!("    CPU per completion, all {spent:>52.3} ms"));
    Ok(rate)
}

async fn cpu(surroundings: &Surroundings) -> Vec<(&'static str, f64)> {
    let processes = surroundings.processes().await;
    processes
        .into_iter()
        .map(|(name, pid)| (name, cpu_seconds(pid)))
        .collect()
}
