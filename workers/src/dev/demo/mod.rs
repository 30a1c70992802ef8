//! `tranche demo`: one investor's story over the public HTTP API, and what it left in the database,
//! at the partners and on the wire.
//!
//! Servers, sandbox and ingress run in this process; workers are real processes of this same
//! program, since one of them is killed on the way. [`story`] plays the good days and [`trouble`]
//! the bad ones; [`trace`] shows after each act what the system did; [`checks`] holds every claim
//! against the database and the sandbox's ledger at the end. Nothing is taken from a handler's word.

mod checks;
mod customers;
mod processes;
mod rows;
mod stage;
mod story;
mod timeline;
mod trace;
mod trouble;

use crate::cli::{Failure, say, stop_on_signal};
use crate::dev::checkout::Checkout;
use checks::Check;
use stage::Stage;
use std::path::Path;
use std::process::ExitCode;
use timeline::Timeline;

/// What a shell expects of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Starts everything, plays the story, checks every claim, and stops everything.
pub(crate) async fn demo(config: &Path) -> Result<ExitCode, Failure> {
    let stop = stop_on_signal();
    let checkout = Checkout::around(config)?;
    say("Starting NATS, PostgreSQL (durable), the partners' sandbox, an ingress and a worker");
    let mut stage = tokio::select! {
        stage = Stage::open(&checkout) => stage?,
        () = stop.cancelled() => return Ok(interrupted()),
    };
    let mut timeline = Timeline::start();
    let played = tokio::select! {
        played = play(&mut stage, &mut timeline) => Some(played),
        () = stop.cancelled() => None,
    };
    stage.close().await;
    let Some(played) = played else {
        return Ok(interrupted());
    };
    let checks = played.map_err(|failure| format!("in act {:?}: {failure}", timeline.act()))?;
    let passed = checks.iter().all(Check::passes);
    timeline.table(&checks);
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn interrupted() -> ExitCode {
    say("\nInterrupted. Everything is stopped.");
    ExitCode::from(INTERRUPTED)
}

async fn play(stage: &mut Stage, timeline: &mut Timeline) -> Result<Vec<Check>, Failure> {
    Timeline::legend();
    let good = story::play(stage, timeline).await?;
    let bad = trouble::play(stage, timeline, &good).await?;
    timeline.begin(
        "The reckoning",
        "every claim, against the database and the partners' ledger",
    );
    stage.settled().await?;
    checks::all(stage, &good, &bad).await
}
