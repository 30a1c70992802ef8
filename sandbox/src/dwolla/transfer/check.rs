//! What a transfer request must satisfy, with Dwolla's embedded errors.

use std::str::FromStr;
use std::sync::Arc;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::customer::Status as CustomerStatus;
use super::super::error::{Flaw, Refusal};
use super::super::funding::Source;
use super::super::hal;
use super::super::state::{Owner, State};

const SOURCE: &str = "/_links/source/href";
const DESTINATION: &str = "/_links/destination/href";
const VALUE: &str = "/amount/value";

/// The request as far as it can be read.
#[derive(Deserialize)]
pub(super) struct Body {
    #[serde(rename = "_links", default)]
    links: Links,
    #[serde(default)]
    amount: Money,
    #[serde(rename = "correlationId")]
    correlation: Option<String>,
    metadata: Option<Value>,
    clearing: Option<Value>,
    fees: Option<Value>,
    #[serde(rename = "achDetails")]
    ach_details: Option<Value>,
    #[serde(rename = "processingChannel")]
    processing_channel: Option<Value>,
}

#[derive(Deserialize, Default)]
struct Links {
    source: Option<Href>,
    destination: Option<Href>,
}

#[derive(Deserialize)]
struct Href {
    href: String,
}

#[derive(Deserialize, Default)]
struct Money {
    value: Option<Value>,
    currency: Option<String>,
}

/// A transfer that may be made.
pub(super) struct Draft {
    pub(super) source: Uuid,
    pub(super) destination: Uuid,
    pub(super) sender: Owner,
    pub(super) receiver: Owner,
    /// Dollars, two decimals.
    pub(super) amount: Decimal,
    pub(super) correlation: Option<Arc<str>>,
    pub(super) metadata: Option<Box<Value>>,
}

/// Checks everything, and reports everything that is wrong at once.
pub(super) fn check(state: &State, body: Body) -> Result<Draft, Refusal> {
    let mut flaws = Vec::new();
    let amount = amount(&body.amount).map_err(|flaw| flaws.push(flaw)).ok();
    let source = source(state, &body.links)
        .map_err(|flaw| flaws.push(flaw))
        .ok();
    let target = destination(state, &body.links)
        .map_err(|flaw| flaws.push(flaw))
        .ok();
    if let (Some(source), Some(target)) = (source, target) {
        flaws.extend(same_owner(source, target));
    }
    if let (Some(source), Some(amount)) = (source, amount) {
        flaws.extend(too_much(state, source, amount));
    }
    flaws.extend(extras(&body));
    match (source, target, amount) {
        (Some(source), Some(target), Some(amount)) if flaws.is_empty() => Ok(Draft {
            source: source.id,
            destination: target.id,
            sender: source.owner,
            receiver: target.owner,
            amount,
            correlation: body.correlation.map(Arc::from),
            metadata: body.metadata.map(Box::new),
        }),
        _ => Err(Refusal::validation(&flaws)),
    }
}

/// A positive decimal string in dollars; more than two decimals are rounded half to even.
fn amount(money: &Money) -> Result<Decimal, Flaw> {
    let bad = || {
        Flaw::new(
            "InvalidFormat",
            "Invalid amount. The supplied amount must be a positive number.",
            VALUE,
        )
    };
    match money.currency.as_deref() {
        Some("USD") => {}
        None => {
            return Err(Flaw::new(
                "Required",
                "Currency required.",
                "/amount/currency",
            ));
        }
        Some(_) => {
            return Err(Flaw::new(
                "Invalid",
                "Currency invalid.",
                "/amount/currency",
            ));
        }
    }
    let text = match &money.value {
        None => return Err(Flaw::new("Required", "Value required.", VALUE)),
        Some(Value::String(text)) => text,
        Some(_) => return Err(bad()),
    };
    // `Decimal` also reads underscores, which no bank does.
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return Err(bad());
    }
    let exact = Decimal::from_str(text).map_err(|_| bad())?;
    let mut cents = exact.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven);
    cents.rescale(2);
    if cents > Decimal::ZERO {
        Ok(cents)
    } else {
        Err(bad())
    }
}

fn source<'a>(state: &'a State, links: &Links) -> Result<&'a Source, Flaw> {
    let href = &links
        .source
        .as_ref()
        .ok_or_else(|| Flaw::new("Required", "Source required.", SOURCE))?
        .href;
    let source = hal::id_in(href, "funding-sources")
        .and_then(|id| state.sources.get(id))
        .filter(|source| !source.removed)
        .ok_or_else(|| Flaw::new("Invalid", "Funding source not found.", SOURCE))?;
    if !source.is_verified() {
        return Err(Flaw::new("Invalid", "Invalid funding source.", SOURCE));
    }
    if let Owner::Customer(id) = source.owner
        && !state
            .customers
            .get(id)
            .is_some_and(super::super::customer::Customer::may_send)
    {
        return Err(Flaw::new("Restricted", "Sender restricted.", SOURCE));
    }
    Ok(source)
}

