//! The fields of a customer and what Dwolla asks of each.

use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::error::Flaw;
use super::Kind;

const STATES: [&str; 59] = [
    "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "DC", "FL", "GA", "HI", "ID", "IL", "IN", "IA",
    "KS", "KY", "LA", "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM",
    "NY", "NC", "ND", "OH", "OK", "OR", "PA", "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "WA",
    "WV", "WI", "WY", "AS", "GU", "MP", "PR", "VI", "FM", "MH", "PW",
];

/// Is a value of this field acceptable?
type Check = fn(&str, NaiveDate) -> bool;

struct Rule {
    name: &'static str,
    required: bool,
    check: Check,
}

const fn need(name: &'static str, check: Check) -> Rule {
    Rule {
        name,
        required: true,
        check,
    }
}

const fn may(name: &'static str, check: Check) -> Rule {
    Rule {
        name,
        required: false,
        check,
    }
}

/// Everybody's.
const COMMON: &[Rule] = &[
    need("firstName", name50),
    need("lastName", name50),
    need("email", email),
    may("ipAddress", any),
    may("correlationId", correlation),
];
/// Of everybody who is verified.
const ADDRESS: &[Rule] = &[
    need("address1", address),
    may("address2", name50),
    need("city", city),
    need("state", state),
    need("postalCode", postal_code),
    may("phone", phone),
];
/// Of a natural person, or of a sole proprietor.
const PERSON: &[Rule] = &[need("dateOfBirth", adult), need("ssn", ssn)];
const BUSINESS: &[Rule] = &[
    need("businessName", name255),
    need("businessClassification", uuid),
    may("doingBusinessAs", name255),
    may("website", website),
];
const OPTIONAL_EIN: &[Rule] = &[may("ein", ein)];
const COMPANY: &[Rule] = &[need("ein", ein)];
const CONTROLLER: &[Rule] = &[
    need("firstName", name50),
    need("lastName", name50),
    need("title", name100),
    need("dateOfBirth", adult),
    may("ssn", ssn),
];
const CONTROLLER_ADDRESS: &[Rule] = &[
    need("address1", address),
    need("city", city),
    need("stateProvinceRegion", any),
    need("country", country),
];

/// Fields that a contact update may change.
pub(super) const CONTACT: [&str; 10] = [
    "email",
    "ipAddress",
    "address1",
    "address2",
    "city",
    "state",
    "postalCode",
    "phone",
    "doingBusinessAs",
    "website",
];
/// Fields that are shown again; e-mail and correlation id are kept apart.
const SHOWN: [&str; 14] = [
    "firstName",
    "lastName",
    "address1",
    "address2",
    "city",
    "state",
    "postalCode",
    "phone",
    "ipAddress",
    "businessName",
    "doingBusinessAs",
    "website",
    "businessType",
    "businessClassification",
];

/// The kind that a create request asks for.
pub(super) fn kind(body: &Map<String, Value>) -> Result<Kind, Flaw> {
    let text = |name: &str| {
        body.get(name)
            .map(|value| value.as_str().unwrap_or_default())
    };
    match (text("type"), text("businessType")) {
        (None | Some("unverified"), _) => Ok(Kind::Unverified),
        (Some("receive-only"), _) => Ok(Kind::ReceiveOnly),
        (Some("personal"), _) => Ok(Kind::Personal),
        (Some("business"), Some("soleProprietorship")) => Ok(Kind::SoleProprietorship),
        (Some("business"), Some("llc" | "corporation" | "partnership")) => Ok(Kind::Company),
        (Some("business"), None) => Err(Flaw::new(
            "Required",
            "BusinessType required.",
            "/businessType",
        )),
        (Some("business"), Some(_)) => Err(Flaw::new(
            "Invalid",
            "BusinessType invalid.",
            "/businessType",
        )),
        (Some(_), _) => Err(Flaw::new("Invalid", "Type invalid.", "/type")),
    }
}

/// Everything that is wrong with a full set of fields. `today` decides who is of age.
pub(super) fn flaws(kind: Kind, body: &Map<String, Value>, today: NaiveDate) -> Vec<Flaw> {
    let sets: &[&[Rule]] = match kind {
        Kind::Unverified | Kind::ReceiveOnly => &[COMMON],
        Kind::Personal => &[COMMON, ADDRESS, PERSON],
        Kind::SoleProprietorship => &[COMMON, ADDRESS, PERSON, BUSINESS, OPTIONAL_EIN],
        Kind::Company => &[COMMON, ADDRESS, BUSINESS, COMPANY],
    };
    let mut flaws = Vec::new();
    for rules in sets {
        check(rules, body, "", today, &mut flaws);
    }
    if kind == Kind::Company {
        controller(body, today, &mut flaws);
    }
    flaws
}

fn controller(body: &Map<String, Value>, today: NaiveDate, flaws: &mut Vec<Flaw>) {
    let Some(controller) = body.get("controller").and_then(Value::as_object) else {
        flaws.push(Flaw::new("Required", "Controller required.", "/controller"));
        return;
    };
    check(CONTROLLER, controller, "/controller", today, flaws);
    if !controller.contains_key("ssn") && !controller.contains_key("passport") {
        flaws.push(Flaw::new(
            "Required",
            "Ssn or passport required.",
            "/controller/ssn",
        ));
    }
    match controller.get("address").and_then(Value::as_object) {
        Some(address) => check(
            CONTROLLER_ADDRESS,
            address,
            "/controller/address",
            today,
            flaws,
        ),
        None => flaws.push(Flaw::new(
            "Required",
            "Address required.",
            "/controller/address",
        )),
    }
}

