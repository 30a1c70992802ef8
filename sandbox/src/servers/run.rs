//! Run folders `run/<pid>-<n>/`: what a running server needs and nobody keeps (log, pid, configuration, throw-away data).
//!
//! A folder is in use as long as its log is locked. The lock belongs to the open file, which the server and its guardian
//! inherit, so it lasts exactly until the last of them is gone, whoever started them and however that one ended. Asking
//! whether the pid in the folder's name is alive would be wrong in both directions: pids are reused, and a container that
//! shares the checkout has other pids.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Workspace;
use super::error::{AtPath, ServerError};
use super::wait::until;
use super::workspace::give_to_server;

/// A number is never used twice: the folder's removal may run when its name is already free again.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// How long to wait for data whose last user is just shutting down.
const HANDOVER: Duration = Duration::from_secs(3);

/// One server's run folder and the handle that keeps its log locked.
#[derive(Debug)]
pub(super) struct RunFolder {
    path: PathBuf,
    log: File,
}

impl RunFolder {
    /// Removes the folders that nobody uses any more and makes a new one.
    pub(super) fn create(workspace: &Workspace) -> Result<Self, ServerError> {
        let all = workspace.server_folder("run")?;
        // Between making a folder and locking its log, it looks abandoned: one process at a time.
        let _turn = lock_file(&all.join("lock")).at("lock", &all.join("lock"))?;
        remove_abandoned(&all);
        let path = loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = all.join(format!("{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => {
                    made.at("create the run folder", &path)?;
                    break path;
                }
            }
        };
        give_to_server(&path)?;
        let log_path = path.join("log");
        let log = File::options().create(true).append(true).open(&log_path);
        let log = log.at("open the log", &log_path)?;
        log.try_lock()
            .map_err(io::Error::from)
            .at("lock the log", &log_path)?;
        Ok(Self { path, log })
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The log's path.
    pub(super) fn log_path(&self) -> PathBuf {
        self.path.join("log")
    }

    /// A handle on the log for a child to write to; it shares the lock.
    pub(super) fn log_handle(&self) -> Result<File, ServerError> {
        self.log.try_clone().at("share the log", &self.log_path())
    }

    /// The last lines of the log, for errors.
    pub(super) fn log_end(&self) -> String {
        let text = fs::read(self.log_path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for RunFolder {
    /// Mostly the guardian was faster; this is for a folder whose server was never started.
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Locks a file, waiting for its turn; the lock ends with the last handle on the open file.
pub(super) fn lock_file(path: &Path) -> io::Result<File> {
    let file = File::options().create(true).append(true).open(path)?;
    file.lock()?;
    Ok(file)
}

/// Locks data for one server. The lock stands beside the folder, since `initdb` wants it empty.
pub(super) async fn lock_data(data: &Path) -> Result<File, ServerError> {
    let path = data.with_added_extension("lock");
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .at("open", &path)?;
    let locked = until(HANDOVER, async || file.try_lock().ok()).await;
    locked.ok_or_else(|| ServerError::InUse {
        data: data.to_owned(),
    })?;
    Ok(file)
}

/// What cannot be removed is left: the next start tries again.
fn remove_abandoned(all: &Path) {
    let folders = fs::read_dir(all)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    for folder in folders.filter(|path| path.is_dir()) {
        let in_use = File::open(folder.join("log")).is_ok_and(|log| log.try_lock().is_err());
        if !in_use {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}
