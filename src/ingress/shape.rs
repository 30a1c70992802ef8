//! The shape of a payload: its schema, compiled once, and what is wrong with a value in the
//! contract's words.
//!
//! Two judges look at a payload. The schema finds *every* field that is missing, of the wrong type
//! or out of range, which a form wants to show at once. The type's own parser comes after it and
//! finds the first thing that a schema can not say, such as a third decimal of dollars.

use jsonschema::Validator;
use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use subjects::envelope::Problem;
use subjects::spec::{Misfit, Prepared};

/// Messages per field.
pub(crate) type Complaints = BTreeMap<String, Vec<String>>;

/// A payload type, ready to judge values.
#[derive(Debug)]
pub(crate) struct Shape {
    schema: Value,
    validator: Validator,
    prepare: fn(Value) -> Result<Prepared, Misfit>,
}

impl Shape {
    /// Compiles the schema. An error is a mistake in the payload's type.
    pub(crate) fn new(
        schema: Value,
        prepare: fn(Value) -> Result<Prepared, Misfit>,
    ) -> Result<Self, String> {
        let validator = jsonschema::validator_for(&schema).map_err(|error| error.to_string())?;
        Ok(Self {
            schema,
            validator,
            prepare,
        })
    }

    /// The schema, for the client that asks for it.
    pub(crate) fn schema(&self) -> &Value {
        &self.schema
    }

    /// Whether the payload has this field.
    pub(crate) fn knows(&self, field: &str) -> bool {
        self.schema["properties"].get(field).is_some()
    }

    /// Whether this field is a whole number, so that a text in an address stands for a number.
    pub(crate) fn is_integer(&self, field: &str) -> bool {
        let schema = self.field(&[field]);
        match schema.map(|schema| &schema["type"]) {
            Some(Value::String(kind)) => kind == "integer",
            Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "integer"),
            _ => false,
        }
    }

    /// The payload, checked and in canonical form.
    pub(crate) fn prepare(&self, payload: Map<String, Value>) -> Result<Prepared, Problem> {
        let mut texts = payload.iter();
        if let Some(field) = texts.find_map(|(name, value)| unstorable(name, value)) {
            let complaint = vec![UNSTORABLE.to_owned()];
            return Err(bad_request(Complaints::from([(field, complaint)])));
        }
        let value = Value::Object(payload);
        if !self.validator.is_valid(&value) {
            let mut complaints = Complaints::new();
            for error in self.validator.iter_errors(&value) {
                self.complain(&error, &mut complaints);
            }
            return Err(bad_request(complaints));
        }
        (self.prepare)(value).map_err(|misfit| match misfit.field {
            Some(field) => bad_request(Complaints::from([(field, vec![misfit.message])])),
            None => Problem::new(400, "bad_request", misfit.message),
        })
    }

    fn complain(&self, error: &ValidationError<'_>, complaints: &mut Complaints) {
        let path = error.instance_path().to_string();
        let mut names: Vec<&str> = path.split('/').skip(1).collect();
        if let ValidationErrorKind::Required { property } = error.kind() {
            names.push(property.as_str().unwrap_or_default());
        }
        let text = if error.instance().is_null() && !names.is_empty() {
            MISSING.to_owned()
        } else {
            text(error, self.field(&names))
        };
        let messages = complaints.entry(names.join(".")).or_default();
        if !messages.contains(&text) {
            messages.push(text);
        }
    }

    /// The schema of a field, with references followed.
    fn field(&self, names: &[&str]) -> Option<&Value> {
        names.iter().try_fold(&self.schema, |schema, name| {
            let inner = schema["properties"]
                .get(name)
                .or_else(|| schema.get("items"))?;
            match inner["$ref"].as_str() {
                Some(reference) => self.schema.pointer(reference.strip_prefix('#')?),
                None => Some(inner),
            }
        })
    }
}

const MISSING: &str = "missing data for required field";
const UNSTORABLE: &str = "must not contain the character NUL";

