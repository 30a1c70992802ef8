//! The directory: what the services that own users, profiles, offers and investments tell us.
//!
//! Each upsert is one statement that compares versions, so the events may come twice and in any
//! order.

mod access;
mod investment_upsert;
mod offer_upsert;
mod profile_upsert;
mod user_upsert;
