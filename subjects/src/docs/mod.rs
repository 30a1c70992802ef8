//! Documents generated from the registry, committed beside it in `generated/`.
//!
//! They are committed so that a change of the contract shows in a review, and generated so that
//! they can not say anything else than the table does: a test compares the two. Responsible for
//! what other teams read; not responsible for what the ingress and the workers do with a row.

mod asyncapi;
mod components;
mod examples;
mod openapi;
mod text;
mod topics;

use crate::topology::{Settings, Stream, streams};
pub use asyncapi::asyncapi;
pub use openapi::openapi;
use serde_json::{Value, json};
use std::path::Path;
pub use topics::topics_markdown;

/// Every document: `(file name, content)`.
pub fn all() -> Vec<(&'static str, String)> {
    vec![
        ("openapi.json", pretty(&openapi())),
        ("asyncapi.json", pretty(&asyncapi())),
        ("jetstream.json", pretty(&jetstream())),
        ("topics.md", topics_markdown()),
    ]
}

/// Writes every document into a folder, which must exist.
///
/// # Errors
/// What the file system says, for the first document that could not be written.
pub fn write_all(folder: &Path) -> std::io::Result<()> {
    all()
        .into_iter()
        .try_for_each(|(name, content)| std::fs::write(folder.join(name), content))
}

/// The streams and consumers of a production cluster, each in the form that
/// `nats stream add --config` and `nats consumer add --config` read.
pub fn jetstream() -> Value {
    let entry = |stream: Stream| {
        let consumers = stream.consumers.into_iter().map(|consumer| consumer.config);
        json!({ "config": stream.config, "consumers": consumers.collect::<Vec<_>>() })
    };
    json!({ "streams": streams(&Settings::PRODUCTION).into_iter().map(entry).collect::<Vec<_>>() })
}

fn pretty(document: &Value) -> String {
    format!("{document:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_documents_are_those_of_the_registry() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("generated");
        for (name, content) in all() {
            let committed = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
            let line = committed
                .lines()
                .zip(content.lines())
                .position(|(a, b)| a != b);
            assert!(
                committed == content,
                "subjects/generated/{name} is not what the registry gives (line {:?} is the first \
                 that differs): run `cargo run -- gen`, and commit what it changes",
                line.map(|line| line + 1)
            );
        }
    }

    #[test]
    fn writing_all_documents_gives_the_same_files_again() {
        let folder = std::env::temp_dir().join(format!("tranche-docs-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir_all(&folder).unwrap();
        write_all(&folder).unwrap();
        for (name, content) in all() {
            assert_eq!(std::fs::read_to_string(folder.join(name)).unwrap(), content);
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
