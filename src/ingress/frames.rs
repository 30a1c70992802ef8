//! What browsers are pushed: our rows in the front end's names and spellings.
//!
//! This is the one place that knows how the client reads a push. It merges `data.fields` into what
//! it holds, so a row must be complete; it drops a frame without a text `status`; it shows one of
//! two frames with the same `id`; it has no word for the statuses `created` of a transaction and
//! `pending` of a wallet.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use subjects::envelope::{Changed, Event};
use subjects::money::{Usd, UsdNumber};
use subjects::wallet::{TransactionStatus, WalletStatus};

/// Frames of one event share its number; each has its own place after it.
const FRAMES_PER_EVENT: i64 = 16;

/// The text frame of the `index`th change of an event, for the user `user`.
pub(crate) fn frame(event: &Event, index: usize, changed: &Changed, user: i64) -> Value {
    let place = i64::try_from(index).unwrap_or(0).min(FRAMES_PER_EVENT - 1);
    let at = timestamp(event.at);
    json!({
        "id": event.id.saturating_mul(FRAMES_PER_EVENT).saturating_add(place),
        "user_id": user,
        "content": "",
        "data": data(changed),
        "status": "unread",
        "type": "internal",
        "created_at": at,
        "updated_at": at,
    })
}

/// The changed object as the client routes and merges it.
pub(crate) fn data(changed: &Changed) -> Value {
    let mut fields = match &changed.fields {
        Value::Object(fields) => fields.clone(),
        _ => Map::new(),
    };
    match changed.object.as_str() {
        "transaction" => transaction(&mut fields, changed.id),
        "wallet" => wallet(&mut fields),
        _ => {}
    }
    fields.insert("object_id".to_owned(), changed.id.into());
    json!({"obj": changed.object, "object_id": changed.id, "fields": fields})
}

/// A transaction's complete row: the client puts an unknown one on top of its list.
fn transaction(fields: &mut Map<String, Value>, id: i64) {
    fields.insert("id".to_owned(), id.into());
    for side in ["source_wallet_id", "dest_wallet_id"] {
        let wallet = fields.entry(side).or_insert(Value::Null);
        if wallet.is_null() {
            *wallet = 0.into();
        }
    }
    number(fields, "amount");
    spell(fields, |status| {
        Some(TransactionStatus::parse(status)?.outward().as_str())
    });
}

/// A wallet's balances, under the names of its REST answer too: only those move what is shown.
fn wallet(fields: &mut Map<String, Value>) {
    for name in ["balance", "inc_balance", "out_balance"] {
        number(fields, name);
    }
    let twins = [
        ("inc_balance", "pending_incoming_balance"),
        ("out_balance", "pending_outcoming_balance"),
    ];
    for (ours, theirs) in twins {
        if let Some(value) = fields.get(ours).cloned() {
            fields.insert(theirs.to_owned(), value);
        }
    }
    spell(fields, |status| {
        Some(WalletStatus::parse(status)?.outward().as_str())
    });
}

/// Turns a decimal text into the JSON number that the fiat wallet's client reads.
fn number(fields: &mut Map<String, Value>, name: &str) {
    let Some(value) = fields.get_mut(name) else {
        return;
    };
    let usd = value.as_str().and_then(|text| text.parse::<Usd>().ok());
    if let Some(Ok(number)) = usd.map(|usd| serde_json::to_value(UsdNumber(usd))) {
        *value = number;
    }
}

/// Replaces a status by its outward spelling; one that is not in the table stays as it is.
fn spell(fields: &mut Map<String, Value>, outward: impl Fn(&str) -> Option<&'static str>) {
    let Some(status) = fields.get_mut("status") else {
        return;
    };
    if let Some(spelled) = status.as_str().and_then(outward) {
        *status = spelled.into();
    }
}

fn timestamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use subjects::envelope::Outcome;

    fn changed(object: &str, id: i64, fields: Value) -> Changed {
        Changed {
            object: object.into(),
            id,
            identity: None,
            user: None,
            fields,
        }
    }

    fn event(changed: Vec<Changed>) -> Event {
        Event {
            id: 5,
            operation: uuid::Uuid::nil(),
            service: "wallet".into(),
            topic: "transaction_create".into(),
            outcome: Outcome::Accepted,
            request_hash: String::new(),
            result: Value::Null,
            problem: None,
            changed,
            at: DateTime::from_timestamp(1_770_131_045, 0).unwrap(),
        }
    }

    #[test]
    fn a_frame_has_every_field_that_the_client_needs() {
        let event = event(vec![changed(
            "profile",
            7,
            json!({"kyc_status": "approved"}),
        )]);
        let expected = json!({
            "id": 81,
            "user_id": 3,
            "content": "",
            "data": {
                "obj": "profile",
                "object_id": 7,
                "fields": {"kyc_status": "approved", "object_id": 7},
            },
            "status": "unread",
            "type": "internal",
            "created_at": "2026-02-03T15:04:05.000000Z",
            "updated_at": "2026-02-03T15:04:05.000000Z",
        });
        assert_eq!(frame(&event, 1, &event.changed[0], 3), expected);
    }

    #[test]
    fn a_transaction_is_spelled_as_the_client_reads_it() {
        let row = json!({
            "id": 9, "source_wallet_id": null, "dest_wallet_id": 70, "entity_id": null,
            "type": "deposit", "amount": "12.20", "status": "created",
            "created_at": "2026-02-03T15:04:05Z", "updated_at": "2026-02-03T15:04:05Z",
        });
        let expected = json!({
            "id": 9, "object_id": 9, "source_wallet_id": 0, "dest_wallet_id": 70,
            "entity_id": null, "type": "deposit", "amount": 12.2, "status": "pending",
            "created_at": "2026-02-03T15:04:05Z", "updated_at": "2026-02-03T15:04:05Z",
        });
        assert_eq!(data(&changed("transaction", 9, row))["fields"], expected);
    }

    #[test]
    fn a_wallet_carries_both_spellings_of_its_balances() {
        let row = json!({
            "id": 70, "status": "pending", "balance": "100.00", "inc_balance": "12.20",
            "out_balance": "0.00", "funding_source": [{"id": 1}],
        });
        let expected = json!({
            "id": 70, "object_id": 70, "status": "created", "balance": 100, "inc_balance": 12.2,
            "out_balance": 0, "pending_incoming_balance": 12.2, "pending_outcoming_balance": 0,
            "funding_source": [{"id": 1}],
        });
        assert_eq!(data(&changed("wallet", 70, row))["fields"], expected);
    }

    #[test]
    fn what_is_not_understood_passes_as_it_is() {
        let row = json!({"status": "odd", "balance": "many"});
        let expected = json!({"status": "odd", "balance": "many", "object_id": 1});
        assert_eq!(data(&changed("wallet", 1, row))["fields"], expected);
    }
}
