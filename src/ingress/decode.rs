//! From a request to a payload: the body, the path's fields and the query's spellings as one object.
//!
//! The inherited API documents its ids as query parameters, the real client puts them into the path
//! and the rest into the body. All are accepted; a field that is given twice must be the same twice.

use super::problem::Refusal;
use super::shape::Shape;
use serde_json::{Map, Value};
use std::borrow::Cow;
use subjects::directory::Access;
use subjects::ids::IdentityId;

/// Ids whose owner is checked wherever they appear, whether the payload has them or not.
const OWNED: [&str; 3] = ["user_id", "profile_id", "wallet_id"];

/// A query's names that stand for fields: `(query name, field)`.
pub(crate) type Aliases = &'static [(&'static str, &'static str)];

/// The body as an object; empty and `null` are an empty object.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(Refusal::bad_request("The body must be a JSON object.")),
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let message = format!("The body is not valid JSON: see line {line}, column {column}.");
            Err(Refusal::bad_request(&message))
        }
    }
}

/// Adds the path's fields to the payload. They win, and what the body says must agree.
pub(crate) fn add_path<'a>(
    payload: &mut Map<String, Value>,
    shape: &Shape,
    path: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<(), Refusal> {
    for (field, text) in path {
        add(payload, shape, field, text)?;
    }
    Ok(())
}

/// Adds the query's parameters that stand for fields; others are ignored.
pub(crate) fn add_query(
    payload: &mut Map<String, Value>,
    shape: &Shape,
    query: &str,
    aliases: Aliases,
) -> Result<(), Refusal> {
    for (name, text) in url::form_urlencoded::parse(query.as_bytes()) {
        let alias = aliases.iter().find(|(alias, _)| *alias == name);
        let field: Cow<'_, str> = alias.map_or(name, |(_, field)| Cow::Borrowed(*field));
        if shape.knows(&field) || OWNED.contains(&field.as_ref()) {
            add(payload, shape, &field, &text)?;
        }
    }
    Ok(())
}

fn add(
    payload: &mut Map<String, Value>,
    shape: &Shape,
    field: &str,
    text: &str,
) -> Result<(), Refusal> {
    let value = if shape.is_integer(field) || OWNED.contains(&field) {
        let number = text.parse::<i64>();
        number
            .map_err(|_| Refusal::bad_field(field, "must be of type: integer"))?
            .into()
    } else {
        Value::from(text)
    };
    match payload.get(field) {
        Some(given) if *given == value || is_number(given, text) => Ok(()),
        Some(_) => Err(Refusal::bad_field(
            field,
            "given twice with different values",
        )),
        None => {
            payload.insert(field.to_owned(), value);
            Ok(())
        }
    }
}

fn is_number(value: &Value, text: &str) -> bool {
    value
        .as_number()
        .is_some_and(|number| number.to_string() == text)
}

/// What the request names that must belong to the identity.
pub(crate) fn named(payload: &Map<String, Value>, identity: IdentityId) -> Result<Access, Refusal> {
    let id = |field: &str| match payload.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            Some(id) => Ok(Some(id)),
            None => Err(Refusal::bad_field(field, "must be of type: integer")),
        },
    };
    let [user_id, profile_id, wallet_id] = OWNED.map(id);
    Ok(Access {
        identity,
        user_id: user_id?,
        profile_id: profile_id?,
        wallet_id: wallet_id?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use subjects::registry;

    fn payload(body: &str, path: &[(&str, &str)], query: &str) -> Result<Value, Refusal> {
        let topic = registry::topic("wallet", "transaction_create").unwrap();
        let shape = Shape::new((topic.payload_schema)().to_value(), topic.prepare).unwrap();
        let mut payload = object(body.as_bytes())?;
        add_path(&mut payload, &shape, path.iter().copied())?;
        add_query(&mut payload, &shape, query, topic.http[0].query)?;
        Ok(Value::Object(payload))
    }

    #[test]
    fn path_query_and_body_are_one_payload() {
        let from_body = payload(r#"{"amount":12.2}"#, &[("wallet_id", "70")], "").unwrap();
        assert_eq!(from_body, json!({"wallet_id": 70, "amount": 12.2}));
        let query = "WalletID=70&amount=12.2&type=deposit&funding_source_id=3&schema=1";
        let from_query = payload("", &[], query).unwrap();
        let expected =
            json!({"wallet_id": 70, "amount": "12.2", "type": "deposit", "funding_source_id": 3});
        assert_eq!(from_query, expected);
    }

    #[test]
    fn the_same_field_may_come_twice_but_not_with_two_values() {
        let twice = payload(
            r#"{"wallet_id":70,"amount":12.2}"#,
            &[("wallet_id", "70")],
            "amount=12.2",
        );
        assert!(twice.is_ok());
        for (body, path, query) in [
            (r#"{"wallet_id":71}"#, "70", ""),
            ("", "70", "WalletID=71"),
            ("", "70", "wallet_id=71"),
            (r#"{"amount":12.2}"#, "70", "amount=12.3"),
        ] {
            let refusal = payload(body, &[("wallet_id", path)], query).unwrap_err();
            assert_eq!(refusal.status(), 400, "{body} {query}");
        }
    }

    #[test]
    fn bodies_that_are_no_object_are_refused_and_empty_ones_are_not() {
        for bad in ["[1]", "7", "\"x\"", "{", "{\"a\":1}}"] {
            assert_eq!(object(bad.as_bytes()).unwrap_err().status(), 400, "{bad}");
        }
        for empty in ["", " \n", "null", "{}"] {
            assert_eq!(object(empty.as_bytes()).unwrap(), Map::new(), "{empty:?}");
        }
    }

    #[test]
    fn an_id_that_is_no_number_is_refused_at_its_field() {
        for bad in ["abc", "70x", "", "99999999999999999999", "7.0"] {
            assert_eq!(
                payload("", &[("wallet_id", bad)], "").unwrap_err().status(),
                400,
                "{bad}"
            );
        }
    }

    #[test]
    fn ids_are_checked_for_ownership_although_the_payload_lacks_them() {
        let named_by = |query: &str| {
            let Value::Object(payload) = payload("", &[("wallet_id", "70")], query).unwrap() else {
                unreachable!("an object")
            };
            named(&payload, uuid::Uuid::nil()).unwrap()
        };
        let expected = Access {
            wallet_id: Some(70),
            user_id: Some(5),
            ..Access::default()
        };
        assert_eq!(named_by("user_id=5"), expected);
    }
}
