//! Schemas under `components/schemas`, where a document's parts share them.
//!
//! schemars puts the types that a schema refers to inside that schema, under `$defs`. Here they are
//! lifted out, so that each type stands once in a document.

use super::text::prose;
use schemars::Schema;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Where a document keeps its schemas, as a JSON pointer.
const HOME: &str = "#/components/schemas/";

/// The schemas of one document.
#[derive(Debug, Default)]
pub(super) struct Components {
    schemas: BTreeMap<String, Value>,
}

impl Components {
    /// Takes a type's schema in and gives a reference to it.
    pub(super) fn add(&mut self, schema: Schema) -> Value {
        let (name, body) = self.lift(schema);
        self.put(&name, body)
    }

    /// Takes the schema in without these properties, as `<Type>Body`. None when nothing is left.
    pub(super) fn add_without(&mut self, schema: Schema, fields: &[&str]) -> Option<Value> {
        let (name, mut body) = self.lift(schema);
        if fields.is_empty() {
            let has_any = body
                .get("properties")
                .is_none_or(|p| p.as_object() != Some(&Map::new()));
            return has_any.then(|| self.put(&name, body));
        }
        let properties = body.get_mut("properties")?.as_object_mut()?;
        properties.retain(|property, _| !fields.contains(&property.as_str()));
        if properties.is_empty() {
            return None;
        }
        if let Some(required) = body.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|name| !fields.iter().any(|field| name == field));
        }
        Some(self.put(&format!("{name}Body"), body))
    }

    /// The schema and the description of one property of a type.
    pub(super) fn property(&mut self, schema: Schema, field: &str) -> (Value, String) {
        let (_, body) = self.lift(schema);
        let mut property = body.pointer(&format!("/properties/{field}")).cloned();
        let described = property.as_mut().and_then(Value::as_object_mut);
        let description = described.and_then(|p| p.remove("description"));
        let text = description
            .as_ref()
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        (property.unwrap_or_else(|| json!({})), text)
    }

    /// The properties of a type, in the type's order where that is known, and which are required.
    pub(super) fn properties(&mut self, schema: Schema) -> Vec<(String, bool)> {
        let (_, body) = self.lift(schema);
        let required = body
            .get("required")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let properties = body.get("properties").and_then(Value::as_object);
        let names = properties
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone());
        names
            .map(|name| (name.clone(), required.iter().any(|r| *r == name)))
            .collect()
    }

    /// Takes in a schema that was written by hand.
    pub(super) fn put(&mut self, name: &str, body: Value) -> Value {
        self.schemas.insert(name.to_owned(), rewritten(body));
        json!({ "$ref": format!("{HOME}{name}") })
    }

    /// All schemas by name.
    pub(super) fn into_value(self) -> Value {
        json!(self.schemas)
    }

    /// The type's name and own schema; what it refers to is taken in.
    fn lift(&mut self, schema: Schema) -> (String, Value) {
        let mut body = schema.to_value();
        let Some(fields) = body.as_object_mut() else {
            return ("Anything".to_owned(), body);
        };
        fields.remove("$schema");
        let name = fields
            .remove("title")
            .and_then(|title| title.as_str().map(str::to_owned));
        if let Some(Value::Object(definitions)) = fields.remove("$defs") {
            for (name, definition) in definitions {
                self.put(&name, definition);
            }
        }
        (
            name.unwrap_or_else(|| "Anything".to_owned()),
            rewritten(body),
        )
    }
}

/// The same schema with references to this document's schemas, and descriptions as prose.
fn rewritten(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(rewritten).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| match (name.as_str(), value) {
                ("$ref", Value::String(to)) => (name, to.replace("#/$defs/", HOME).into()),
                ("description", Value::String(text)) => (name, prose(&text).into()),
                (_, value) => (name, rewritten(value)),
            })
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{QUERIES, TOPICS};

    #[test]
    fn no_two_types_of_the_contract_share_a_name() {
        let topics = TOPICS
            .iter()
            .flat_map(|t| [t.payload_schema, t.completed_schema]);
        let queries = QUERIES.iter().flat_map(|q| [q.ask_schema, q.answer_schema]);
        let mut known = BTreeMap::new();
        for schema in topics.chain(queries) {
            let mut components = Components::default();
            components.add(schema());
            for (name, body) in components.schemas {
                let before = known.insert(name.clone(), body.clone());
                assert!(
                    before.is_none_or(|before| before == body),
                    "two types are named {name}"
                );
            }
        }
    }

    #[test]
    fn a_body_lacks_the_fields_of_its_path_and_is_none_when_it_had_no_others() {
        let topic = crate::registry::topic("wallet", "transaction_create").unwrap();
        let mut components = Components::default();
        components
            .add_without((topic.payload_schema)(), &["wallet_id"])
            .unwrap();
        let body = components.into_value()["TransactionCreateBody"].clone();
        assert!(body["properties"].get("wallet_id").is_none());
        assert_eq!(
            body["required"],
            json!(["type", "amount", "funding_source_id"])
        );

        let topic = crate::registry::topic("wallet", "wallet_sync").unwrap();
        let none = Components::default().add_without((topic.payload_schema)(), &["wallet_id"]);
        assert_eq!(none, None);
    }
}
