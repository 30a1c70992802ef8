//! Dollars on the wire.
//!
//! Inside, an amount is a [`Usd`]: a decimal with exactly two places, never a float. It travels as
//! a decimal string (`"12.20"`). The front end sends and reads JSON numbers for the fiat wallet, so
//! parsing accepts both spellings and [`UsdNumber`] writes the number, at that edge only.

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// An amount of US dollars with cents: at most two decimals, any sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(Decimal);

/// Why a text is not an amount of dollars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoneyError {
    /// Not a plain decimal number.
    NotDecimal(String),
    /// More than two decimals; nothing is rounded silently.
    TooPrecise(Decimal),
    /// The sum does not fit.
    Overflow,
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDecimal(text) => write!(f, "expected dollars like 12.20, got {text:?}"),
            Self::TooPrecise(value) => write!(f, "expected at most 2 decimals, got {value}"),
            Self::Overflow => write!(f, "the amount is out of range"),
        }
    }
}

impl std::error::Error for MoneyError {}

impl Usd {
    /// No money.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// Dollars from a decimal, which must not have more than two places.
    pub fn new(value: Decimal) -> Result<Self, MoneyError> {
        let mut value = value.normalize();
        if value.scale() > 2 {
            return Err(MoneyError::TooPrecise(value));
        }
        value.rescale(2);
        Ok(Self(value))
    }

    /// Dollars from whole cents.
    pub fn from_cents(cents: i64) -> Self {
        Self(Decimal::new(cents, 2))
    }

    /// The decimal, with two places.
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// The sum, or [`MoneyError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.0
            .checked_add(other.0)
            .map(Self)
            .ok_or(MoneyError::Overflow)
    }

    /// The difference, or [`MoneyError::Overflow`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.0
            .checked_sub(other.0)
            .map(Self)
            .ok_or(MoneyError::Overflow)
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.0)
    }
}

impl FromStr for Usd {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
        let value = if plain {
            Decimal::from_str_exact(text).ok()
        } else {
            None
        };
        Self::new(value.ok_or_else(|| MoneyError::NotDecimal(text.to_owned()))?)
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => text.parse().map_err(de::Error::custom),
            // The shortest decimal that reads back as the same number is what the sender typed;
            // what does not survive that has more digits than dollars can have, and is refused.
            serde_json::Value::Number(number) => {
                number.to_string().parse().map_err(de::Error::custom)
            }
            other => Err(de::Error::custom(MoneyError::NotDecimal(other.to_string()))),
        }
    }
}

impl JsonSchema for Usd {
    fn schema_name() -> Cow<'static, str> {
        "Usd".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "number"],
            "description": "US dollars with at most two decimals; a decimal string is preferred.",
            "examples": ["12.20"],
        })
    }
}

/// An amount that a person asks to move: at least one dollar, at most one million.
///
/// The bounds are those of the front end's form; the limit that Dwolla's agreement sets for one
/// transfer is configuration and is checked by the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Amount(Usd);

impl Amount {
    /// One dollar.
    pub const MIN_CENTS: i64 = 100;
    /// One million dollars.
    pub const MAX_CENTS: i64 = 100_000_000;

    /// An amount within the bounds, or the sentence that the form shows.
    pub fn new(usd: Usd) -> Result<Self, String> {
        if usd < Usd::from_cents(Self::MIN_CENTS) {
            return Err("greater than or equal to 1".to_owned());
        }
        if usd > Usd::from_cents(Self::MAX_CENTS) {
            return Err("less than or equal to 1000000".to_owned());
        }
        Ok(Self(usd))
    }

    /// The dollars.
    pub fn usd(self) -> Usd {
        self.0
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Usd::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "number"],
            "description": "US dollars from 1.00 to 1000000.00 with at most two decimals.",
            "examples": ["12.20"],
        })
    }
}

/// Dollars written as a JSON number, for the front end's fiat wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct UsdNumber(pub Usd);

impl Serialize for UsdNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number: serde_json::Number = self
            .0
            .0
            .normalize()
            .to_string()
            .parse()
            .map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

impl JsonSchema for UsdNumber {
    fn schema_name() -> Cow<'static, str> {
        "UsdNumber".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "description": "US dollars with at most two decimals." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn three_decimals_exponents_and_words_are_refused() {
        for text in ["1.005", "1e3", "0x10", "", "one", "1,000.00", "NaN", "--1"] {
            assert!(text.parse::<Usd>().is_err(), "{text:?}");
        }
        assert!(serde_json::from_str::<Usd>("12.345").is_err());
        assert!(serde_json::from_str::<Usd>("0.30000000000000004").is_err());
        assert!(serde_json::from_str::<Usd>("true").is_err());
    }

    #[test]
    fn the_bounds_of_an_amount_are_inclusive() {
        for ok in ["1", "1.00", "1000000", "1000000.00"] {
            assert!(serde_json::from_str::<Amount>(ok).is_ok(), "{ok}");
        }
        for bad in ["0", "0.99", "-5", "1000000.01"] {
            assert!(serde_json::from_str::<Amount>(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn cents_survive_every_spelling(cents in -10_000_000_000i64..10_000_000_000) {
            let usd = Usd::from_cents(cents);
            let string = serde_json::to_string(&usd).unwrap();
            prop_assert_eq!(serde_json::from_str::<Usd>(&string).unwrap(), usd);
            let number = serde_json::to_string(&UsdNumber(usd)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Usd>(&number).unwrap(), usd);
        }

        #[test]
        fn adding_and_taking_away_is_the_identity(a in any::<i32>(), b in any::<i32>()) {
            let (a, b) = (Usd::from_cents(a.into()), Usd::from_cents(b.into()));
            prop_assert_eq!(a.checked_add(b).unwrap().checked_sub(b).unwrap(), a);
        }
    }
}
