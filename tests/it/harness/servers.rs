//! The database server that all tests of a run share, with a migrated template to clone.
//!
//! It lives as long as the process: its guardian stops it when the process is gone.

use sandbox::servers::{Postgres, Reporter, Tools};
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use workers::dev::stack;

const TEMPLATE: &str = "template_migrated";

pub(crate) struct Shared {
    pub(crate) tools: Tools,
    pub(crate) postgres: Arc<Postgres>,
    next: AtomicU32,
}

/// The checkout.
pub(crate) fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The shared servers, started by the first test that asks.
pub(crate) fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let start = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(start())
        };
        std::thread::spawn(start).join().unwrap()
    })
}

async fn start() -> Shared {
    let tools = stack::tools(&checkout(), Reporter::silent()).await.unwrap();
    let postgres = stack::postgres(&tools, false).await.unwrap();
    migrated(&postgres, TEMPLATE).await;
    Shared {
        tools,
        postgres,
        next: AtomicU32::new(0),
    }
}

/// Creates a migrated database.
pub(crate) async fn migrated(postgres: &Postgres, name: &str) {
    postgres.create_database(name).await.unwrap();
    let pool = tranche::store::connect(&SecretString::from(postgres.url(name)), 1)
        .await
        .unwrap();
    tranche::store::migrate(&pool).await.unwrap();
    pool.close().await;
}

impl Shared {
    /// A database of its own for a test.
    pub(crate) async fn database(&self) -> String {
        let name = format!("test_{}", self.next.fetch_add(1, Ordering::Relaxed));
        self.postgres
            .create_from_template(&name, TEMPLATE)
            .await
            .unwrap();
        name
    }
}
