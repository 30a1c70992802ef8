//! What the demo prints: acts, aligned lines, and the table at the end.

use super::checks::Check;
use crate::cli::say;
use serde_json::Value;
use std::io::IsTerminal as _;
use std::time::Instant;

/// The longest JSON body that is shown in full.
const BODY: usize = 120;
/// The longest word inside a body that is shown in full: a token, an id.
const WORD: usize = 36;

/// The timeline: time since its start, what kind of thing, and what.
pub(super) struct Timeline {
    started: Instant,
    colours: bool,
    acts: usize,
    act: String,
}

impl Timeline {
    /// Starts the clock. Colours only for people: at a terminal, and without `NO_COLOR`.
    pub(super) fn start() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            started: Instant::now(),
            colours: std::io::stdout().is_terminal() && !refused,
            acts: 0,
            act: "the start".to_owned(),
        }
    }

    /// The act that is played.
    pub(super) fn act(&self) -> &str {
        &self.act
    }

    /// What the words in the second column mean.
    pub(super) fn legend() {
        say("\nHow to read it:");
        for (word, meaning) in [
            (
                "request",
                "what leaves the front end, and the ingress' answer",
            ),
            (
                "message",
                "a message's subject, the operation that it became, its state and attempts",
            ),
            (
                "journal",
                "the operation's steps (our rows) and effects (the partner), each once",
            ),
            ("partner", "calls that reached the partners' sandbox"),
            ("ledger", "what really changed at the partners"),
            (
                "webhook",
                "a partner's event: verified, queued, worked on like any other message",
            ),
            ("row", "rows in PostgreSQL"),
            ("event", "what was published after the commit"),
        ] {
            say(&format!("  {word:<9}  {meaning}"));
        }
    }

    /// Begins an act.
    pub(super) fn begin(&mut self, title: &str, what: &str) {
        self.acts += 1;
        title.clone_into(&mut self.act);
        let head = self.coloured("1", &format!("{}. {title}", self.acts));
        say(&format!("\n{head}: {what}"));
    }

    /// Something that happens now.
    pub(super) fn line(&self, what: &str, text: &str) {
        let seconds = self.started.elapsed().as_millis();
        let (whole, rest) = (seconds / 1000, seconds % 1000 / 10);
        self.print(&format!("{whole:>4}.{rest:02} s"), what, text);
    }

    /// Something that was found: no time of its own.
    pub(super) fn note(&self, what: &str, text: &str) {
        self.print("", what, text);
    }

    fn print(&self, time: &str, what: &str, text: &str) {
        let label = self.coloured("2", &format!("{time:>9}  {what:<9}"));
        say(&format!("{label}  {text}"));
    }

    /// The output of another program.
    pub(super) fn quote(&self, text: &str) {
        for line in text.lines() {
            self.note("", &format!("| {line}"));
        }
    }

    /// The claims, each with its verdict; what was expected and found where it fails.
    pub(super) fn table(&self, checks: &[Check]) {
        let width = checks.iter().map(|check| check.claim.chars().count());
        let width = width.max().unwrap_or(0);
        for check in checks {
            let claim = format!("{:<width$}", check.claim);
            if check.passes() {
                let verdict = self.coloured("32", "pass");
                say(&format!("  {verdict}  {claim}  {}", check.found));
            } else {
                let verdict = self.coloured("31", "FAIL");
                say(&format!("  {verdict}  {claim}"));
                say(&format!("        expected  {}", check.expected));
                say(&format!("        found     {}", check.found));
            }
        }
        let failed = checks.iter().filter(|check| !check.passes()).count();
        let seconds = self.started.elapsed().as_secs();
        let last = match failed {
            0 => format!("All {} claims hold, after {seconds} s.", checks.len()),
            _ => format!("{failed} of {} claims do not hold.", checks.len()),
        };
        say(&format!(
            "\n{} Everything is stopped.",
            self.coloured("1", &last)
        ));
    }

    fn coloured(&self, code: &str, text: &str) -> String {
        if self.colours {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// A body in one line: secrets hidden, long texts cut.
pub(super) fn brief(body: &Value) -> String {
    let text = shortened(body).to_string();
    cut(&text, BODY)
}

fn shortened(value: &Value) -> Value {
    match value {
        Value::String(text) if !text.contains(' ') => Value::String(cut(text, WORD)),
        Value::Array(items) => items.iter().map(shortened).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| match name.as_str() {
                "ssn" => (name.clone(), Value::from("hidden")),
                _ => (name.clone(), shortened(field)),
            })
            .collect(),
        other => other.clone(),
    }
}

/// The start of a text that is too long.
pub(super) fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let start: String = text.chars().take(longest.saturating_sub(1)).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_body_is_shown_in_one_short_line_and_without_its_secrets() {
        let long = "x".repeat(500);
        let shown = brief(&json!({ "person": { "ssn": "123456789" }, "token": long }));
        assert!(
            shown.contains(r#""ssn":"hidden""#) && !shown.contains("123456789"),
            "{shown}"
        );
        assert!(
            shown.chars().count() <= BODY && shown.contains('…'),
            "{shown}"
        );
    }

    #[test]
    fn a_short_text_is_left_as_it_is() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
    }
}
