//! The outcome table of `POST /transfers`, from literal answers, and what is found among transfers.

use super::super::error::tests::{answer, flawed, located};
use super::*;
use crate::partners::dwolla::TransferStatus;

fn transfer(id: &str, cents: i64) -> Transfer {
    Transfer {
        id: DwollaTransferId::new(id),
        status: TransferStatus::Pending,
        amount: Usd::from_cents(cents),
        correlation_id: Some("txn-1".to_owned()),
        source: Party::FundingSource(DwollaFundingSourceId::new("bank")),
        destination: Party::Customer(DwollaCustomerId::new("customer")),
        cancellable: true,
        next_leg: None,
    }
}

fn found(transfers: &[Transfer]) -> Option<String> {
    match among(transfers, Usd::from_cents(1000)) {
        Found::Yes(created) => Some(created.id.to_string()),
        Found::No => Some("none".to_owned()),
        Found::Inconclusive(_) => None,
    }
}

#[test]
fn only_an_address_proves_that_a_transfer_was_created() {
    let created = outcome(located(201, "https://api.example/transfers/7C2D", ""));
    assert!(matches!(created, Outcome::Done(made) if made.id.as_str() == "7c2d"));
    assert!(matches!(outcome(located(201, "", "")), Outcome::Unknown(_)));
    assert!(matches!(outcome(answer(200, "{}")), Outcome::Unknown(_)));
}

#[test]
fn server_errors_conflicts_and_odd_statuses_are_unknown() {
    let timeout = r#"{"code":"RequestTimeout","message":"The request timed out."}"#;
    let locked = r#"{"code":"Conflict","message":"in progress"}"#;
    for (status, body) in [
        (500, timeout),
        (500, ""),
        (502, "<html>"),
        (503, ""),
        (504, ""),
        (409, locked),
        (409, ""),
        (302, ""),
        (408, ""),
    ] {
        assert!(
            matches!(outcome(answer(status, body)), Outcome::Unknown(_)),
            "{status}"
        );
    }
}

#[test]
fn refusals_carry_dwollas_code_and_sentence() {
    for (code, message, expected) in [
        (
            "InsufficientFunds",
            "Insufficient funds.",
            "insufficient_funds",
        ),
        ("Restricted", "Sender restricted.", "restricted"),
        (
            "RequiresFundingSource",
            "Receiver requires funding source.",
            "requires_funding_source",
        ),
    ] {
        let body = flawed(code, message, "/_links/source/href");
        let Outcome::NotDone(Fault::Reject(problem)) = outcome(answer(400, &body)) else {
            panic!("{code}")
        };
        assert_eq!((problem.code.as_str(), problem.status), (expected, 424));
        assert_eq!(problem.message, message);
    }
    let forbidden = r#"{"code":"Forbidden","message":"Not authorized to create a transfer."}"#;
    assert!(matches!(
        outcome(answer(403, forbidden)),
        Outcome::NotDone(Fault::Reject(_))
    ));
    assert!(matches!(
        outcome(answer(404, "")),
        Outcome::NotDone(Fault::Reject(_))
    ));
}

#[test]
fn a_flood_and_a_refused_token_did_nothing_and_are_tried_again() {
    let busy = r#"{"code":"TooManyRequests","message":"Concurrent transfers ..."}"#;
    assert!(matches!(
        outcome(answer(429, busy)),
        Outcome::NotDone(Fault::Retry(_))
    ));
    let stale = r#"{"code":"ExpiredAccessToken","message":"expired"}"#;
    assert!(matches!(
        outcome(answer(401, stale)),
        Outcome::NotDone(Fault::Retry(_))
    ));
    let version = r#"{"code":"InvalidVersion","message":"Missing or invalid API version."}"#;
    assert!(matches!(
        outcome(answer(406, version)),
        Outcome::NotDone(Fault::Bug(_))
    ));
}

#[test]
fn one_transfer_of_our_amount_is_ours_and_none_is_no() {
    assert_eq!(found(&[]).as_deref(), Some("none"));
    assert_eq!(found(&[transfer("t1", 1000)]).as_deref(), Some("t1"));
}

#[test]
fn another_amount_or_a_second_transfer_is_for_a_person() {
    assert_eq!(found(&[transfer("t1", 999)]), None);
    assert_eq!(found(&[transfer("t1", 1000), transfer("t2", 1000)]), None);
}

#[test]
fn of_a_chain_the_leg_between_two_customers_is_ours() {
    let customer = |id: &str| Party::Customer(DwollaCustomerId::new(id));
    let mut first = transfer("t1", 1000);
    first.next_leg = Some(DwollaTransferId::new("t2"));
    let mut second = transfer("t2", 1000);
    second.source = customer("a");
    second.destination = customer("b");
    second.next_leg = Some(DwollaTransferId::new("t3"));
    let mut third = transfer("t3", 1000);
    third.source = customer("b");
    third.destination = Party::FundingSource(DwollaFundingSourceId::new("bank-b"));
    assert_eq!(
        found(&[third.clone(), second.clone(), first.clone()]).as_deref(),
        Some("t2")
    );
    assert_eq!(found(&[first, second.clone()]).as_deref(), Some("t2"));
    assert_eq!(found(&[second, third, transfer("t4", 1000)]), None);
}
