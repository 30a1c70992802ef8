//! The table of topics and queries for people.

use super::examples::entity_kind;
use super::text::{duration, first_sentence, paragraph};
use crate::registry::{QUERIES, SERVICES, TOPICS};
use crate::spec::{By, EffectKind, Http, Query, Topic};

const INTRODUCTION: &str = "\
# Topics and queries

Generated from `subjects/src/registry.rs` by `tranche gen`. Every topic is also reachable by
internal callers as `POST /queue/<service>/<topic>`.

- *One at a time per*: no two operations on the same one are worked on at once.
- *Attempts*: how often a failed one is tried, and the span of the delays between.
- *Effect*: what it does to the outside.
- *Personal*: the payload holds personal data; it is sealed at rest and never shown.
";

const TOPIC_HEAD: [&str; 8] = [
    "Topic",
    "HTTP",
    "Caller",
    "One at a time per",
    "Attempts",
    "Effect",
    "Personal",
    "What it does",
];
const QUERY_HEAD: [&str; 5] = [
    "Query",
    "HTTP",
    "Caller",
    "Answered within",
    "What it answers",
];

/// One line for every topic and every query, as Markdown.
pub fn topics_markdown() -> String {
    let services = SERVICES.iter().map(|(service, doc)| {
        let topics = TOPICS.iter().filter(|topic| topic.service == *service);
        let queries = QUERIES.iter().filter(|query| query.service == *service);
        [
            format!("\n## {service}\n\n{}\n", paragraph(doc)),
            table(&TOPIC_HEAD, topics.map(|topic| topic_line(topic))),
            table(&QUERY_HEAD, queries.map(|query| query_line(query))),
        ]
    });
    std::iter::once(INTRODUCTION.to_owned())
        .chain(services.flatten())
        .collect()
}

/// Nothing, where there are no lines.
fn table(head: &[&str], lines: impl Iterator<Item = String>) -> String {
    let lines: String = lines.collect();
    if lines.is_empty() {
        return lines;
    }
    let rule = row(&vec!["---"; head.len()]);
    format!(
        "
{}{rule}{lines}",
        row(head)
    )
}

fn topic_line(topic: &Topic) -> String {
    let effect = match topic.effect {
        EffectKind::None => "–",
        EffectKind::Partner | EffectKind::Money => topic.effect.as_str(),
    };
    let retry = &topic.retry;
    let attempts = format!(
        "{}, {} to {}",
        retry.attempts,
        duration(retry.first),
        duration(retry.cap)
    );
    row(&[
        &format!("`{}`", topic.path()),
        &bindings(topic.http),
        &callers(topic.http, "internal"),
        entity_kind(topic).as_deref().unwrap_or("–"),
        &attempts,
        effect,
        if topic.pii { "yes" } else { "–" },
        &first_sentence(topic.doc),
    ])
}

fn query_line(query: &Query) -> String {
    row(&[
        &format!("`{}/{}`", query.service, query.name),
        &bindings(query.http),
        &callers(query.http, "the ingress"),
        &duration(query.timeout),
        &first_sentence(query.doc),
    ])
}

fn row(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

fn bindings(http: &[Http]) -> String {
    let lines: Vec<String> = http
        .iter()
        .map(|http| format!("`{} {}`", http.method.as_str(), http.path))
        .collect();
    if lines.is_empty() {
        "–".to_owned()
    } else {
        lines.join("<br>")
    }
}

fn callers(http: &[Http], otherwise: &str) -> String {
    let mut callers: Vec<&str> = http.iter().map(|http| caller(http.by)).collect();
    callers.dedup();
    if callers.is_empty() {
        otherwise.to_owned()
    } else {
        callers.join(", ")
    }
}

fn caller(by: By) -> &'static str {
    match by {
        By::User => "user",
        By::Internal => "internal",
        By::Dwolla => "Dwolla",
        By::Plaid => "Plaid",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_and_query_has_one_line() {
        let page = topics_markdown();
        let lines = |path: String| page.matches(&format!("| `{path}` |")).count();
        for topic in TOPICS {
            assert_eq!(lines(topic.path()), 1, "{}", topic.path());
        }
        for query in QUERIES {
            assert_eq!(
                lines(format!("{}/{}", query.service, query.name)),
                1,
                "{}",
                query.name
            );
        }
    }
}
