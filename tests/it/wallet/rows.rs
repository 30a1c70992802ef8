//! What the wallet's tests look at and act with: amounts, postings, Dwolla's ids, signed events.

use crate::harness::{Fleet, Investor, Reply};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rust_decimal::Decimal;
use sandbox::{LedgerQuery, Weather};
use serde_json::{Value, json};
use sha2::Sha256;
use sqlx::Row as _;
use workers::dev::stack::WEBHOOK_SECRET;

fn dollars(value: &Value) -> Decimal {
    value.to_string().parse().unwrap()
}

/// Asserts balance, incoming and outgoing, as the wallet's owner sees them.
pub(super) async fn assert_purse(fleet: &Fleet, of: &Investor, expected: [&str; 3]) {
    let wallet = of.wallet(fleet).await.expect(200);
    let names = [
        "balance",
        "pending_incoming_balance",
        "pending_outcoming_balance",
    ];
    let found = names.map(|name| dollars(&wallet[name]));
    assert_eq!(
        found,
        expected.map(|text| text.parse().unwrap()),
        "{wallet}"
    );
    assert_eq!(wallet["inc_balance"], wallet["pending_incoming_balance"]);
    assert_eq!(wallet["out_balance"], wallet["pending_outcoming_balance"]);
}

/// A movement's postings, oldest first: `created>processed 100.00 -100.00 0.00` are the statuses and
/// the changes of balance, incoming and outgoing.
pub(super) async fn postings(fleet: &Fleet, transaction: &Value) -> Vec<String> {
    let rows = sqlx::query(
        "select from_status || '>' || to_status || ' ' || balance || ' ' || incoming || ' ' || outgoing
         from postings where transaction = $1 order by id",
    );
    let rows = rows
        .bind(transaction.as_i64())
        .fetch_all(&fleet.db)
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// A movement's stored status, failure code and transfer.
pub(super) async fn row(fleet: &Fleet, transaction: &Value) -> (String, Option<String>, String) {
    let row = sqlx::query("select status, failure_code, dwolla_id from transactions where id = $1");
    let row = row
        .bind(transaction.as_i64())
        .fetch_one(&fleet.db)
        .await
        .unwrap();
    (
        row.get(0),
        row.get(1),
        row.get::<Option<String>, _>(2).unwrap_or_default(),
    )
}

/// Dwolla's id of an investor's customer.
pub(super) async fn customer(fleet: &Fleet, of: &Investor) -> String {
    let id = sqlx::query_scalar("select dwolla_customer_id from wallets where owner_id = $1");
    id.bind(of.profile).fetch_one(&fleet.db).await.unwrap()
}

/// Dwolla's id of a linked bank account.
pub(super) async fn source(fleet: &Fleet, bank: i64) -> String {
    let id = sqlx::query_scalar("select dwolla_id from funding_sources where id = $1");
    id.bind(bank).fetch_one(&fleet.db).await.unwrap()
}

/// Webhooks wait from now on until they are flushed.
pub(super) fn hold_webhooks(fleet: &Fleet) {
    fleet.sandbox().set_webhooks(Weather {
        hold: true,
        ..Weather::default()
    });
}

/// Webhooks go their way again; those that were held stay so until they are flushed.
pub(super) fn let_webhooks_go(fleet: &Fleet) {
    fleet.sandbox().set_webhooks(Weather::default());
}

/// How many effects of a kind stand in the sandbox's ledger for one resource.
pub(super) fn effects_of(fleet: &Fleet, kind: &str, id: &str) -> usize {
    let query = LedgerQuery {
        kind: Some(kind.to_owned()),
        id: Some(id.to_owned()),
        ..LedgerQuery::default()
    };
    fleet.sandbox().ledger(&query).len()
}

/// Posts an event as Dwolla does, signed with this secret.
pub(super) async fn signed_event(
    fleet: &Fleet,
    path: &str,
    secret: &str,
    (id, topic, resource): (&str, &str, &str),
) -> Reply {
    let body = json!({ "id": id, "topic": topic, "resourceId": resource }).to_string();
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .unwrap()
        .chain_update(&body);
    let request = fleet
        .http
        .post(fleet.url(path))
        .header("content-type", "application/json");
    let request = request
        .header(
            "x-request-signature-sha-256",
            hex::encode(mac.finalize().into_bytes()),
        )
        .header("x-dwolla-topic", topic);
    Reply::of(request.body(body).send().await.unwrap()).await
}

/// An event about a resource, under an id of its own.
pub(super) async fn event(fleet: &Fleet, topic: &str, resource: &str) {
    let id = uuid::Uuid::new_v4().to_string();
    let told = signed_event(
        fleet,
        "/hooks/dwolla",
        WEBHOOK_SECRET,
        (&id, topic, resource),
    );
    assert!(told.await.status.is_success());
}
