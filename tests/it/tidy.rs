//! The house rules that a program can check.

use std::fs;
use std::path::{Path, PathBuf};
use subjects::registry::TOPICS;

/// The longest function, in lines.
const LONGEST_FUNCTION: usize = 72;
/// The longest file, in lines.
const LONGEST_FILE: usize = 450;
/// Functions that are longer, with their length: it may only shrink.
const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[(
    "sandbox/tests/protocol/calls.rs",
    "switches_weather_clock_and_statuses_are_set_over_http",
    80,
)];
/// Files that are longer: the one table, and what may only shrink, with its length.
const LONG_FILES: &[(&str, usize)] = &[
    ("subjects/src/registry.rs", usize::MAX),
    ("subjects/src/wallet.rs", 459),
];
/// The packages with code that runs in production or beside it.
const PACKAGES: &[&str] = &["src", "subjects", "workers", "sandbox"];

struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The lines with their numbers, comments left out.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self
            .text
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn is_in(&self, folder: &str) -> bool {
        Path::new(&self.path).starts_with(folder)
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust file of these folders.
fn sources(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        collect(&root(), Path::new(folder), &mut found);
    }
    assert!(!found.is_empty(), "expected Rust files in {folders:?}");
    found
}

fn all() -> Vec<Source> {
    sources(&["src", "subjects", "workers", "sandbox", "tests", "bench"])
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    let mut entries: Vec<_> = fs::read_dir(root.join(folder)).unwrap().collect();
    entries.sort_by_key(|entry| entry.as_ref().unwrap().file_name());
    for entry in entries {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(entry.path()).unwrap();
            found.push(Source {
                path: path.to_str().unwrap().to_owned(),
                text,
            });
        }
    }
}

/// Fails with everything that is wrong at once.
fn none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

/// Where code outside these files has one of these texts.
fn mentions(sources: &[Source], texts: &[&str], except: &[&str]) -> Vec<String> {
    let mut offences = Vec::new();
    for source in sources
        .iter()
        .filter(|s| !except.iter().any(|e| s.is_in(e)))
    {
        for (at, line) in source.code() {
            for text in texts.iter().filter(|text| line.contains(**text)) {
                offences.push(format!("{}:{at} has {text}", source.path));
            }
        }
    }
    offences
}

/// `(name, lines)` of every function with a body, as rustfmt writes them: the end has the indent of
/// the beginning.
fn functions(text: &str) -> Vec<(&str, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        let Some(name) = function_name(rest) else {
            continue;
        };
        let end = format!("{indent}}}");
        let body = lines[start..].iter().enumerate();
        for (length, line) in body {
            if line.trim_end().ends_with(';')
                && lines[start..=start + length]
                    .iter()
                    .all(|l| !l.ends_with('{'))
            {
                break;
            }
            if **line == *end {
                found.push((name, length + 1));
                break;
            }
        }
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let known = [
        "pub",
        "pub(crate)",
        "pub(super)",
        "async",
        "const",
        "extern",
        "\"C\"",
    ];
    let only_qualifiers = before
        .split_whitespace()
        .all(|word| known.contains(&word) || word.starts_with("pub(in"));
    let name = after.split(['(', '<']).next()?;
    (only_qualifiers && !name.is_empty()).then_some(name)
}

#[test]
fn functions_fit_on_a_screen() {
    let mut offences = Vec::new();
    for source in sources(PACKAGES) {
        for (name, lines) in functions(&source.text) {
            let known = LONG_FUNCTIONS
                .iter()
                .find(|(path, n, _)| *path == source.path && *n == name);
            let longest = known.map_or(LONGEST_FUNCTION, |(_, _, longest)| *longest);
            if lines > longest {
                offences.push(format!("{}: {name} has {lines} lines", source.path));
            }
        }
    }
    none(
        &format!("expected functions of at most {LONGEST_FUNCTION} lines"),
        &offences,
    );
}

#[test]
fn the_measure_of_functions_sees_bodies_and_skips_declarations() {
    let text = "trait T {\n    fn declared(&self);\n}\npub(crate) async fn long(\n    a: u8,\n) {\n    a;\n}\n";
    assert_eq!(functions(text), [("long", 5)]);
    assert_eq!(
        functions("impl A {\n    fn short() {\n        b();\n    }\n}\n"),
        [("short", 3)]
    );
}

#[test]
fn files_are_about_one_thing() {
    let mut offences = Vec::new();
    for source in all() {
        let known = LONG_FILES.iter().find(|(path, _)| *path == source.path);
        let longest = known.map_or(LONGEST_FILE, |(_, longest)| *longest);
        let lines = source.text.lines().count();
        if lines > longest {
            offences.push(format!("{} has {lines} lines", source.path));
        }
    }
    let rule = format!("expected files of at most {LONGEST_FILE} lines: divide them");
    none(&rule, &offences);
}

