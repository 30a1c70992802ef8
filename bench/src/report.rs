//! What the benchmark prints.

use std::time::Duration;

/// One line.
#[expect(clippy::print_stdout, reason = "this is the benchmark's output")]
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// A section's title.
pub(crate) fn title(text: &str) {
    line(&format!("\n{text}"));
}

/// A rate, and what it is of the limit.
pub(crate) fn rate(what: &str, count: usize, took: Duration, limit: f64) -> f64 {
    let rate = per_second(count, took);
    line(&format!(
        "  {what:<58} {rate:>9.0}/s   {:>5.2} of the limit",
        rate / limit
    ));
    rate
}

/// So many in that time, for one second.
pub(crate) fn per_second(count: usize, took: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / took.as_secs_f64()
}

/// The median and the 99th of a hundred, in milliseconds.
pub(crate) fn latency(what: &str, samples: &mut [Duration]) {
    samples.sort();
    let at = |share: usize| {
        let place = (samples.len() * share / 100).min(samples.len().saturating_sub(1));
        samples.get(place).map_or(0.0, |d| d.as_secs_f64() * 1000.0)
    };
    let (p50, p99) = (at(50), at(99));
    line(&format!(
        "  {what:<58} p50 {p50:>7.2} ms   p99 {p99:>7.2} ms"
    ));
}
