//! Whether a person may act on the things that a request names.
//!
//! Paths carry ids that the browser chose. The workers' directory knows whose they are; its yes is
//! trusted for a while, its no never, because the thing may be created a moment later.

use crate::ingress::Ingress;
use crate::ingress::problem::Refusal;
use subjects::directory::Access;
use subjects::envelope::Caller;
use subjects::ids::UserId;

impl Ingress {
    /// The caller, if everything that `access` names is theirs. What is somebody else's and what
    /// does not exist get the same answer, so that ids can not be probed.
    pub(crate) async fn caller(&self, access: Access) -> Result<Caller, Refusal> {
        let identity = access.identity;
        let user = self.user(access).await?;
        Ok(Caller::User { identity, user })
    }

    /// The identity's user row, with the same check.
    pub(crate) async fn user(&self, access: Access) -> Result<UserId, Refusal> {
        if let Some(user) = self.accesses.get(&access) {
            return Ok(user);
        }
        let answer = self.ask(&access).await?;
        let user = answer.user_id.ok_or_else(Refusal::unauthorized)?;
        if !answer.allowed {
            return Err(Refusal::not_found());
        }
        self.accesses.put(access, user, self.access_trust);
        Ok(user)
    }
}