/// What is wrong with the fields that are there, for a contact update.
pub(super) fn contact_flaws(body: &Map<String, Value>, today: NaiveDate) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    for rule in COMMON.iter().chain(ADDRESS).chain(BUSINESS) {
        if body.contains_key(rule.name) && CONTACT.contains(&rule.name) {
            check(std::slice::from_ref(rule), body, "", today, &mut flaws);
        }
    }
    flaws
}

fn check(
    rules: &[Rule],
    body: &Map<String, Value>,
    prefix: &str,
    today: NaiveDate,
    flaws: &mut Vec<Flaw>,
) {
    for rule in rules {
        let label = capitalised(rule.name);
        let path = format!("{prefix}/{}", rule.name);
        match body.get(rule.name) {
            None | Some(Value::Null) if !rule.required => {}
            None | Some(Value::Null) => {
                flaws.push(Flaw::new("Required", format!("{label} required."), path));
            }
            Some(Value::String(text)) if text.is_empty() && rule.required => {
                flaws.push(Flaw::new("Required", format!("{label} required."), path));
            }
            Some(Value::String(text)) if (rule.check)(text, today) => {}
            Some(_) => flaws.push(Flaw::new(
                "InvalidFormat",
                format!("{label} invalid."),
                path,
            )),
        }
    }
}

fn capitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// The part of a request that later answers show.
pub(super) fn shown(body: &Map<String, Value>) -> Map<String, Value> {
    let mut shown: Map<String, Value> = SHOWN
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), body.get(*name)?.clone())))
        .collect();
    if let Some(controller) = body.get("controller").and_then(Value::as_object) {
        let public = ["firstName", "lastName", "title", "address"];
        let public = public
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), controller.get(*name)?.clone())));
        shown.insert("controller".to_owned(), Value::Object(public.collect()));
    }
    shown
}

fn any(_: &str, _: NaiveDate) -> bool {
    true
}

/// None of the characters that Dwolla refuses in names and addresses.
fn clean(text: &str) -> bool {
    !text.contains([
        '<', '>', '=', '"', '`', '!', '?', '%', '~', '$', '{', '}', '\\',
    ])
}

fn short(text: &str, most: usize) -> bool {
    clean(text) && text.chars().count() <= most
}

fn name50(text: &str, _: NaiveDate) -> bool {
    short(text, 50)
}

fn name100(text: &str, _: NaiveDate) -> bool {
    short(text, 100)
}

fn name255(text: &str, _: NaiveDate) -> bool {
    short(text, 255)
}

fn address(text: &str, _: NaiveDate) -> bool {
    let plain: String = text
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect();
    short(text, 50) && !plain.starts_with("pobox")
}

fn city(text: &str, _: NaiveDate) -> bool {
    short(text, 50) && !text.contains(|c: char| c.is_ascii_digit())
}

fn state(text: &str, _: NaiveDate) -> bool {
    STATES.contains(&text)
}

fn country(text: &str, _: NaiveDate) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn postal_code(text: &str, _: NaiveDate) -> bool {
    digits(text, 5)
        || text
            .split_once('-')
            .is_some_and(|(zip, plus)| digits(zip, 5) && digits(plus, 4))
}

fn phone(text: &str, _: NaiveDate) -> bool {
    digits(text, 10)
}

fn ssn(text: &str, _: NaiveDate) -> bool {
    digits(text, 4) || digits(text, 9)
}

fn ein(text: &str, _: NaiveDate) -> bool {
    digits(&text.replacen('-', "", 1), 9)
}

fn uuid(text: &str, _: NaiveDate) -> bool {
    Uuid::try_parse(text).is_ok()
}

fn website(text: &str, _: NaiveDate) -> bool {
    url::Url::parse(text).is_ok()
}

fn email(text: &str, _: NaiveDate) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let spaced = text.contains(char::is_whitespace);
    !spaced
        && !local.is_empty()
        && !local.contains('@')
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
}

fn correlation(text: &str, _: NaiveDate) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=255).contains(&text.len()) && text.bytes().all(allowed)
}

/// Between 18 and 125 years old today.
fn adult(text: &str, today: NaiveDate) -> bool {
    let Ok(born) = NaiveDate::from_str(text) else {
        return false;
    };
    let had_birthday = (today.month(), today.day()) >= (born.month(), born.day());
    let age = today.year() - born.year() - i32::from(!had_birthday);
    text.len() == 10 && (18..=125).contains(&age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_adult_on_the_eighteenth_birthday_and_not_a_day_before() {
        let today = NaiveDate::from_str("2026-02-03").unwrap();
        assert!(adult("2008-02-03", today));
        assert!(!adult("2008-02-04", today));
        assert!(!adult("1900-02-03", today));
        assert!(!adult("03/02/1990", today));
    }

    #[test]
    fn an_address_is_physical() {
        let today = NaiveDate::MIN;
        assert!(address("12 Sample Ave", today));
        assert!(!address("P.O. Box 7", today));
        assert!(!address("12 <b>", today));
    }
}
