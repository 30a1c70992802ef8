//! Notes a profile's approval and orders its wallet, in one commit.
//!
//! The approval may overtake the profile's own event; then it waits for it.

use crate::handler::{Ctx, Handler};
use subjects::kyc::{ApprovalNoted, Approved};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::store::directory;

impl Handler for Approved {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<ApprovalNoted>, Fault> {
        let noted = ctx.finish(directory::kyc_approve(self.profile_id)).await;
        noted.map_err(|fault| match fault.code() {
            "profile_unknown" => Fault::retry("profile_unknown", fault.message()),
            _ => fault,
        })
    }
}