fn destination<'a>(state: &'a State, links: &Links) -> Result<&'a Source, Flaw> {
    let required = || Flaw::new("Required", "Destination required.", DESTINATION);
    let href = &links.destination.as_ref().ok_or_else(required)?.href;
    let target = hal::id_in(href, "funding-sources")
        .and_then(|id| state.sources.get(id))
        .ok_or_else(|| Flaw::new("Invalid", "Receiver not found.", DESTINATION))?;
    if target.removed {
        let message = "Destination funding source is either removed or does not exist.";
        return Err(Flaw::new("Invalid", message, DESTINATION));
    }
    if let Owner::Customer(id) = target.owner
        && !state
            .customers
            .get(id)
            .is_some_and(|customer| customer.status == CustomerStatus::Verified)
    {
        return Err(Flaw::new("Restricted", "Receiver restricted.", DESTINATION));
    }
    Ok(target)
}

/// Of one owner's sources only bank and balance pay each other.
fn same_owner(source: &Source, target: &Source) -> Option<Flaw> {
    let message = "Receiver cannot be the owner of the source funding source.";
    let alike = source.is_balance() == target.is_balance();
    (source.owner == target.owner && alike).then(|| Flaw::new("Invalid", message, DESTINATION))
}

fn too_much(state: &State, source: &Source, amount: Decimal) -> Option<Flaw> {
    let limited = matches!(source.owner, Owner::Customer(_));
    if limited && amount > state.switches.transfer_limit {
        let message = "Invalid amount. The supplied amount is greater than your transaction limit.";
        return Some(Flaw::new("Invalid", message, VALUE));
    }
    let short = source.dollars().is_some_and(|dollars| dollars < amount);
    short.then(|| Flaw::new("InsufficientFunds", "Insufficient funds.", SOURCE))
}

fn extras(body: &Body) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let mut flaw = |wrong: bool, code, message: &str, path: &str| {
        if wrong {
            flaws.push(Flaw::new(code, message, path));
        }
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    flaw(
        body.correlation
            .as_deref()
            .is_some_and(|id| !(1..=255).contains(&id.len()) || !id.bytes().all(allowed)),
        "InvalidFormat",
        "Correlation id must be at least one character and up to 255 characters when supplied.",
        "/correlationId",
    );
    flaw(
        body.metadata
            .as_ref()
            .is_some_and(|data| !is_metadata(data)),
        "Invalid",
        "Invalid metadata.",
        "/metadata",
    );
    flaw(
        body.clearing
            .as_ref()
            .is_some_and(|clearing| clearing.get("destination").is_some()),
        "Restricted",
        "Destination clearing type is currently not enabled.",
        "/clearing/destination",
    );
    flaw(
        body.fees
            .as_ref()
            .is_some_and(|fees| fees.as_array().is_none_or(|fees| !fees.is_empty())),
        "Invalid",
        "Unable to charge fee to specified destination.",
        "/fees/_links/charge-to/href",
    );
    flaw(
        body.ach_details.is_some(),
        "NotAllowed",
        "Supplying ach addenda entries is currently not enabled.",
        "/achDetails/source/addenda/values",
    );
    flaw(
        body.processing_channel.is_some(),
        "NotAllowed",
        "Destination funding source does not support processing channel",
        "/processingChannel/destination",
    );
    flaws
}

/// At most ten pairs of short texts.
fn is_metadata(data: &Value) -> bool {
    let short = |pairs: &Map<String, Value>| {
        pairs.iter().all(|(key, value)| {
            key.len() < 255 && value.as_str().is_some_and(|text| text.len() < 255)
        })
    };
    data.as_object()
        .is_some_and(|pairs| pairs.len() <= 10 && short(pairs))
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;

    fn dollars(text: &str) -> Option<Decimal> {
        amount(&Money {
            value: Some(text.into()),
            currency: Some("USD".to_owned()),
        })
        .ok()
    }

    #[test]
    fn an_amount_is_rounded_half_to_even() {
        assert_eq!(dollars("10.005"), Some(dec!(10.00)));
        assert_eq!(dollars("10.015"), Some(dec!(10.02)));
        assert_eq!(dollars("10.0151"), Some(dec!(10.02)));
        assert_eq!(dollars("7"), Some(dec!(7.00)));
    }

    #[test]
    fn an_amount_is_a_plain_positive_decimal() {
        for text in [
            "0", "0.004", "-1", "1e3", "1_000", "1,000.00", "", "ten", ".",
        ] {
            assert_eq!(dollars(text), None, "{text}");
        }
    }
}