/// The path of the first text that holds U+0000, which JSON allows and PostgreSQL can not store: a
/// command with one would fail in every worker.
fn unstorable(path: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(|| path.to_owned()),
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(index, item)| unstorable(&format!("{path}.{index}"), item))
        }
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            if name.contains('\0') {
                return Some(path.to_owned());
            }
            unstorable(&format!("{path}.{name}"), value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// 400 with messages per field; what concerns the payload as a whole becomes the sentence.
fn bad_request(mut fields: Complaints) -> Problem {
    let whole = fields.remove("").map(|messages| messages.join("; "));
    let message = whole.unwrap_or_else(|| "Bad request.".to_owned());
    Problem {
        code: "bad_request".to_owned(),
        status: 400,
        message,
        fields,
    }
}

/// What is wrong, in the words that the contract gives for each rule.
fn text(error: &ValidationError<'_>, schema: Option<&Value>) -> String {
    use ValidationErrorKind as Kind;
    match error.kind() {
        Kind::Required { .. } => MISSING.to_owned(),
        Kind::MinLength { limit } => format!("shorter than minimum length {limit}"),
        Kind::MaxLength { limit } => format!("longer than maximum length {limit}"),
        Kind::Minimum { limit } => format!("greater than or equal to {limit}"),
        Kind::Maximum { limit } => format!("less than or equal to {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("greater than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        Kind::Enum { options } => one_of(options.as_array().into_iter().flatten()),
        Kind::Constant { expected_value } => format!("must be equal to: {}", bare(expected_value)),
        Kind::Format { format } if format == "email" => "not a valid email address".to_owned(),
        Kind::Type { kind } => format!("must be of type: {}", type_name(kind)),
        Kind::OneOfNotValid { .. } | Kind::AnyOf { .. } => match alternatives(schema) {
            Some(text) => text,
            None => "does not fit any of its forms".to_owned(),
        },
        // The words of the rarer rules are the validator's; it masks the value, which may be
        // personal data.
        _ => error.masked().to_string(),
    }
}

/// The values of an enumeration whose values are documented: schemas list those as alternatives.
fn alternatives(schema: Option<&Value>) -> Option<String> {
    let schema = schema?;
    let forms = schema
        .get("oneOf")
        .or_else(|| schema.get("anyOf"))?
        .as_array()?;
    let values: Option<Vec<&Value>> = forms.iter().map(|form| form.get("const")).collect();
    values.map(|values| one_of(values.into_iter()))
}

fn one_of<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    format!(
        "must be one of: {}",
        values.map(bare).collect::<Vec<_>>().join(", ")
    )
}

fn bare(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn type_name(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(kind) => kind.to_string(),
        TypeKind::Multiple(kinds) => kinds
            .iter()
            .map(|kind| kind.to_string())
            .collect::<Vec<_>>()
            .join(" or "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use subjects::registry;

    fn shape(service: &str, name: &str) -> Shape {
        let topic = registry::topic(service, name).unwrap();
        Shape::new((topic.payload_schema)().to_value(), topic.prepare).unwrap()
    }

    fn complaints(topic: &str, payload: Value) -> Value {
        let (service, name) = topic.split_once('/').unwrap();
        let Value::Object(payload) = payload else {
            unreachable!("a payload is an object")
        };
        let problem = shape(service, name).prepare(payload).unwrap_err();
        assert_eq!(
            (problem.status, problem.message.as_str()),
            (400, "Bad request.")
        );
        json!(problem.fields)
    }

    #[test]
    fn every_field_that_is_missing_is_named_at_once() {
        let missing = json!(["missing data for required field"]);
        assert_eq!(
            complaints(
                "wallet/transaction_create",
                json!({"wallet_id": 70, "amount": null})
            ),
            json!({"type": missing, "amount": missing, "funding_source_id": missing}),
        );
    }

    #[test]
    fn types_enumerations_and_ranges_have_the_contracts_words() {
        let payload = json!({
            "wallet_id": 0, "type": "investment", "amount": true, "funding_source_id": "301",
        });
        assert_eq!(
            complaints("wallet/transaction_create", payload),
            json!({
                "wallet_id": ["greater than or equal to 1"],
                "type": ["must be one of: deposit, withdrawal"],
                "amount": ["must be of type: number or string"],
                "funding_source_id": ["must be of type: integer"],
            }),
        );
        let payload = json!({"profile_id": 7, "public_token": ""});
        assert_eq!(
            complaints("wallet/bank_exchange", payload),
            json!({"public_token": ["shorter than minimum length 1"]}),
        );
    }

    #[test]
    fn what_only_the_type_knows_is_told_at_its_field() {
        let create = |amount: Value| {
            let payload = json!({
                "wallet_id": 70, "type": "deposit", "amount": amount, "funding_source_id": 1,
            });
            complaints("wallet/transaction_create", payload)["amount"][0].clone()
        };
        assert_eq!(
            create(json!(12.345)),
            "expected at most 2 decimals, got 12.345"
        );
        assert_eq!(create(json!(-5)), "greater than or equal to 1");
        assert_eq!(create(json!("0")), "greater than or equal to 1");
        assert_eq!(create(json!("1000000.01")), "less than or equal to 1000000");
    }

    #[test]
    fn a_nested_field_is_named_with_dots() {
        let payload = json!({
            "id": 7, "version": 1, "user_id": 3, "type": "individual", "person": {"city": 5},
        });
        let fields = complaints("directory/profile_upsert", payload);
        assert_eq!(fields, json!({"person.city": ["must be of type: string"]}));
    }

    #[test]
    fn a_text_that_can_not_be_stored_is_refused_wherever_it_stands() {
        let unstorable = json!(["must not contain the character NUL"]);
        for (payload, field) in [
            (json!({"public_token": "a\u{0}"}), "public_token"),
            (json!({"person": {"city": "a\u{0}"}}), "person.city"),
            (json!({"data": [{"b\u{0}": 1}]}), "data.0"),
        ] {
            let fields = complaints("wallet/bank_exchange", payload);
            assert_eq!(fields, json!({field: unstorable}));
        }
    }

    #[test]
    fn a_good_payload_comes_out_canonical_without_what_the_type_does_not_know() {
        let Value::Object(payload) = json!({
            "unknown": 1, "funding_source_id": 1, "amount": 12.2, "type": "deposit",
            "wallet_id": 70,
        }) else {
            unreachable!("an object")
        };
        let prepared = shape("wallet", "transaction_create")
            .prepare(payload)
            .unwrap();
        assert_eq!(
            String::from_utf8(prepared.body).unwrap(),
            r#"{"wallet_id":70,"type":"deposit","amount":"12.20","funding_source_id":1}"#,
        );
    }

    #[test]
    fn every_payload_and_question_of_the_registry_compiles() {
        for topic in registry::TOPICS {
            assert!(
                Shape::new((topic.payload_schema)().to_value(), topic.prepare).is_ok(),
                "{}",
                topic.name
            );
        }
        for query in registry::QUERIES {
            assert!(
                Shape::new((query.ask_schema)().to_value(), query.prepare).is_ok(),
                "{}",
                query.name
            );
        }
    }
}
