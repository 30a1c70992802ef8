//! The owner's side of the guardian: a small `sh` process that runs one server and outlives the owner just long enough to
//! stop it (`guardian.sh`).
//!
//! A child's life must not hang on the thread that started it (which rules out Linux's parent-death signal, besides macOS
//! having none), on destructors (which a SIGKILL skips) or on a runtime. A pipe has none of these faults: the system closes
//! it when the owner is gone. Only the guardian signals the server, because only the parent of a process knows that its pid
//! still means that process. Guardian and server form a process group of their own, so that Ctrl-C in a terminal reaches the
//! owner alone, which then decides what stops first.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::error::{AtPath, ServerError};
use super::run::RunFolder;
use super::wait::until;
use super::workspace::as_server;

const SCRIPT: &str = include_str!("guardian.sh");

/// How long a server may take to stop before it is killed.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the system may take to end a killed process.
const KILLED: Duration = Duration::from_secs(10);

/// Where the system makes a pipe and marks it as not inheritable in two steps (macOS), a guardian started in between would
/// hold another one's pipe open: one start at a time.
static STARTING: Mutex<()> = Mutex::new(());

/// One server under its guardian; dropped, it stops the server and waits until the run folder is gone.
#[derive(Debug)]
pub(super) struct Guardian {
    server: &'static str,
    stop_signal: &'static str,
    process: Child,
    pipe: Option<ChildStdin>,
    folder: RunFolder,
}

impl Guardian {
    /// Starts `command` (program and arguments); `data_lock` is held until the server has ended.
    pub(super) fn start(
        server: &'static str,
        stop_signal: &'static str,
        folder: RunFolder,
        data_lock: File,
        command: &[String],
    ) -> Result<Self, ServerError> {
        let tenths = PATIENCE.as_secs() * 10;
        let mut sh = Command::new("/bin/sh");
        sh.args([
            "-c",
            SCRIPT,
            "tranche-guardian",
            stop_signal,
            &tenths.to_string(),
        ])
        .arg(folder.path())
        .args(command)
        .stdin(Stdio::piped())
        .stdout(folder.log_handle()?)
        .stderr(data_lock)
        .process_group(0);
        let turn = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut process = as_server(&mut sh).spawn().at("run", Path::new("/bin/sh"))?;
        drop(turn);
        let pipe = process.stdin.take();
        Ok(Self {
            server,
            stop_signal,
            process,
            pipe,
            folder,
        })
    }

    /// The run folder.
    pub(super) fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// The server's process id, once it was started.
    pub(super) fn pid(&self) -> Option<u32> {
        self.read_number("pid")
    }

    /// Waits until `check`, given the server's process id, has an answer.
    pub(super) async fn until_ready<T>(
        &self,
        bound: Duration,
        mut check: impl AsyncFnMut(u32) -> Option<T>,
    ) -> Result<T, ServerError> {
        let answer = until(bound, async || match self.exit_status() {
            Some(status) => Some(Err(status)),
            None => check(self.pid()?).await.map(Ok),
        });
        match answer.await {
            Some(Ok(ready)) => Ok(ready),
            Some(Err(status)) => {
                let log = self.folder.log_end();
                Err(ServerError::Ended {
                    server: self.server,
                    status,
                    log,
                })
            }
            None => Err(self.timed_out("get ready", bound)),
        }
    }

    /// Asks the server to stop and waits; kills it if it does not.
    pub(super) async fn stop(&mut self) -> Result<(), ServerError> {
        self.send(self.stop_signal);
        if self.has_ended_within(PATIENCE).await {
            Ok(())
        } else {
            self.kill().await
        }
    }

    /// Ends the server with SIGKILL, as a crash would, and waits until it is gone.
    pub(super) async fn kill(&mut self) -> Result<(), ServerError> {
        self.send("KILL");
        if self.has_ended_within(KILLED).await {
            Ok(())
        } else {
            Err(self.timed_out("end after SIGKILL", KILLED))
        }
    }

    /// Starts the ended server again with the same command line.
    pub(super) fn start_again(&mut self) -> Result<(), ServerError> {
        for name in ["pid", "exit"] {
            let path = self.folder.path().join(name);
            fs::remove_file(&path).at("remove", &path)?;
        }
        self.send("start");
        Ok(())
    }

    /// A signal to a server that has ended already is no error, nor is a guardian that is gone: the waits tell.
    fn send(&mut self, verb: &str) {
        if self.exit_status().is_none()
            && let Some(pipe) = &mut self.pipe
        {
            let _ = pipe.write_all(format!("{verb}\n").as_bytes());
        }
    }

    fn exit_status(&self) -> Option<i32> {
        self.read_number("exit")
    }

    async fn has_ended_within(&self, bound: Duration) -> bool {
        until(bound, async || self.exit_status()).await.is_some()
    }

    fn read_number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        fs::read_to_string(self.folder.path().join(name))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    fn timed_out(&self, what: &'static str, bound: Duration) -> ServerError {
        ServerError::TimedOut {
            server: self.server,
            what,
            bound,
            log: self.folder.log_end(),
        }
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        drop(self.pipe.take());
        // The guardian's own patience bounds this.
        let _ = self.process.wait();
    }
}
