//! Other processes of this same program: workers, and an operator's commands.

use super::stage::BOUND;
use crate::cli::Failure;
use crate::dev::checkout::Checkout;
use crate::dev::stack::Stack;
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

/// How to start this program once more, with the configuration of this demo.
pub(super) struct Program {
    path: PathBuf,
    config: PathBuf,
    variables: Vec<(String, String)>,
}

impl Program {
    /// This program, pointed at a stack.
    pub(super) fn this(checkout: &Checkout, stack: &Stack) -> Result<Self, Failure> {
        Ok(Self {
            path: std::env::current_exe()?,
            config: checkout.config.clone(),
            variables: stack.variables(),
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command
            .arg("--config")
            .arg(&self.config)
            .args(["--env", "local"])
            .envs(self.variables.iter().cloned())
            .env_remove("TRANCHE_KILL_AT")
            // Ctrl-C is for this process; it decides what stops first.
            .process_group(0)
            .kill_on_drop(true);
        if std::env::var_os("TRANCHE_LOG").is_none() {
            command.env("TRANCHE_LOG", "error");
        }
        command
    }

    /// Runs an operator's command to its end and gives what it printed.
    pub(super) async fn run(&self, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::null());
        let output = timeout(BOUND, command.output()).await??;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(printed);
        }
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let (line, status) = (arguments.join(" "), output.status);
        Err(format!("expected `tranche {line}` to succeed, got {status}: {errors}").into())
    }

    /// Starts a worker for all topics. It kills itself at the boundary `kill_at`, if one is named.
    pub(super) fn worker(&self, kill_at: Option<&str>) -> Result<Worker, Failure> {
        let mut command = self.command();
        command
            .args(["worker", "--with-parent"])
            .stdin(Stdio::piped());
        if let Some(boundary) = kill_at {
            command.env("TRANCHE_KILL_AT", boundary);
        }
        let mut child = command.spawn()?;
        let pid = child
            .id()
            .ok_or("expected a process id of the worker, got none")?;
        let held = child.stdin.take();
        Ok(Worker { child, pid, held })
    }
}

/// A worker in a process of its own.
pub(super) struct Worker {
    child: Child,
    pid: u32,
    /// The worker stops when this is gone.
    held: Option<ChildStdin>,
}

impl Worker {
    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>, Failure> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until it has died by SIGKILL.
    pub(super) async fn died(&mut self) -> Result<(), Failure> {
        let status = timeout(BOUND, self.child.wait()).await;
        let status = status.map_err(|_| "expected the worker to reach its boundary and die")??;
        match status.signal() {
            Some(9) => Ok(()),
            _ => Err(format!("expected the worker to die of SIGKILL, got {status}").into()),
        }
    }

    /// Stops it: running work finishes first. One that does not is killed.
    pub(super) async fn stop(mut self) -> Result<ExitStatus, Failure> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let (Some(pid), None) = (pid, self.ended()?) {
            kill_process(pid, Signal::TERM)?;
        }
        drop(self.held.take());
        if let Ok(status) = timeout(BOUND, self.child.wait()).await {
            return Ok(status?);
        }
        self.child.kill().await?;
        let pid = self.pid;
        Err(format!("expected worker {pid} to stop within {BOUND:?}, killed it").into())
    }
}
