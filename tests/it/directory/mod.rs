//! The directory: what other services tell of their own records.

mod access;
mod investment_upsert;
mod offer_upsert;
mod profile_upsert;
mod user_upsert;
mod versions;
