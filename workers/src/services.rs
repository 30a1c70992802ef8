//! What handlers use besides the bus: partners, database reads, configuration.

use sqlx::PgPool;
use std::sync::Arc;
use tranche::config::Config;
use tranche::partners::Partners;
use tranche::seal::Sealer;

/// What handlers use besides the bus.
#[derive(Clone)]
pub struct Services {
    /// For reads; writes go through steps.
    pub db: PgPool,
    /// The partners' clients, with their rate limits and circuit breakers.
    pub partners: Partners,
    /// Seals personal data.
    pub sealer: Sealer,
    /// The configuration.
    pub config: Arc<Config>,
}
