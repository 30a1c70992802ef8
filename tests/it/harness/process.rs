//! A worker as a process of its own, for the tests that kill one.

use std::process::Stdio;
use tokio::process::{Child, Command};
use workers::dev::stack::Stack;

use super::servers::checkout;

pub(crate) struct Worker {
    child: Child,
}

impl Worker {
    /// Starts a worker for these topics; it kills itself at the boundary `kill_at`, if one is named.
    #[expect(
        clippy::disallowed_methods,
        reason = "whoever looks for a fault says what is logged"
    )]
    pub(crate) fn start(stack: &Stack, topics: &str, kill_at: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tranche-under-test"));
        command
            .args(["worker", "--topics", topics, "--config"])
            .arg(checkout().join("config"))
            .envs(stack.variables())
            .env(
                "TRANCHE_LOG",
                std::env::var("TRANCHE_LOG").unwrap_or("error".into()),
            )
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if let Some(boundary) = kill_at {
            command.env("TRANCHE_KILL_AT", boundary);
        }
        Self {
            child: command.spawn().unwrap(),
        }
    }

    /// Waits until the process has died by its own SIGKILL.
    pub(crate) async fn died(&mut self) {
        use std::os::unix::process::ExitStatusExt as _;
        let bound = std::time::Duration::from_secs(30);
        let status = tokio::time::timeout(bound, self.child.wait()).await;
        let status = status
            .expect("the worker reaches its boundary and dies")
            .unwrap();
        assert_eq!(status.signal(), Some(9), "{status}");
    }

    /// Sends SIGTERM, and waits until the process has ended cleanly.
    pub(crate) async fn terminate(mut self) {
        let pid = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = self.child.wait().await.unwrap();
        assert!(status.success(), "{status}");
    }

    /// Waits until the process has given up; its exit status.
    pub(crate) async fn failed(mut self) -> i32 {
        let bound = std::time::Duration::from_secs(30);
        let status = tokio::time::timeout(bound, self.child.wait()).await;
        status.expect("the worker ends").unwrap().code().unwrap()
    }

    /// Waits until the process has ended cleanly, after a signal.
    pub(crate) async fn ended(mut self) {
        let bound = std::time::Duration::from_secs(30);
        let status = tokio::time::timeout(bound, self.child.wait()).await;
        let status = status.expect("the worker ends").unwrap();
        assert!(status.success(), "{status}");
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

/// Runs the fleet's program with these words, as an operator would; its exit status and output.
pub(crate) async fn operator_tool(fleet: &super::Fleet, words: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tranche-under-test"))
        .args(words)
        .arg("--config")
        .arg(checkout().join("config"))
        .envs(fleet.stack.variables())
        .env("TRANCHE_LOG", "error")
        .output();
    let output = output.await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), said)
}