#[test]
fn every_file_says_what_it_is_for() {
    let offences: Vec<String> = all()
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path.clone())
        .collect();
    none("expected a first line that begins with `//! `", &offences);
}

#[test]
fn nothing_is_left_unfinished_or_switched_off() {
    let texts = [
        "todo!(",
        "unimplemented!(",
        "#[ignore",
        "dbg!(",
        "FIXME",
        "TODO",
    ];
    let mut offences = mentions(&all(), &texts, &["tests/it/tidy.rs"]);
    for source in all()
        .iter()
        .filter(|source| !source.is_in("tests/it/tidy.rs"))
    {
        for word in ["FIXME", "TODO"] {
            let comments = source
                .text
                .lines()
                .filter(|line| line.trim_start().starts_with("//"));
            if comments.into_iter().any(|line| line.contains(word)) {
                offences.push(format!("{} has a comment with {word}", source.path));
            }
        }
    }
    none("expected finished code", &offences);
}

#[test]
fn the_sandbox_knows_nothing_of_its_clients() {
    let offences = mentions(
        &sources(&["sandbox"]),
        &["tranche::", "subjects::", "workers::"],
        &[],
    );
    none(
        "expected a sandbox that shares no type with the client under test",
        &offences,
    );
}

#[test]
fn one_file_knows_the_backoff_crate() {
    let offences = mentions(
        &all(),
        &["backoff::"],
        &["src/retry.rs", "tests/it/tidy.rs"],
    );
    none(
        "expected `backoff` in src/retry.rs alone: it is no longer maintained",
        &offences,
    );
}

#[test]
fn no_floating_point_is_near_money() {
    let near = ["src/domain", "src/store", "subjects/src/money.rs"];
    let mut offences = Vec::new();
    for source in all()
        .iter()
        .filter(|source| near.iter().any(|n| source.is_in(n)))
    {
        for (at, line) in source.code() {
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            if words.any(|word| word == "f64" || word == "f32") {
                offences.push(format!("{}:{at}", source.path));
            }
        }
    }
    none("expected no floating point where money is", &offences);
}

#[test]
fn sql_is_in_the_store() {
    // The demo's auditor reads rows from outside, as the tests and the benchmarks do.
    let except = ["src/store", "workers/src/dev/demo/rows.rs"];
    let ours = sources(&["src", "subjects", "workers"]);
    let offences = mentions(&ours, &["sqlx::query", "sqlx::raw_sql"], &except);
    none("expected SQL in src/store alone", &offences);
}

#[test]
fn only_the_bus_acknowledges() {
    let texts = [".ack(", ".double_ack(", ".ack_with(", "AckKind"];
    let offences = mentions(&sources(PACKAGES), &texts, &["src/bus"]);
    none("expected acknowledgements in src/bus alone", &offences);
}

#[test]
fn every_topic_has_a_test_of_its_own() {
    let mut missing = Vec::new();
    let services = fs::read_to_string(root().join("tests/it/main.rs")).unwrap();
    for topic in TOPICS {
        let folder = format!("tests/it/{}", topic.service);
        let file = format!("{folder}/{}.rs", topic.name);
        let modules = fs::read_to_string(root().join(&folder).join("mod.rs")).unwrap_or_default();
        if !root().join(&file).is_file() {
            missing.push(format!("{file} for {}", topic.path()));
        } else if !modules.contains(&format!("mod {};", topic.name)) {
            missing.push(format!("`mod {};` in {folder}/mod.rs", topic.name));
        }
        if !services.contains(&format!("mod {};", topic.service)) {
            missing.push(format!("`mod {};` in tests/it/main.rs", topic.service));
        }
    }
    missing.dedup();
    none("expected a test for every topic", &missing);
}

#[test]
fn the_architecture_page_is_one_page_and_names_files_that_exist() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert!(page.lines().count() <= 150, "expected at most 150 lines");
    let quoted = page.split('`').skip(1).step_by(2);
    let endings = [".rs", ".sql", ".toml", ".md", "/"];
    let files = quoted.filter(|text| endings.iter().any(|ending| text.ends_with(ending)));
    let homes = ["", "src", "src/store/sql"];
    let absent: Vec<String> = files
        .filter(|file| !file.starts_with('/') && !file.contains(' '))
        .filter(|file| {
            !homes
                .iter()
                .any(|home| root().join(home).join(file).exists())
        })
        .map(str::to_owned)
        .collect();
    none("expected files that exist", &absent);
}
