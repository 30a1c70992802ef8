//! `POST /customers/{id}/funding-sources`: by account numbers, by a Plaid processor token, or by an exchange.

use std::sync::Arc;

use axum::extract::{Extension, Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::TimeDelta;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::customer;
use super::super::error::{Flaw, Refusal};
use super::super::event::{self, Subject};
use super::super::exchange;
use super::super::gate::RequestKey;
use super::super::state::{Owner, State};
use super::super::{Dwolla, hal};
use super::{Bank, Kind, Source, fingerprint};
use crate::http::Whole;
use crate::ledger::{Effect, Partner, Ref};
use crate::plaid::Linked;

/// An unverified bank that is added again within two days of its creation comes back under its own id.
const COMES_BACK: TimeDelta = TimeDelta::hours(48);

/// A bank account as the request describes it.
struct Wanted {
    name: String,
    account_type: String,
    institution: String,
    fingerprint: String,
    verified: bool,
}

/// The handler.
pub(crate) async fn create(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
    Extension(RequestKey(key)): Extension<RequestKey>,
    Extension(Whole(body)): Extension<Whole>,
) -> Result<Response, Refusal> {
    let not_found = "Customer ID not found. Check Customer ID.";
    let id = hal::path_id(&id, not_found)?;
    let body = hal::object(&body)?;
    dwolla.with(|state| {
        let customer = state
            .customers
            .get(id)
            .ok_or_else(|| Refusal::not_found(not_found))?;
        if !customer.status.may_add_bank() {
            return Err(Refusal::wrong_state("Resource cannot be modified."));
        }
        let wanted = wanted(state, id, &body)?;
        let source = match twin(state, id, &wanted) {
            Some((twin, false)) => return Err(duplicate(state, twin)),
            Some((twin, true)) => revive(state, twin),
            None => add(state, id, wanted, key),
        };
        Ok(hal::created(&state.location("funding-sources", source)))
    })
}

fn duplicate(state: &State, twin: Uuid) -> Refusal {
    let message = format!("Bank already exists: id={}", state.spell(twin));
    Refusal::duplicate(&message, &state.location("funding-sources", twin))
}

/// The customer's source for the same account, and whether it is one that may come back.
fn twin(state: &State, customer: Uuid, wanted: &Wanted) -> Option<(Uuid, bool)> {
    let sources = &state.customers.get(customer)?.sources;
    let same = |source: &&Source| {
        source
            .bank()
            .is_some_and(|bank| bank.fingerprint == wanted.fingerprint)
    };
    let mut twins = sources
        .iter()
        .filter_map(|id| state.sources.get(*id))
        .filter(same);
    let live = twins
        .clone()
        .find(|source| !source.removed)
        .map(|source| (source.id, false));
    live.or_else(|| {
        twins
            .find(|source| {
                !source.is_verified()
                    && !wanted.verified
                    && state.now() - source.created < COMES_BACK
            })
            .map(|source| (source.id, true))
    })
}

fn revive(state: &mut State, id: Uuid) -> Uuid {
    if let Some(source) = state.sources.get_mut(id) {
        source.removed = false;
        let owner = source.owner;
        state.record(Effect::new(Partner::Dwolla, "funding_source.restored", id));
        event::emit(
            state,
            "customer_funding_source_added",
            Subject::source(id),
            owner,
            None,
        );
    }
    id
}

fn add(state: &mut State, customer: Uuid, wanted: Wanted, key: Option<Arc<str>>) -> Uuid {
    let (id, owner, verified) = (Uuid::new_v4(), Owner::Customer(customer), wanted.verified);
    let effect = Effect {
        owner: Some(customer.into()),
        status: Some(if verified { "verified" } else { "unverified" }),
        source: Some(Ref::from(wanted.fingerprint.as_str())),
        idempotency_key: key,
        ..Effect::new(Partner::Dwolla, "funding_source.created", id)
    };
    state.sources.insert(Source {
        id,
        owner,
        name: wanted.name,
        kind: Kind::Bank(Bank {
            account_type: wanted.account_type,
            institution: wanted.institution,
            fingerprint: wanted.fingerprint,
            verified,
        }),
        created: state.now(),
        removed: false,
    });
    customer::attach_source(state, customer, id);
    state.record(effect);
    event::emit(
        state,
        "customer_funding_source_added",
        Subject::source(id),
        owner,
        None,
    );
    if verified {
        event::emit(
            state,
            "customer_funding_source_verified",
            Subject::source(id),
            owner,
            None,
        );
    }
    id
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

fn wanted(state: &State, customer: Uuid, body: &Map<String, Value>) -> Result<Wanted, Refusal> {
    let mut flaws = Vec::new();
    let name = text(body, "name").unwrap_or_default();
    match name.chars().count() {
        0 => flaws.push(Flaw::new("Required", "Name required.", "/name")),
        1..=50 => {}
        _ => flaws.push(Flaw::new(
            "InvalidFormat",
            "Name must be 50 or fewer characters.",
            "/name",
        )),
    }
    let account_type = text(body, "bankAccountType");
    let by_exchange = hal::linked(body, "exchange");
    let by_token = text(body, "plaidToken");
    let linked = if by_exchange.is_some() || by_token.is_some() {
        if account_type.is_some_and(|kind| !matches!(kind, "checking" | "savings")) {
            flaws.push(bad_type());
        }
        refuse(&flaws)?;
        Some(match (by_exchange, by_token) {
            (Some(href), _) => exchange::resolve(state, customer, href)?,
            (None, token) => by_processor_token(state, token.unwrap_or_default())?,
        })
    } else {
        None
    };
    if let Some(linked) = linked {
        return Ok(Wanted {
            name: name.to_owned(),
            account_type: account_type.unwrap_or(linked.subtype).to_owned(),
            institution: "SANDBOX TEST BANK".to_owned(),
            fingerprint: fingerprint(&linked.routing, &linked.account),
            verified: true,
        });
    }
    let (routing, account) = numbers(body, &mut flaws);
    if !account_type
        .is_some_and(|kind| matches!(kind, "checking" | "savings" | "general-ledger" | "loan"))
    {
        flaws.push(bad_type());
    }
    refuse(&flaws)?;
    Ok(Wanted {
        name: name.to_owned(),
        account_type: account_type.unwrap_or_default().to_owned(),
        institution: "SANDBOX TEST BANK".to_owned(),
        fingerprint: fingerprint(routing, account),
        verified: false,
    })
}

fn bad_type() -> Flaw {
    Flaw::new("Invalid", "Invalid bank account type.", "/bankAccountType")
}

fn refuse(flaws: &[Flaw]) -> Result<(), Refusal> {
    if flaws.is_empty() {
        Ok(())
    } else {
        Err(Refusal::validation(flaws))
    }
}

fn by_processor_token(state: &State, token: &str) -> Result<Linked, Refusal> {
    match state.plaid.resolve(token) {
        crate::plaid::Resolved::Account(linked) => Ok(linked),
        crate::plaid::Resolved::Removed => Err(exchange::dead_token(StatusCode::BAD_REQUEST)),
        crate::plaid::Resolved::Unknown => Err(Refusal::flaw(
            "Invalid",
            "Plaid token invalid.",
            "/plaidToken",
        )),
    }
}

fn numbers<'a>(body: &'a Map<String, Value>, flaws: &mut Vec<Flaw>) -> (&'a str, &'a str) {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let routing = text(body, "routingNumber").unwrap_or_default();
    let account = text(body, "accountNumber").unwrap_or_default();
    if routing.is_empty() {
        flaws.push(Flaw::new(
            "Required",
            "RoutingNumber required.",
            "/routingNumber",
        ));
    } else if routing.len() != 9 || !digits(routing) {
        let message = "Routing number must be exactly 9 characters.";
        flaws.push(Flaw::new("InvalidFormat", message, "/routingNumber"));
    } else if !is_routing_number(routing.as_bytes()) {
        flaws.push(Flaw::new(
            "Invalid",
            "Routing number invalid.",
            "/routingNumber",
        ));
    }
    if account.is_empty() {
        flaws.push(Flaw::new(
            "Required",
            "AccountNumber required.",
            "/accountNumber",
        ));
    } else if !(4..=17).contains(&account.len()) || !digits(account) {
        let message = "Account number must be between 4 and 17 digits.";
        flaws.push(Flaw::new("InvalidFormat", message, "/accountNumber"));
    }
    (routing, account)
}

/// The ABA checksum and the prefixes that Dwolla takes.
fn is_routing_number(digits: &[u8]) -> bool {
    let value = |place: usize| u32::from(digits[place] - b'0');
    let sum: u32 = (0..9)
        .map(|place| value(place) * [3, 7, 1][place % 3])
        .sum();
    let prefix = value(0) * 10 + value(1);
    sum.is_multiple_of(10) && (matches!(prefix, 1..=12 | 21..=32))
}

#[cfg(test)]
mod tests {
    use super::is_routing_number;

    #[test]
    fn the_documented_test_routing_number_passes_and_a_changed_digit_fails() {
        assert!(is_routing_number(b"222222226"));
        assert!(!is_routing_number(b"222222227"));
        assert!(is_routing_number(b"011401533"));
    }
}
