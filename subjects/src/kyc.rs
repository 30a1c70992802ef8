//! What the wallet service must hear about a profile's identity verification.

use crate::ids::ProfileId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A profile's identity was verified.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Approved {
    /// The profile.
    pub profile_id: ProfileId,
}

/// What the approval set in motion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalNoted {
    /// The profile.
    pub profile_id: ProfileId,
    /// Whether a wallet is being created; a self-directed retirement account has none.
    pub wallet: bool,
}
