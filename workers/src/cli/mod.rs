//! The command line: one binary, a subcommand for each role and each act of an operator.
//!
//! Exit status: 0 done, 1 failed, 2 the words are off.

mod dlq;
mod roles;

pub(crate) use roles::stop_on_signal;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};
use tranche::config::Config;

/// What a command may fail with; printed with its sources.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The back end of an investment platform, as a fleet of queue workers.
#[derive(Debug, Parser)]
#[command(name = "tranche", version, about)]
pub struct Cli {
    /// The folder with base.toml and one file for each environment.
    #[arg(long, global = true, env = "TRANCHE_CONFIG", default_value = "config")]
    config: PathBuf,
    /// Which environment's file is read over base.toml.
    #[arg(long, global = true, env = "TRANCHE_ENV", default_value = "local")]
    env: String,
    /// Stop when standard input ends, as it does when the process that started this one is gone
    /// (development).
    #[cfg(feature = "dev")]
    #[arg(long, global = true, hide = true)]
    with_parent: bool,
    #[command(subcommand)]
    command: Command,
}

#[expect(
    clippy::doc_markdown,
    reason = "doc comments here are the help that a terminal shows"
)]
#[derive(Debug, Subcommand)]
enum Command {
    /// Take messages and work on them.
    Worker {
        /// Which topics: '*', 'wallet.*', 'wallet.transaction_create'; several with commas.
        #[arg(long, default_value = "*")]
        topics: String,
        /// Stop this very process with SIGKILL at the first boundary of that name (development).
        #[cfg(feature = "dev")]
        #[arg(long, hide = true, env = "TRANCHE_KILL_AT")]
        kill_at: Option<String>,
    },
    /// Turn HTTP into messages and back.
    Ingress,
    /// Apply the database's migrations.
    Migrate,
    /// Compare the broker's streams and consumers with the registry, or create and update them.
    Topology {
        #[command(subcommand)]
        act: roles::Topology,
    },
    /// Dead letters: look, send back, put aside.
    Dlq {
        #[command(subcommand)]
        act: dlq::Dlq,
    },
    /// Publish every unfinished operation again that nobody works on.
    Requeue,
    /// Write the documents that follow from the registry.
    Gen {
        /// Where to.
        #[arg(long, default_value = "subjects/generated")]
        to: PathBuf,
    },
    /// Start everything on this machine, private to this checkout: NATS, PostgreSQL, the partners'
    /// sandbox, the ingress and all workers.
    #[cfg(feature = "dev")]
    Dev,
    /// Start everything, play an investor's story over the public API, and show what happened.
    #[cfg(feature = "dev")]
    Demo,
    /// Start the partners' sandbox alone.
    #[cfg(feature = "dev")]
    Sandbox {
        /// Where it listens.
        #[arg(long, default_value = "127.0.0.1:4010")]
        listen: std::net::SocketAddr,
    },
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // A client of ours and one of a dependency must agree on the provider: the first line decides.
    let _ = rustls::crypto::ring::default_provider().install_default();
    start_logging(&cli.command);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(run(cli)) {
        Ok(code) => code,
        Err(error) => failed(error.as_ref()),
    }
}

async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let load = || Config::load(&cli.config, &cli.env).map(Arc::new);
    let stop = || {
        let stop = stop_on_signal();
        #[cfg(feature = "dev")]
        if cli.with_parent {
            crate::dev::parent::stop_with_parent(stop.clone());
        }
        stop
    };
    match cli.command {
        Command::Worker { topics, .. } => roles::worker(load()?, &topics, stop()).await?,
        Command::Ingress => roles::ingress(load()?, stop()).await?,
        Command::Migrate => roles::migrate(load()?.as_ref()).await?,
        Command::Topology { act } => return roles::topology(load()?.as_ref(), act).await,
        Command::Dlq { act } => dlq::run(load()?.as_ref(), act).await?,
        Command::Requeue => dlq::requeue(load()?.as_ref()).await?,
        Command::Gen { to } => subjects::docs::write_all(&to)?,
        #[cfg(feature = "dev")]
        Command::Dev => crate::dev::run::dev(&cli.config).await?,
        #[cfg(feature = "dev")]
        Command::Demo => return crate::dev::demo::demo(&cli.config).await,
        #[cfg(feature = "dev")]
        Command::Sandbox { listen } => crate::dev::run::sandbox(listen).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Logs go to standard error: JSON for machines, one readable line each for people at a terminal.
fn start_logging(command: &Command) {
    let default = match command {
        #[cfg(feature = "dev")]
        Command::Dev | Command::Demo => "warn",
        _ => "info",
    };
    let filter = || EnvFilter::try_from_env("TRANCHE_LOG").unwrap_or_else(|_| default.into());
    let people = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let format = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let format = if people {
        format.boxed()
    } else {
        format.json().boxed()
    };
    let registry = tracing_subscriber::registry().with(format.with_filter(filter()));
    #[cfg(feature = "dev")]
    let registry = registry.with(crate::dev::kill_at::layer(match command {
        Command::Worker { kill_at, .. } => kill_at.clone(),
        _ => None,
    }));
    registry.init();
}

fn failed(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    let mut text = format!("tranche: {error}");
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    say_error(&text);
    ExitCode::FAILURE
}

/// The one place that writes to standard error for people.
#[expect(clippy::print_stderr, reason = "this is the command line's output")]
fn say_error(text: &str) {
    eprintln!("{text}");
}

/// The one place that writes to standard output.
#[expect(clippy::print_stdout, reason = "this is the command line's output")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
