//! Sending: signature, headers, schedule, automatic pause.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::super::Dwolla;
use crate::courier::{Letter, Outcome, Posting};

/// Minutes between the attempts: 15 min, 1 h, 3 h, 6 h, 12 h, 24 h, 48 h and 72 h after the first.
const SCHEDULE_MINUTES: [u64; 8] = [15, 45, 120, 180, 360, 720, 1440, 1440];
/// A subscription is paused after so many failures in a row, if no success came for a day.
const PAUSE_AFTER: u32 = 400;

/// A webhook that is addressed and closed: it carries its own body, so that nothing is lost when the ring forgets.
pub(crate) struct Sealed {
    webhook: Uuid,
    subscription: Uuid,
    topic: &'static str,
    body: Arc<str>,
    /// Retries by hand are single attempts.
    follow_schedule: bool,
}

impl Sealed {
    pub(super) fn first(
        webhook: Uuid,
        subscription: Uuid,
        topic: &'static str,
        body: Arc<str>,
    ) -> Self {
        Self {
            webhook,
            subscription,
            topic,
            body,
            follow_schedule: true,
        }
    }

    pub(super) fn again(
        webhook: Uuid,
        subscription: Uuid,
        topic: &'static str,
        body: Arc<str>,
    ) -> Self {
        Self {
            follow_schedule: false,
            ..Self::first(webhook, subscription, topic, body)
        }
    }

    pub(crate) fn letter(self, dwolla: Arc<Dwolla>) -> DwollaLetter {
        DwollaLetter {
            sealed: self,
            dwolla,
        }
    }
}

/// A sealed webhook with the way back to the partner's records.
pub(crate) struct DwollaLetter {
    sealed: Sealed,
    dwolla: Arc<Dwolla>,
}

/// `hex(HMAC-SHA256(secret, body))`, over the body's exact bytes.
fn sign(secret: &str, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(body);
    Some(hex::encode(mac.finalize().into_bytes()))
}

impl Letter for DwollaLetter {
    fn write(&self) -> Option<Posting> {
        let (url, secret) = self.dwolla.with(|state| {
            let subscription = state.hooks.subscription(self.sealed.subscription)?;
            (!subscription.paused)
                .then(|| (subscription.url.clone(), Arc::clone(&subscription.secret)))
        })?;
        let body = self.sealed.body.as_bytes();
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("user-agent", "dwolla-webhooks/1.1".to_owned()),
            ("x-dwolla-topic", self.sealed.topic.to_owned()),
            ("x-request-signature-sha-256", sign(&secret, body)?),
        ];
        Some(Posting {
            url,
            headers,
            body: body.to_vec(),
        })
    }

    fn report(&self, attempt: u32, outcome: Outcome) -> Option<Duration> {
        let accepted = outcome.accepted();
        self.dwolla.with(|state| {
            let now = state.now();
            if let Some(webhook) = state.hooks.webhook_mut(self.sealed.webhook) {
                webhook.attempts.push((Uuid::new_v4(), outcome));
            }
            if let Some(subscription) = state.hooks.subscription_mut(self.sealed.subscription) {
                if accepted {
                    subscription.failures_in_a_row = 0;
                    subscription.last_success = now;
                } else {
                    subscription.failures_in_a_row += 1;
                    subscription.paused |= subscription.failures_in_a_row >= PAUSE_AFTER
                        && now - subscription.last_success >= TimeDelta::hours(24);
                }
            }
        });
        if accepted || !self.sealed.follow_schedule {
            return None;
        }
        let minutes = SCHEDULE_MINUTES.get(usize::try_from(attempt).unwrap_or(usize::MAX))?;
        Some(Duration::from_secs(minutes * 60))
    }
}

#[cfg(test)]
mod tests {
    use super::sign;

    #[test]
    fn the_signature_of_the_reference_vector_is_reproduced() {
        let body = concat!(
            r#"{"id":"5f1c1f5e-0c1e-4b57-9d7c-2b7a3d0e9a11","resourceId":"7c2d9f60-8a4b-ee11-8150-0a2b3c4d5e6f","#,
            r#""topic":"customer_bank_transfer_completed","timestamp":"2026-02-03T15:04:05.678Z","_links":{"self":"#,
            r#"{"href":"https://api-sandbox.dwolla.com/events/5f1c1f5e-0c1e-4b57-9d7c-2b7a3d0e9a11"},"account":"#,
            r#"{"href":"https://api-sandbox.dwolla.com/accounts/11111111-2222-4333-8444-555555555555"},"resource":"#,
            r#"{"href":"https://api-sandbox.dwolla.com/transfers/7c2d9f60-8a4b-ee11-8150-0a2b3c4d5e6f"},"customer":"#,
            r#"{"href":"https://api-sandbox.dwolla.com/customers/a1a1a1a1-b2b2-43c3-84d4-e5e5e5e5e5e5"}},"#,
            r#""created":"2026-02-03T15:04:05.678Z"}"#,
        );
        assert_eq!(body.len(), 618);
        assert_eq!(
            sign("local-test-secret", body.as_bytes()).as_deref(),
            Some("017272b6fec3cc16cf0be57a0e2749e8c16b1f82a6b73c198d8362f32e325610")
        );
    }
}
