//! `just bench`: rates, latencies, CPU and memory, each beside the limit that this machine sets.
//!
//! Everything is what production runs: release build, separate processes, NATS with `sync_interval:
//! always`, PostgreSQL with fsync, the sandbox over HTTP. Absolute numbers say little about another
//! machine, so the limit (JetStream's own durable publishes per second) is measured in the same run
//! and rates are printed as ratios to it.
//!
//! Called with a role's words (`bench worker …`), this binary is the fleet's binary: the processes
//! that it measures are started that way.

#![expect(clippy::float_arithmetic, reason = "rates and times, no money")]

mod completions;
mod growth;
mod limit;
mod load;
mod machine;
mod people;
mod report;
mod surroundings;

use surroundings::Surroundings;

/// What a measurement may fail with.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> std::process::ExitCode {
    if std::env::args()
        .nth(1)
        .is_some_and(|word| !word.starts_with("--"))
    {
        return workers::cli::main();
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(run()))
    {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            report::line(&format!("the benchmark failed: {error}"));
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let quick = std::env::args().any(|word| word == "--quick");
    let scale = if quick { Scale::QUICK } else { Scale::FULL };
    report::line(&machine::describe());
    let mut surroundings = Surroundings::start().await?;
    let limit = limit::measure(&surroundings, scale.publishes).await?;
    load::accepts(&mut surroundings, &scale, limit).await?;
    completions::without_partner(&mut surroundings, &scale, limit).await?;
    let people = people::settle(&mut surroundings, scale.people).await?;
    completions::with_effect(&mut surroundings, &scale, &people, limit).await?;
    load::latencies(&mut surroundings, &people, &scale).await?;
    growth::measure(&mut surroundings, &scale, &people, limit).await?;
    machine::memory(&surroundings).await;
    surroundings.stop().await;
    Ok(())
}

/// How much is measured.
struct Scale {
    /// Publishes for the limit.
    publishes: usize,
    /// Requests for the rate of accepting.
    accepts: usize,
    /// Operations for each rate of completing.
    completions: usize,
    /// Wallets that move money.
    people: usize,
    /// Requests for each latency.
    samples: usize,
    /// How many stored operations to grow to.
    stored: &'static [i64],
}

impl Scale {
    const FULL: Self = Self {
        publishes: 20_000,
        accepts: 20_000,
        completions: 20_000,
        people: 500,
        samples: 300,
        stored: &[1_000, 10_000, 100_000, 1_000_000],
    };
    const QUICK: Self = Self {
        publishes: 3_000,
        accepts: 3_000,
        completions: 3_000,
        people: 100,
        samples: 50,
        stored: &[1_000, 10_000],
    };
}
