//! A private PostgreSQL cluster on loopback, open to every local user: for development and tests only.

mod cluster;
mod databases;
mod recipe;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::Tools;
use super::error::{AtPath, ServerError};
use super::guardian::Guardian;
use super::ports::{RACES, free_port};
use super::run::{RunFolder, lock_data};

pub(super) use recipe::RECIPE;

/// Recovery after a crash replays the write-ahead log.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// How long the backends of a killed postmaster may take to end.
const BACKENDS_GONE: Duration = Duration::from_secs(10);
/// The line of `postmaster.pid` with the server's state, counted from 0.
const STATE_LINE: usize = 7;

/// What a private PostgreSQL survives. A kill of the server loses nothing that was committed, either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A power cut: PostgreSQL's own defaults. For benchmarks and the demo.
    Durable,
    /// No power cut: nothing is synced to the disk. For tests.
    Fast,
}

/// How a private PostgreSQL is set up.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// The data folder; made if missing, kept when the server stops. `None`: a folder that goes with the server.
    pub data_dir: Option<PathBuf>,
    /// What it survives (default [`Durability::Fast`]).
    pub durability: Durability,
    /// How many connections it allows (default 200).
    pub max_connections: u16,
    /// More settings: (name, value).
    pub settings: Vec<(String, String)>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            data_dir: None,
            durability: Durability::Fast,
            max_connections: 200,
            settings: Vec::new(),
        }
    }
}

/// A running private PostgreSQL with the superuser `postgres`. Dropped, it stops, and its throw-away data go with it.
#[derive(Debug)]
pub struct Postgres {
    port: u16,
    data_dir: PathBuf,
    log_path: PathBuf,
    guardian: Mutex<Guardian>,
}

impl Postgres {
    /// Starts a server and waits until it accepts connections.
    pub async fn start(tools: &Tools, options: PostgresOptions) -> Result<Self, ServerError> {
        let mut races = RACES;
        loop {
            match Self::start_on(tools, &options, free_port()).await {
                Err(error) if error.is_port_taken() && races > 0 => races -= 1,
                result => return result,
            }
        }
    }

    async fn start_on(
        tools: &Tools,
        options: &PostgresOptions,
        port: u16,
    ) -> Result<Self, ServerError> {
        let folder = RunFolder::create(&tools.workspace)?;
        let data_dir = match &options.data_dir {
            Some(given) => absolute(given)?,
            None => folder.path().join("data"),
        };
        let data_lock = lock_data(&data_dir).await?;
        let synced = options.durability == Durability::Durable;
        cluster::prepare(tools.clone(), data_dir.clone(), synced).await?;

        let log_path = folder.log_path();
        let mut command = vec![tools.postgres.program.to_string_lossy().into_owned()];
        command.extend(arguments(&data_dir, options, port));
        let guardian = Guardian::start(RECIPE.name, "INT", folder, data_lock, &command)?;
        let server = Self {
            port,
            data_dir,
            log_path,
            guardian: Mutex::new(guardian),
        };
        server.until_ready(&*server.guardian.lock().await).await?;
        Ok(server)
    }

    /// Where clients of one database connect: `postgres://postgres@127.0.0.1:<port>/<database>?sslmode=disable`.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable",
            self.port
        )
    }

    /// The data folder.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The server's log.
    pub fn log_path(&self) -> &Path {
        &self.log_path
    }

    /// The server's process id: the last one, if it is stopped.
    pub async fn pid(&self) -> Option<u32> {
        self.guardian.lock().await.pid()
    }

    /// Stops the server in order, closing every connection; the data stay for [`Self::restart`].
    pub async fn stop(&self) -> Result<(), ServerError> {
        self.guardian.lock().await.stop().await
    }

    /// Ends the server with SIGKILL, as a crash would; the data stay for [`Self::restart`].
    pub async fn kill(&self) -> Result<(), ServerError> {
        self.guardian.lock().await.kill().await
    }

    /// Starts the server again, after stopping it if it runs: same data, same port.
    ///
    /// After a kill, backends need a moment to notice that their postmaster is gone; as long as one of them holds the shared
    /// memory, a new server refuses to start, so that is tried again for a bounded time.
    pub async fn restart(&self) -> Result<(), ServerError> {
        let mut guardian = self.guardian.lock().await;
        guardian.stop().await?;
        let started = Instant::now();
        loop {
            guardian.start_again()?;
            match self.until_ready(&guardian).await {
                Err(ServerError::Ended { log, .. })
                    if log.contains("shared memory block") && started.elapsed() < BACKENDS_GONE => {
                }
                result => return result,
            }
        }
    }

    /// The postmaster writes its state beside its pid: proof that what answers at the port is ours.
    async fn until_ready(&self, guardian: &Guardian) -> Result<(), ServerError> {
        let state = self.data_dir.join("postmaster.pid");
        let check = async |pid: u32| {
            let text = fs::read_to_string(&state).ok()?;
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            let is_ready = lines.first() == Some(&pid.to_string().as_str())
                && lines.get(STATE_LINE) == Some(&"ready");
            is_ready.then_some(())
        };
        guardian.until_ready(READY_WITHIN, check).await
    }
}

/// The folder may not exist yet, its parent then does.
fn absolute(given: &Path) -> Result<PathBuf, ServerError> {
    let given = std::path::absolute(given).at("find the folder", given)?;
    let parent = given.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).at("create the folder", parent)?;
    Ok(given)
}

fn arguments(data_dir: &Path, options: &PostgresOptions, port: u16) -> Vec<String> {
    let mut settings = vec![
        ("port", port.to_string()),
        ("listen_addresses", "127.0.0.1".to_owned()),
        ("unix_socket_directories", String::new()),
        ("max_connections", options.max_connections.to_string()),
        ("timezone", "UTC".to_owned()),
        ("log_timezone", "UTC".to_owned()),
    ];
    if options.durability == Durability::Fast {
        // synchronous_commit stays on: without it, a killed server would lose the last commits.
        settings.extend([
            ("fsync", "off".to_owned()),
            ("full_page_writes", "off".to_owned()),
        ]);
    }
    let given = options
        .settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()));
    let mut arguments = vec!["-D".to_owned(), data_dir.to_string_lossy().into_owned()];
    for (name, value) in settings.into_iter().chain(given) {
        arguments.extend(["-c".to_owned(), format!("{name}={value}")]);
    }
    arguments
}
