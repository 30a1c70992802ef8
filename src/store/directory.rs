//! The directory's tables: users, profiles, offers, investments.

use super::StoreError;
use super::change::{Change, Statements, statements};
use serde_json::{Value, json};
use sqlx::{PgPool, Row as _};
use subjects::directory::{Access, AccessAnswer, InvestmentUpsert, OfferUpsert, ProfileUpsert};
use subjects::directory::{Upserted, UserUpsert};
use subjects::ids::{ProfileId, UserId};
use subjects::kyc::ApprovalNoted;

pub(super) static USER_UPSERT: Statements = statements!("user_upsert");
pub(super) static PROFILE_UPSERT: Statements = statements!("profile_upsert");
pub(super) static OFFER_UPSERT: Statements = statements!("offer_upsert");
pub(super) static INVESTMENT_UPSERT: Statements = statements!("investment_upsert");
pub(super) static KYC_APPROVE: Statements = statements!("kyc_approve");

fn value<T: serde::Serialize>(payload: &T) -> Value {
    serde_json::to_value(payload).unwrap_or(Value::Null)
}

/// Stores a user, unless a newer version is stored.
pub fn user_upsert(user: &UserUpsert) -> Change<Upserted> {
    Change::new(&USER_UPSERT, value(user), vec![format!("user:{}", user.id)])
}

/// Stores a profile, unless a newer version is stored. `sealed_ssn` is base64 of the sealed digits.
pub fn profile_upsert(profile: &ProfileUpsert, sealed_ssn: Option<&str>) -> Change<Upserted> {
    let digits = profile.person.ssn.as_ref().map(String::len);
    let person = subjects::directory::Person {
        ssn: None,
        ..profile.person.clone()
    };
    let input = json!({
        "id": profile.id, "version": profile.version, "user_id": profile.user_id,
        "type": profile.kind, "person": person, "ssn": sealed_ssn, "ssn_digits": digits,
    });
    Change::new(
        &PROFILE_UPSERT,
        input,
        vec![format!("profile:{}", profile.id)],
    )
}

/// Stores an offer, unless a newer version is stored.
pub fn offer_upsert(offer: &OfferUpsert) -> Change<Upserted> {
    Change::new(
        &OFFER_UPSERT,
        value(offer),
        vec![format!("offer:{}", offer.id)],
    )
}

/// Stores an investment, unless a newer version is stored.
pub fn investment_upsert(investment: &InvestmentUpsert) -> Change<Upserted> {
    let row = format!("investment:{}", investment.id);
    Change::new(&INVESTMENT_UPSERT, value(investment), vec![row])
}

/// Notes a profile's approval and orders its wallet; `profile_unknown` when the directory has not
/// told of it yet.
pub fn kyc_approve(profile: ProfileId) -> Change<ApprovalNoted> {
    let input = json!({ "profile_id": profile });
    Change::new(&KYC_APPROVE, input, vec![format!("profile:{profile}")])
}

/// Whether an identity may act on what a request names: each must exist and belong to its user.
pub async fn access(pool: &PgPool, ask: &Access) -> Result<AccessAnswer, StoreError> {
    let row = sqlx::query(include_str!("sql/access.sql"))
        .bind(ask.identity)
        .bind(ask.user_id)
        .bind(ask.profile_id)
        .bind(ask.wallet_id)
        .fetch_optional(pool)
        .await?;
    match row {
        Some(row) => Ok(AccessAnswer {
            user_id: Some(UserId(row.try_get("id")?)),
            allowed: row.try_get("allowed")?,
        }),
        None => Ok(AccessAnswer {
            user_id: None,
            allowed: false,
        }),
    }
}
