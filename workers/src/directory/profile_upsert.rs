//! Stores a version of a profile. The SSN is sealed before it reaches the database.

use crate::handler::{Ctx, Handler};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subjects::directory::{ProfileUpsert, Upserted};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::{Cause, Fault};
use tranche::store::directory;

impl Handler for ProfileUpsert {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<Upserted>, Fault> {
        if let Some(ssn) = &self.person.ssn {
            check_ssn(ssn)?;
        }
        let seal = |ssn: &String| ctx.services().sealer.seal(ssn.as_bytes());
        let sealed = self.person.ssn.as_ref().map(seal).transpose();
        let sealed = sealed.map_err(|e| Fault::Retry(Cause::of("seal_failed", &e)))?;
        let sealed = sealed.map(|bytes| STANDARD.encode(bytes));
        ctx.finish(directory::profile_upsert(&self, sealed.as_deref()))
            .await
    }
}

/// Four digits or nine: Dwolla takes nothing else, and says so only after the customer has lost an
/// attempt.
fn check_ssn(ssn: &str) -> Result<(), Fault> {
    if matches!(ssn.len(), 4 | 9) && ssn.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    Err(Fault::refuse(
        400,
        "ssn_malformed",
        "the SSN must be its last 4 or all 9 digits",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ssn_has_four_or_nine_digits() {
        assert!(check_ssn("6789").is_ok());
        assert!(check_ssn("123456789").is_ok());
        for bad in ["", "123", "12345", "123-45-6789", "abcd"] {
            assert!(check_ssn(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_refusal_does_not_repeat_the_number() {
        let fault = check_ssn("12345").unwrap_err();
        assert!(!fault.message().contains("12345"));
    }
}
