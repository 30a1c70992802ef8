//! Creating, reading and cancelling transfers.

use sandbox::DwollaSwitches;
use serde_json::{Value, json};

use super::rig::{Rig, href, links, transfer};

async fn flaw(rig: &Rig, body: &Value) -> (String, String) {
    let (status, answer) = rig.refused("/transfers", body).await;
    assert_eq!(
        (status, &answer["code"]),
        (400, &json!("ValidationError")),
        "{answer}"
    );
    let error = &answer["_embedded"]["errors"][0];
    (
        error["code"].as_str().unwrap().to_owned(),
        error["path"].as_str().unwrap().to_owned(),
    )
}

fn pair(code: &str, path: &str) -> (String, String) {
    (code.to_owned(), path.to_owned())
}

#[tokio::test]
async fn more_than_two_decimals_are_rounded_half_to_even() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    for (given, booked) in [("10.005", "10.00"), ("10.015", "10.02"), ("3", "3.00")] {
        let made = rig
            .create(
                "/transfers",
                &transfer(&wallet.bank, &wallet.balance, given),
            )
            .await;
        assert_eq!(
            rig.get(&made).await["amount"],
            json!({"value": booked, "currency": "USD"})
        );
    }
    rig.process().await;
    assert_eq!(rig.dollars(&wallet.balance).await, "23.02");
}

#[tokio::test]
async fn what_is_wrong_with_a_transfer_is_said_with_code_and_path() {
    let rig = Rig::start().await;
    let (a, b) = (
        rig.wallet("Checking", "50").await,
        rig.wallet("Checking", "0").await,
    );
    let source = "/_links/source/href";
    let destination = "/_links/destination/href";
    let nowhere = format!(
        "{}/funding-sources/8d1c1d1e-0000-4000-8000-000000000000",
        rig.sandbox.dwolla_url()
    );
    let cases = [
        (
            transfer(&nowhere, &a.balance, "1.00"),
            pair("Invalid", source),
        ),
        (
            transfer(&a.customer, &a.balance, "1.00"),
            pair("Invalid", source),
        ),
        (
            transfer(&a.bank, &nowhere, "1.00"),
            pair("Invalid", destination),
        ),
        (
            transfer(&a.bank, &a.bank, "1.00"),
            pair("Invalid", destination),
        ),
        (
            transfer(&a.balance, &b.balance, "50.01"),
            pair("InsufficientFunds", source),
        ),
        (
            transfer(&a.bank, &a.balance, "0.00"),
            pair("InvalidFormat", "/amount/value"),
        ),
        (
            transfer(&a.bank, &a.balance, "-1.00"),
            pair("InvalidFormat", "/amount/value"),
        ),
        (
            transfer(&a.bank, &a.balance, "10000.01"),
            pair("Invalid", "/amount/value"),
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(flaw(&rig, &body).await, expected, "{body}");
    }
    assert_eq!(
        rig.effects("transfer.created").len(),
        1,
        "only what filled the wallet"
    );
}

#[tokio::test]
async fn malformed_optional_fields_are_refused_and_so_is_an_amount_that_is_a_number() {
    let rig = Rig::start().await;
    let a = rig.wallet("Checking", "0").await;
    let mut body = transfer(&a.bank, &a.balance, "1.00");
    body["correlationId"] = "no spaces".into();
    assert_eq!(
        flaw(&rig, &body).await,
        pair("InvalidFormat", "/correlationId")
    );
    let mut body = transfer(&a.bank, &a.balance, "1.00");
    body["amount"]["value"] = json!(1);
    assert_eq!(
        flaw(&rig, &body).await,
        pair("InvalidFormat", "/amount/value")
    );
    let mut body = transfer(&a.bank, &a.balance, "1.00");
    body["metadata"] = json!({"note": {"deep": 1}});
    assert_eq!(flaw(&rig, &body).await, pair("Invalid", "/metadata"));
    assert_eq!(
        rig.refused("/transfers", &json!([])).await.1["code"],
        "BadRequest"
    );
}

#[tokio::test]
async fn a_suspended_sender_and_a_deactivated_receiver_are_restricted() {
    let rig = Rig::start().await;
    let (a, b) = (
        rig.wallet("Checking", "50").await,
        rig.wallet("Checking", "0").await,
    );
    rig.post(&b.customer, "", &json!({"status": "deactivated"}))
        .await;
    let body = transfer(&a.balance, &b.balance, "1.00");
    assert_eq!(
        flaw(&rig, &body).await,
        pair("Restricted", "/_links/destination/href")
    );
    rig.post(&a.customer, "", &json!({"status": "suspended"}))
        .await;
    assert_eq!(
        flaw(&rig, &body).await,
        pair("Restricted", "/_links/source/href")
    );
}

#[tokio::test]
async fn a_pending_withdrawal_can_be_cancelled_until_the_cut_off() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "50").await;
    let withdraw = async || {
        rig.create(
            "/transfers",
            &transfer(&wallet.balance, &wallet.bank, "20.00"),
        )
        .await
    };
    let first = withdraw().await;
    assert_eq!(rig.dollars(&wallet.balance).await, "30.00");
    let cancel = json!({"status": "cancelled"});
    assert_eq!(href(&rig.get(&first).await, "cancel"), first);
    let answer: Value = rig.post(&first, "", &cancel).await.json().await.unwrap();
    assert_eq!(answer["status"], "cancelled");
    assert_eq!(rig.dollars(&wallet.balance).await, "50.00");
    let (_, again) = rig.refused(&first, &cancel).await;
    assert_eq!(again["_embedded"]["errors"][0]["code"], "NotAllowed");
    let second = withdraw().await;
    rig.control.set_dwolla(DwollaSwitches {
        past_cut_off: true,
        ..rig.control.dwolla()
    });
    assert!(!links(&rig.get(&second).await).contains(&"cancel".to_owned()));
    let (_, late) = rig.refused(&second, &cancel).await;
    assert_eq!(
        late["_embedded"]["errors"][0]["message"],
        "Status not allowed."
    );
    let (_, nonsense) = rig.refused(&second, &json!({"status": "paused"})).await;
    assert_eq!(
        nonsense["_embedded"]["errors"][0]["message"],
        "Status invalid."
    );
}

#[tokio::test]
async fn ids_are_found_in_either_case_and_shown_in_upper_case_on_request() {
    let rig = Rig::start().await;
    let wallet = rig.wallet("Checking", "0").await;
    rig.control.set_dwolla(DwollaSwitches {
        uppercase_ids: true,
        ..rig.control.dwolla()
    });
    let made = rig
        .create(
            "/transfers",
            &transfer(&wallet.bank, &wallet.balance, "1.00"),
        )
        .await;
    let id = made.rsplit('/').next().unwrap();
    assert_eq!(id, id.to_uppercase());
    let shown = rig.get(&made).await;
    assert_eq!(shown["id"], id.to_lowercase());
    assert_eq!(
        rig.get(&format!("/transfers/{}", id.to_lowercase())).await,
        shown
    );
    let effect = serde_json::to_value(&rig.effects("transfer.created")[0].id).unwrap();
    assert_eq!(effect, id.to_lowercase());
}
