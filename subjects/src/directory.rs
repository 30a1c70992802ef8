//! The directory: users, profiles, offers and investments.
//!
//! They belong to services outside this system and arrive here as events. Each carries a `version`
//! that grows with every change of its row; an older version than the stored one changes nothing,
//! so the events may come twice and in any order.

use crate::ids::{IdentityId, InvestmentId, OfferId, ProfileId, UserId};
use crate::money::Usd;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A person who can sign in.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct UserUpsert {
    /// Row id.
    pub id: UserId,
    /// Grows with every change.
    #[schemars(range(min = 1))]
    pub version: i64,
    /// The Kratos identity that signs in as this user.
    pub identity_id: IdentityId,
    /// The address of the login.
    #[schemars(length(min = 3, max = 254))]
    pub email: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
}

/// The kinds of persona an investor can act as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileType {
    /// The person.
    Individual,
    /// A company.
    Entity,
    /// A trust.
    Trust,
    /// A self-directed retirement account. It has no wallet.
    Sdira,
    /// A retirement plan of a sole proprietor.
    Solo401k,
}

impl ProfileType {
    /// The stored text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Individual => "individual",
            Self::Entity => "entity",
            Self::Trust => "trust",
            Self::Sdira => "sdira",
            Self::Solo401k => "solo401k",
        }
    }
}

/// A persona of an investor, with what a partner needs to verify it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ProfileUpsert {
    /// Row id.
    pub id: ProfileId,
    /// Grows with every change.
    #[schemars(range(min = 1))]
    pub version: i64,
    /// The user that it belongs to.
    pub user_id: UserId,
    /// The kind of persona.
    #[serde(rename = "type")]
    pub kind: ProfileType,
    /// Who the person behind it is.
    pub person: Person,
}

/// The data of a person. Empty where it is not known yet.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Person {
    /// Given name, at most 50 characters.
    pub first_name: String,
    /// Family name, at most 50 characters.
    pub last_name: String,
    /// The name of the business, for a sole proprietor's plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_name: Option<String>,
    /// Street and number; no post-office box.
    pub address1: String,
    /// Flat, floor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address2: Option<String>,
    /// City.
    pub city: String,
    /// State or territory, two capital letters.
    pub state: String,
    /// `NNNNN` or `NNNNN-NNNN`.
    pub postal_code: String,
    /// Date of birth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_of_birth: Option<NaiveDate>,
    /// Ten digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The last four or all nine digits. Sealed at rest, never sent back, never logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssn: Option<String>,
}

/// An offer that can be invested in.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct OfferUpsert {
    /// Row id.
    pub id: OfferId,
    /// Grows with every change.
    #[schemars(range(min = 1))]
    pub version: i64,
    /// Its name.
    pub name: String,
    /// Its state in the life cycle.
    pub status: String,
    /// Everything else that the offer service keeps.
    #[serde(default)]
    pub data: Map<String, Value>,
}

/// An investment.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InvestmentUpsert {
    /// Row id.
    pub id: InvestmentId,
    /// Grows with every change.
    #[schemars(range(min = 1))]
    pub version: i64,
    /// Who invests.
    pub user_id: UserId,
    /// As which persona.
    pub profile_id: ProfileId,
    /// In what.
    pub offer_id: OfferId,
    /// Dollars.
    pub amount: Usd,
    /// Its state in the life cycle.
    pub status: String,
    /// How it is paid.
    pub funding_type: String,
    /// Everything else that the investment service keeps.
    #[serde(default)]
    pub data: Map<String, Value>,
}

/// What an upsert did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Upserted {
    /// Row id.
    pub id: i64,
    /// False when the stored version was as new or newer, and nothing changed.
    pub applied: bool,
}

/// Asks whether an identity may act on the things that a request names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Access {
    /// The signed-in identity.
    pub identity: IdentityId,
    /// The user that the request names.
    #[serde(default)]
    pub user_id: Option<i64>,
    /// The profile that the request names.
    #[serde(default)]
    pub profile_id: Option<i64>,
    /// The wallet that the request names.
    #[serde(default)]
    pub wallet_id: Option<i64>,
}

/// The answer to [`Access`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessAnswer {
    /// The user row of the identity; none when the directory does not know it yet.
    pub user_id: Option<UserId>,
    /// Whether everything that was named exists and belongs to the user.
    pub allowed: bool,
}
