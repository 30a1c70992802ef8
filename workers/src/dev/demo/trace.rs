//! What the system did during an act: messages and their operations, partners, rows, events.

use super::rows::{self, OperationRow};
use super::stage::Stage;
use super::timeline::Timeline;
use crate::cli::Failure;
use chrono::{DateTime, Utc};
use sandbox::{Call, CallQuery, Effect, LedgerQuery, Partner};
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A point in the story: everything after it is what an act did.
pub(super) struct Mark {
    at: DateTime<Utc>,
    calls: usize,
    effects: u64,
}

impl Mark {
    /// Now.
    pub(super) async fn here(stage: &Stage) -> Result<Self, Failure> {
        let partners = stage.partners();
        let effects = partners.ledger(&LedgerQuery::default());
        Ok(Self {
            at: rows::now(&stage.db).await?,
            calls: partners.calls(&CallQuery::default()).len(),
            effects: effects.last().map_or(0, |effect| effect.seq),
        })
    }

    /// Shows what was done since then, with these rows.
    pub(super) async fn show(
        &self,
        stage: &Stage,
        timeline: &Timeline,
        rows: &[String],
    ) -> Result<(), Failure> {
        let operations = rows::operations(&stage.db, self.at).await?;
        for operation in operations.iter().filter(|one| one.event_type.is_none()) {
            timeline.note("message", &message(operation));
            if !operation.journal.is_empty() {
                timeline.note("journal", &journal(operation));
            }
        }
        self.show_partners(stage, timeline);
        for operation in &operations {
            if let Some(event) = &operation.event_type {
                timeline.note("webhook", &format!("{event:<48}  {}", standing(operation)));
            }
        }
        for row in rows {
            timeline.note("row", row);
        }
        for (subject, outcomes) in grouped(rows::events(&stage.db, self.at).await?) {
            timeline.note("event", &format!("{subject}.{}", outcomes.join(", .")));
        }
        Ok(())
    }

    /// Shows the calls that reached the partners since then, and what they changed.
    pub(super) fn show_partners(&self, stage: &Stage, timeline: &Timeline) {
        let partners = stage.partners();
        let calls = partners.calls(&CallQuery::default());
        let reads = |call: &&Call| call.partner == Partner::Dwolla && call.method == "GET";
        let calls: Vec<&Call> = calls
            .iter()
            .skip(self.calls)
            .filter(|call| call.partner != Partner::Kratos && call.path != "/token")
            // What the story itself asks of the sandbox.
            .filter(|call| !call.path.contains("sandbox"))
            .collect();
        for call in calls.iter().filter(|call| !reads(call)) {
            let status = call
                .status
                .map_or("no answer".to_owned(), |status| status.to_string());
            let partner = name(call.partner);
            timeline.note(
                "partner",
                &format!("{partner} {} {}  {status}", call.method, short(&call.path)),
            );
        }
        let looks = calls.iter().filter(|call| reads(call));
        for look in looks.clone().filter_map(|call| call.query.as_deref()) {
            if let Some((_, reference)) = look.split_once("correlationId=") {
                let reference = short(reference.split('&').next().unwrap_or(reference));
                timeline.note(
                    "partner",
                    &format!("dwolla GET …/transfers?correlationId={reference}  a look for it"),
                );
            }
        }
        let reads = looks.count();
        if reads > 0 {
            timeline.note("partner", &format!("dwolla GET …  {reads} reads"));
        }
        let after = LedgerQuery {
            after: Some(self.effects),
            ..LedgerQuery::default()
        };
        let real = |effect: &&Effect| effect.partner != Partner::Kratos;
        for effect in partners.ledger(&after).iter().filter(real) {
            timeline.note("ledger", &entry(effect));
        }
    }
}

fn message(operation: &OperationRow) -> String {
    let subject = format!("queue.{}.{}", operation.service, operation.topic);
    format!("{subject:<48}  {}", standing(operation))
}

fn standing(operation: &OperationRow) -> String {
    let (id, state, attempt) = (last(operation.id), &operation.state, operation.attempt);
    format!("operation {id}  {state}, attempt {attempt}")
}

fn journal(operation: &OperationRow) -> String {
    let entries = operation.journal.iter();
    let entries = entries.map(|(name, kind, state)| format!("{kind} {name}: {state}"));
    entries.collect::<Vec<_>>().join(" · ")
}

fn entry(effect: &Effect) -> String {
    let head = format!("{} #{} {}", name(effect.partner), effect.seq, effect.kind);
    let reference = effect.correlation_id.as_deref();
    let parts = [
        effect.amount.map(|amount| format!("{amount:.2}")),
        effect.status.map(str::to_owned),
        reference.map(|reference| format!("for {}", short(reference))),
    ];
    let parts: Vec<String> = [Some(head)].into_iter().chain(parts).flatten().collect();
    parts.join("  ")
}

fn name(partner: Partner) -> String {
    json!(partner).as_str().unwrap_or_default().to_owned()
}

/// The last eight digits of an id: the first ones are a time in many.
pub(super) fn last(id: Uuid) -> String {
    format!("…{}", &id.simple().to_string()[24..])
}

/// A path or a reference with its ids shortened to their last digits.
fn short(text: &str) -> String {
    let parts: Vec<String> = text.split('/').map(short_part).collect();
    parts.join("/")
}

fn short_part(part: &str) -> String {
    let at = part.len().saturating_sub(36);
    let id = part.get(at..).and_then(|id| Uuid::try_parse(id).ok());
    match (part.get(..at), id) {
        (Some(before), Some(id)) => format!("{before}{}", last(id)),
        _ => part.to_owned(),
    }
}

/// Subjects without their outcome, each with its outcomes in order.
fn grouped(subjects: Vec<String>) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for subject in subjects {
        if let Some((topic, outcome)) = subject.rsplit_once('.') {
            all.entry(topic.to_owned())
                .or_default()
                .push(outcome.to_owned());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_paths_and_references_are_shortened() {
        let id = Uuid::from_u128(0x4fb0_d0c1);
        assert_eq!(
            short(&format!("/customers/{id}/transfers")),
            "/customers/…4fb0d0c1/transfers"
        );
        assert_eq!(short(&format!("txn-{id}")), "txn-…4fb0d0c1");
        assert_eq!(short("/transfers"), "/transfers");
    }
}
