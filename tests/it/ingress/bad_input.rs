//! What can not be meant is refused at its fields, and nothing is enqueued for it.

use super::{BAD, Given, MISSING, assert_refused, deposit, movements, request, send};
use crate::harness::{Fleet, Investor, Reply};
use reqwest::Method;
use serde_json::{Value, json};

async fn post_text(fleet: &Fleet, who: &Investor, path: &str, body: impl Into<String>) -> Reply {
    let request = request(fleet, who, Method::POST, path).body(body.into());
    send(request.header("content-type", "application/json")).await
}

#[tokio::test]
async fn a_body_that_does_not_fit_is_refused_at_every_field_that_is_wrong() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let path = movements(&nora);
    let before = Given::when_calm(&fleet).await;

    let not_json = |column| format!("The body is not valid JSON: see line 1, column {column}.");
    let no_object = "The body must be a JSON object.";
    let deep = "[".repeat(300);
    for (body, sentence) in [
        (r#"{"type":"#, not_json(8)),
        (r#"{"type":"deposit"}}"#, not_json(19)),
        (
            r#"{"amount":1e999}"#,
            "The body is not valid JSON: see line 1, column 15.".to_owned(),
        ),
        (r#"{"type":"\ud800"}"#, not_json(16)),
        (deep.as_str(), not_json(128)),
        ("[1]", no_object.to_owned()),
        ("\"deposit\"", no_object.to_owned()),
    ] {
        let reply = post_text(&fleet, &nora, &path, body).await;
        assert_refused(body, &reply, 400, &sentence, &json!({}));
    }
    let all_missing =
        json!({ "type": [MISSING], "amount": [MISSING], "funding_source_id": [MISSING] });
    let kinds = "must be one of: deposit, withdrawal";
    for (body, fields) in [
        ("", all_missing.clone()),
        ("null", all_missing.clone()),
        ("{}", all_missing),
        (
            r#"{"type":3,"amount":true,"funding_source_id":"seven"}"#,
            json!({ "type": [kinds], "amount": ["must be of type: number or string"],
                    "funding_source_id": ["must be of type: integer"] }),
        ),
        (
            r#"{"type":"investment","amount":"5","funding_source_id":0}"#,
            json!({ "type": [kinds], "funding_source_id": ["greater than or equal to 1"] }),
        ),
        (
            r#"{"type":"deposit","amount":null,"funding_source_id":1.5}"#,
            json!({ "amount": [MISSING], "funding_source_id": ["must be of type: integer"] }),
        ),
    ] {
        let reply = post_text(&fleet, &nora, &path, body).await;
        assert_refused(body, &reply, 400, BAD, &fields);
    }
    let not_utf8 = request(&fleet, &nora, Method::POST, &path).body(vec![b'{', 0xff, b'}']);
    assert_refused(
        "not UTF-8",
        &send(not_utf8).await,
        400,
        &not_json(2),
        &json!({}),
    );

    assert_eq!(Given::so_far(&fleet).await, before);
    fleet.finish().await;
}

#[tokio::test]
async fn an_amount_is_one_dollar_to_a_million_with_two_decimals_as_text_or_as_number() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let path = movements(&nora);
    let before = Given::when_calm(&fleet).await;

    let (low, high) = (
        "greater than or equal to 1",
        "less than or equal to 1000000",
    );
    let precise = |amount| format!("expected at most 2 decimals, got {amount}");
    let odd = |amount| format!("expected dollars like 12.20, got \"{amount}\"");
    for (amounts, complaint) in [
        (&[r#""12.345""#, "12.345"][..], precise("12.345")),
        (&["0.30000000000000004"], precise("0.30000000000000004")),
        (
            &[r#""-5""#, "-5", r#""0""#, "0", "0.99", r#""-0.00""#],
            low.to_owned(),
        ),
        (&[r#""1000000.01""#, "1000000.01"], high.to_owned()),
        (
            &[r#""99999999999999999999999999999999""#],
            odd("99999999999999999999999999999999"),
        ),
        (&[r#""12,20""#], odd("12,20")),
        (&[r#""""#], odd("")),
        (&[r#""1e3""#], odd("1e3")),
        (&[r#""NaN""#], odd("NaN")),
        (&[r#"" 5""#], odd(" 5")),
    ] {
        for amount in amounts {
            let body = format!(
                r#"{{"type":"deposit","amount":{amount},"funding_source_id":{}}}"#,
                nora.bank
            );
            let reply = post_text(&fleet, &nora, &path, body).await;
            assert_refused(amount, &reply, 400, BAD, &json!({ "amount": [complaint] }));
        }
    }
    assert_eq!(Given::so_far(&fleet).await, before);

    for (amount, read) in [
        (json!("12.20"), 12.2),
        (json!(12.2), 12.2),
        (json!(1e3), 1000.0),
    ] {
        let body = json!({ "type": "deposit", "amount": amount, "funding_source_id": nora.bank });
        let asked = nora.ask(&fleet, body, None).await.expect(202);
        assert_eq!(asked["amount"].as_f64(), Some(read), "{amount}");
    }
    fleet.finish().await;
}

#[tokio::test]
async fn path_query_and_body_are_one_request_and_may_not_disagree() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let (path, wallet, bank) = (movements(&nora), nora.wallet, nora.bank);
    let other = wallet + 1;
    let before = Given::when_calm(&fleet).await;

    let twice = json!({ "wallet_id": ["given twice with different values"] });
    for query in [format!("WalletID={other}"), format!("wallet_id={other}")] {
        let reply = send(
            request(&fleet, &nora, Method::POST, &format!("{path}?{query}"))
                .json(&deposit(&nora, "5.00")),
        );
        assert_refused(&query, &reply.await, 400, BAD, &twice);
    }
    let mut in_body = deposit(&nora, "5.00");
    in_body["wallet_id"] = json!(other);
    let reply = nora.ask(&fleet, in_body, None).await;
    assert_refused("body", &reply, 400, BAD, &twice);
    let disagreeing = format!("{path}?amount=6.00");
    let body = deposit(&nora, "5.00").to_string();
    let reply = post_text(&fleet, &nora, &disagreeing, body);
    let fields = json!({ "amount": ["given twice with different values"] });
    assert_refused("amount", &reply.await, 400, BAD, &fields);
    assert_eq!(Given::so_far(&fleet).await, before);

    let bare = "/wallet/auth/wallet/transactions";
    let query = format!("WalletID={wallet}&type=deposit&amount=12.2&funding_source_id={bank}");
    let asked = request(&fleet, &nora, Method::POST, &format!("{bare}?{query}"));
    let asked = send(asked).await.expect(202);
    assert_eq!(
        (&asked["amount"], &asked["dest_wallet_id"]),
        (&json!(12.2), &json!(wallet))
    );
    let list = request(
        &fleet,
        &nora,
        Method::GET,
        &format!("{bare}?WalletID={wallet}"),
    );
    let list = send(list).await.expect(200);
    assert_eq!(list["items"][0]["id"], asked["id"]);
    let profile = format!("/wallet/auth/wallet?ProfileID={}", nora.profile);
    let shown = send(request(&fleet, &nora, Method::GET, &profile))
        .await
        .expect(200);
    assert_eq!(shown["id"], json!(wallet));
    let nothing = send(request(&fleet, &nora, Method::GET, bare)).await;
    assert_refused(
        "no id",
        &nothing,
        400,
        BAD,
        &json!({ "wallet_id": [MISSING] }),
    );
    fleet.finish().await;
}

#[tokio::test]
async fn what_is_too_large_or_can_not_be_stored_is_refused() {
    let fleet = Fleet::start().await;
    let nora = Investor::with_bank(&fleet, "Checking").await;
    let path = movements(&nora);
    let before = Given::when_calm(&fleet).await;

    let limit = fleet.config().ingress.max_body_bytes;
    let sentence = format!("The body is larger than {limit} bytes.");
    let padded = |length: usize| format!("{}{}", " ".repeat(length - 2), "{}");
    let reply = post_text(&fleet, &nora, &path, padded(limit + 1)).await;
    assert_refused("announced", &reply, 413, &sentence, &json!({}));
    let chunks = futures::stream::iter([Ok::<_, std::io::Error>(padded(limit)), Ok(" ".into())]);
    let streamed = reqwest::Body::wrap_stream(chunks);
    let reply = send(request(&fleet, &nora, Method::POST, &path).body(streamed)).await;
    assert_refused("not announced", &reply, 413, &sentence, &json!({}));
    let reply = post_text(&fleet, &nora, &path, padded(limit)).await;
    assert_eq!(
        reply.status, 400,
        "the largest body is read: {}",
        reply.body
    );

    let process = format!("/wallet/auth/linkaccount/{}/process", nora.profile);
    let bank = |name: &str| json!({ "access_token": "t", "account_id": "a", "name": name, "last4": "0000" });
    for (name, complaint) in [
        ("", "shorter than minimum length 1".to_owned()),
        (&"n".repeat(51), "longer than maximum length 50".to_owned()),
        ("a\u{0}b", "must not contain the character NUL".to_owned()),
    ] {
        let reply = post_text(&fleet, &nora, &process, bank(name).to_string()).await;
        assert_refused("name", &reply, 400, BAD, &json!({ "name": [complaint] }));
    }

    let long = "k".repeat(256);
    for key in [long.as_str(), "", "two words"] {
        let reply = nora.ask(&fleet, deposit(&nora, "5.00"), Some(key)).await;
        let fields = json!({ "idempotency_key": ["must be 1 to 255 visible ASCII characters"] });
        assert_refused(key, &reply, 400, BAD, &fields);
    }
    for key in [json!(long), json!(7)] {
        let mut body = deposit(&nora, "5.00");
        body["idempotency_key"] = key;
        assert_eq!(nora.ask(&fleet, body, None).await.status, 400);
    }
    assert_eq!(Given::so_far(&fleet).await, before);
    fleet.finish().await;
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_refused_in_the_same_body() {
    let fleet = Fleet::start().await;
    let nora = Investor::known(&fleet, "Nora").await;
    let before = Given::when_calm(&fleet).await;
    let none: Value = json!({});
    for path in [
        "/",
        "/wallet/auth/nothing",
        "/queue/wallet",
        "/wallet/auth/wallet/7/transactions/",
    ] {
        let reply = send(request(&fleet, &nora, Method::POST, path)).await;
        assert_refused(path, &reply, 404, super::NOT_FOUND, &none);
    }
    let reply = send(request(
        &fleet,
        &nora,
        Method::PATCH,
        "/wallet/auth/wallet/7",
    ))
    .await;
    assert_refused("PATCH", &reply, 405, "Method not allowed.", &none);
    assert_eq!(Given::so_far(&fleet).await, before);
    fleet.finish().await;
}
