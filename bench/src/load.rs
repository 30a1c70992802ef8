//! Load on the ingress: how fast it accepts, and how long callers wait.

use crate::limit::IN_FLIGHT;
use crate::people::People;
use crate::surroundings::{Surroundings, TOKEN};
use crate::{Failure, Scale, report};
use futures::StreamExt as _;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// A new id for each row that a benchmark makes.
pub(crate) fn next_id() -> i64 {
    static NEXT: AtomicI64 = AtomicI64::new(1_000_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A command for the directory that no other has sent.
pub(crate) fn offer() -> Value {
    let id = next_id();
    json!({ "id": id, "version": 1, "name": format!("Offer {id}"), "status": "published",
            "data": { "city": "Des Moines", "min_investment": 100 } })
}

/// Sends a command and expects to be accepted.
pub(crate) async fn send(
    surroundings: &Surroundings,
    topic: &str,
    body: &Value,
    wait: Option<u32>,
) -> Result<Duration, Failure> {
    let request = surroundings
        .http
        .post(surroundings.path(&format!("/queue/{topic}")));
    let mut request = request.header("authorization", TOKEN).json(body);
    if let Some(seconds) = wait {
        request = request.header("prefer", format!("wait={seconds}"));
    }
    let started = Instant::now();
    let reply = request.send().await?;
    let took = started.elapsed();
    if !reply.status().is_success() {
        return Err(format!("{topic}: {} {}", reply.status(), reply.text().await?).into());
    }
    reply.bytes().await?;
    Ok(took)
}

/// Sends many commands, 64 at once.
pub(crate) async fn flood(
    surroundings: &Surroundings,
    commands: Vec<(&'static str, Value)>,
    wait: Option<u32>,
) -> Result<Vec<Duration>, Failure> {
    let sent = futures::stream::iter(commands)
        .map(|(topic, body)| async move { send(surroundings, topic, &body, wait).await })
        .buffer_unordered(IN_FLIGHT)
        .collect::<Vec<_>>()
        .await;
    sent.into_iter().collect()
}

/// Commands per second that the ingress makes durable and answers with 202, no worker running.
pub(crate) async fn accepts(
    surroundings: &mut Surroundings,
    scale: &Scale,
    limit: f64,
) -> Result<(), Failure> {
    report::title("the ingress (202, durable; no worker running)");
    let topics = [
        "directory/offer_upsert",
        "kyc/approved",
        "wallet/wallet_sync",
    ];
    let body = |topic| match topic {
        "directory/offer_upsert" => offer(),
        "kyc/approved" => json!({ "profile_id": next_id() }),
        _ => json!({ "wallet_id": next_id() }),
    };
    let commands = |topics: &[&'static str], count: usize| {
        topics
            .iter()
            .cycle()
            .take(count)
            .map(|t| (*t, body(*t)))
            .collect::<Vec<_>>()
    };
    flood(surroundings, commands(&topics, scale.accepts / 20), None).await?;
    let started = Instant::now();
    let mut all = flood(surroundings, commands(&topics, scale.accepts), None).await?;
    report::rate(
        "accepted over three services, 64 at once",
        scale.accepts,
        started.elapsed(),
        limit,
    );
    report::latency("  answer at that load", &mut all);
    for stream in ["QUEUE_DIRECTORY", "QUEUE_KYC", "QUEUE_WALLET"] {
        empty(surroundings, stream).await?;
    }
    let mut idle = Vec::new();
    for _ in 0..scale.samples {
        idle.push(send(surroundings, "directory/offer_upsert", &offer(), None).await?);
    }
    report::latency("answer when idle, one at a time", &mut idle);
    let started = Instant::now();
    flood(
        surroundings,
        commands(&topics[..1], scale.accepts / 10),
        None,
    )
    .await?;
    let half = report::per_second(scale.accepts / 10, started.elapsed()) / 2.0;
    let mut paced = paced(surroundings, half, scale.samples * 5, None).await?;
    report::latency(
        &format!("answer at half load of one service ({half:.0}/s)"),
        &mut paced,
    );
    empty(surroundings, "QUEUE_DIRECTORY").await
}

/// Makes a queue anew: its messages were only there to be accepted. (Purging is denied.)
async fn empty(surroundings: &Surroundings, stream: &str) -> Result<(), Failure> {
    let jetstream = async_nats::jetstream::new(surroundings.nats.clone());
    jetstream.delete_stream(stream).await?;
    let settings = workers::fleet::topology_settings(surroundings.config());
    tranche::bus::topology::apply(&jetstream, &settings).await?;
    Ok(())
}

/// How long callers wait for completions, idle and at half load.
pub(crate) async fn latencies(
    surroundings: &mut Surroundings,
    people: &People,
    scale: &Scale,
) -> Result<(), Failure> {
    report::title("completion, as its caller sees it (request to result)");
    idle_latency(surroundings, "idle, without partner", scale.samples).await?;
    let mut deposits = Vec::new();
    for n in 0..scale.samples {
        deposits.push(
            send(
                surroundings,
                "wallet/transaction_create",
                &people.deposit(n),
                Some(10),
            )
            .await?,
        );
    }
    report::latency(
        "idle, early answer of a deposit (row committed)",
        &mut deposits,
    );
    people.settled(surroundings).await?;
    half_load(surroundings, scale).await
}

pub(crate) async fn idle_latency(
    surroundings: &Surroundings,
    what: &str,
    samples: usize,
) -> Result<(), Failure> {
    let mut waited = Vec::new();
    for _ in 0..samples {
        waited.push(send(surroundings, "directory/offer_upsert", &offer(), Some(10)).await?);
    }
    report::latency(what, &mut waited);
    Ok(())
}

/// Half of what completes at full load, sent evenly.
async fn half_load(surroundings: &Surroundings, scale: &Scale) -> Result<(), Failure> {
    let started = Instant::now();
    let commands = (0..scale.completions / 10).map(|_| ("directory/offer_upsert", offer()));
    flood(surroundings, commands.collect(), Some(10)).await?;
    let full = report::per_second(scale.completions / 10, started.elapsed());
    let mut waited = paced(surroundings, full / 2.0, scale.samples * 5, Some(10)).await?;
    report::latency(
        &format!(
            "at half load ({:.0}/s, waiting callers), without partner",
            full / 2.0
        ),
        &mut waited,
    );
    Ok(())
}

/// Sends so many commands a second, evenly, whatever the answers take.
async fn paced(
    surroundings: &Surroundings,
    rate: f64,
    count: usize,
    wait: Option<u32>,
) -> Result<Vec<Duration>, Failure> {
    let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..count {
        pace.tick().await;
        let request = surroundings
            .http
            .post(surroundings.path("/queue/directory/offer_upsert"));
        let prefer = wait.map_or_else(|| "respond-async".to_owned(), |s| format!("wait={s}"));
        let request = request
            .header("authorization", TOKEN)
            .header("prefer", prefer);
        let request = request.json(&offer());
        running.spawn(async move {
            let started = Instant::now();
            let reply = request.send().await?.error_for_status()?;
            let took = started.elapsed();
            reply.bytes().await?;
            Ok::<Duration, reqwest::Error>(took)
        });
    }
    let mut took = Vec::with_capacity(count);
    while let Some(one) = running.join_next().await {
        took.push(one??);
    }
    Ok(took)
}
