//! An event of Dwolla's one subscription, dispatched by its topic.
//!
//! An event is a hint: it says what changed, not to what. So the worker reads the resource from
//! Dwolla and brings our row to it, forward only. That makes duplicates, disorder and replays of old
//! bodies harmless. An event may also overtake our own commit; then it waits and is tried again.

use super::{customer, movement};
use crate::handler::{Ctx, Handler, read};
use serde::Deserialize;
use serde_json::json;
use subjects::envelope::Problem;
use subjects::ids::{DwollaCustomerId, DwollaFundingSourceId, DwollaTransferId};
use subjects::wallet::{DwollaEvent, FundingSourceStatus, WebhookHandled};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::store::change::Change;
use tranche::store::movements::{self, Report};
use tranche::store::wallets;

type Handled = Result<Completed<WebhookHandled>, Fault>;

#[derive(Deserialize)]
struct Body {
    topic: String,
    #[serde(rename = "resourceId")]
    resource: String,
}

/// What a topic is about.
#[derive(Debug, PartialEq, Eq)]
enum About {
    Transfer,
    Customer,
    FundingSource,
    /// Real, and nothing that we keep.
    Nothing,
    /// Something that a person must look at.
    Alarm,
    Unknown,
}

/// The table of topics. Each `customer_transfer_*` comes twice, once for each party.
fn about(topic: &str) -> About {
    let topic = topic.strip_prefix("customer_").unwrap_or(topic);
    match topic {
        "bank_transfer_created"
        | "bank_transfer_creation_failed"
        | "bank_transfer_completed"
        | "bank_transfer_failed"
        | "bank_transfer_cancelled"
        | "transfer_created"
        | "transfer_completed"
        | "transfer_failed"
        | "transfer_cancelled" => About::Transfer,
        "created"
        | "verified"
        | "reverification_needed"
        | "suspended"
        | "deactivated"
        | "activated"
        | "kba_verification_needed"
        | "kba_verification_passed"
        | "kba_verification_failed"
        | "verification_document_needed"
        | "verification_document_uploaded"
        | "verification_document_approved"
        | "verification_document_failed"
        | "verification_pending_review"
        | "address_verification_failed" => About::Customer,
        "funding_source_added"
        | "funding_source_verified"
        | "funding_source_unverified"
        | "funding_source_removed"
        | "funding_source_updated" => About::FundingSource,
        "funding_source_negative" => About::Alarm,
        "statement_created"
        | "account_suspended"
        | "account_activated"
        | "balance_inquiry_completed"
        | "microdeposits_added"
        | "microdeposits_completed"
        | "microdeposits_failed"
        | "microdeposits_maxattempts" => About::Nothing,
        _ if topic.starts_with("mass_payment_") || topic.starts_with("label_") => About::Nothing,
        _ => About::Unknown,
    }
}

impl Handler for DwollaEvent {
    async fn handle(self, ctx: &Ctx) -> Handled {
        let raw = self
            .0
            .raw()
            .map_err(|e| reject("malformed_event", &e.to_string()))?;
        let body: Body =
            serde_json::from_slice(&raw).map_err(|e| reject("malformed_event", &e.to_string()))?;
        match about(&body.topic) {
            About::Transfer => transfer(ctx, &DwollaTransferId::new(&body.resource)).await,
            About::Customer => wallet(ctx, &DwollaCustomerId::new(&body.resource)).await,
            About::FundingSource => bank(ctx, &DwollaFundingSourceId::new(&body.resource)).await,
            About::Nothing => ctx.finish(Change::nothing(&handled("nothing"))).await,
            About::Alarm => Err(reject(
                "negative_balance",
                "a balance at Dwolla is below zero",
            )),
            About::Unknown => Err(reject("unknown_event", &body.topic)),
        }
    }
}

async fn transfer(ctx: &Ctx, id: &DwollaTransferId) -> Handled {
    let services = ctx.services();
    let transfer = services.partners.dwolla.transfer(id).await?;
    let origin = movement::origin(transfer.correlation_id.as_deref());
    let row = read(movements::movement_of(&services.db, &transfer.id, origin).await)?;
    let row = row.ok_or_else(|| not_yet("no transaction of ours has this transfer"))?;
    let report = movement::report(&services.partners.dwolla, &row, &transfer).await?;
    let report = Report {
        answer: Some(json!(handled("transaction"))),
        ..report
    };
    ctx.finish(movements::post(&report).answering()).await
}

async fn wallet(ctx: &Ctx, id: &DwollaCustomerId) -> Handled {
    let services = ctx.services();
    let customer = services.partners.dwolla.customer(id).await?;
    let correlated = customer::correlated(customer.correlation_id.as_deref());
    let wallet = read(wallets::by_customer(&services.db, id, correlated).await)?;
    let wallet = wallet.ok_or_else(|| not_yet("no wallet of ours has this customer"))?;
    let seen = customer::seen(&services.partners.dwolla, &customer, false).await?;
    ctx.step("apply", wallets::apply(wallet, &seen)).await?;
    ctx.finish(Change::nothing(&handled("wallet"))).await
}

async fn bank(ctx: &Ctx, id: &DwollaFundingSourceId) -> Handled {
    let source = ctx.services().partners.dwolla.funding_source(id).await?;
    if source.is_balance {
        return ctx.finish(Change::nothing(&handled("nothing"))).await;
    }
    let status = match (source.removed, source.verified) {
        (true, _) => FundingSourceStatus::Removed,
        (false, true) => FundingSourceStatus::Verified,
        (false, false) => FundingSourceStatus::Unverified,
    };
    // One that is not stored yet is stored by `bank_process` with the state that it reads itself.
    let answer = handled("funding_source");
    ctx.finish(wallets::bank_status(id, status, None, &answer))
        .await
}

fn handled(applied: &str) -> WebhookHandled {
    WebhookHandled {
        applied: applied.to_owned(),
    }
}

fn reject(code: &str, what: &str) -> Fault {
    Fault::Reject(Problem::new(
        422,
        code,
        format!("no rule for this event of Dwolla: {what}"),
    ))
}

/// The event is ahead of our own commit, or about something that never was ours.
fn not_yet(what: &str) -> Fault {
    Fault::retry("resource_unknown", what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_topic_leads_to_its_resource_and_a_new_one_to_a_person() {
        assert_eq!(
            about("customer_bank_transfer_creation_failed"),
            About::Transfer
        );
        assert_eq!(about("customer_transfer_completed"), About::Transfer);
        assert_eq!(about("transfer_created"), About::Transfer);
        assert_eq!(
            about("customer_verification_document_needed"),
            About::Customer
        );
        assert_eq!(
            about("customer_funding_source_removed"),
            About::FundingSource
        );
        assert_eq!(about("customer_funding_source_negative"), About::Alarm);
        assert_eq!(about("customer_mass_payment_completed"), About::Nothing);
        assert_eq!(about("customer_teleported"), About::Unknown);
        assert_eq!(about("transfer:created"), About::Unknown);
    }
}
