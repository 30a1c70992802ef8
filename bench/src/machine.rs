//! What processes use of the machine, by the kernel's own accounting.

use crate::report;
use crate::surroundings::Surroundings;
use std::fs;

/// One line about the machine.
pub(crate) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown").to_owned();
    format!("cores {cores}, load at the start {load}")
}

/// Seconds of CPU that a process and its children have used. This process's children are the other
/// processes that are measured, so they do not count for it.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    let own = stat_seconds(pid);
    if pid == std::process::id() {
        return own;
    }
    children(pid)
        .into_iter()
        .fold(own, |sum, child| sum + cpu_seconds(child))
}

fn stat_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after.split_whitespace().collect();
    // utime and stime, in hundredths of a second.
    let ticks = [11, 12]
        .iter()
        .filter_map(|i| fields.get(*i)?.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

fn children(pid: u32) -> Vec<u32> {
    let listed = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    listed
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|p| p.parse().ok())
        .collect()
}

/// Megabytes that a process holds in memory.
pub(crate) fn resident_mb(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap_or_default();
    let kilobytes = line
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1024.0
}

/// The memory of each process.
pub(crate) async fn memory(surroundings: &Surroundings) {
    report::title("memory now");
    for (name, pid) in surroundings.processes().await {
        report::line(&format!("  {name:<58} {:>9.1} MB", resident_mb(pid)));
    }
}
