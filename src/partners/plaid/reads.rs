//! What may be asked of Plaid again and again: reads, and tokens that cost nothing to repeat.

use super::client::Plaid;
use super::error::Answer;
use super::wire::{
    Accounts, ByAccess, Filters, KeyAnswer, KeyAsk, LinkToken, ProcessorAnswer, ProcessorAsk,
    Subtypes, User,
};
use super::{Account, BankAccountKind};
use crate::bus::fault::Fault;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use subjects::operations::PlaidKey;
use subjects::wallet::BankLinkToken;

impl Plaid {
    /// A token with which the browser opens the dialog, for checking and savings accounts in the
    /// US. `client_user_id` is our id of the person and must not be personal data. Lives four hours.
    pub async fn link_token(&self, client_user_id: &str) -> Result<BankLinkToken, Fault> {
        let body = LinkToken {
            client_name: self.client_name(),
            language: "en",
            country_codes: ["US"],
            products: ["auth"],
            user: User { client_user_id },
            webhook: self.webhook(),
            account_filters: Filters {
                depository: Subtypes {
                    account_subtypes: ["checking", "savings"],
                },
            },
        };
        read(
            self.post("link_token", &["link", "token", "create"], &body, None)
                .await,
        )
    }

    /// The bank accounts behind a login. Rejects with `invalid_access_token` when it was removed,
    /// and with `item_login_required` when the person has to sign in again.
    pub async fn accounts(&self, access_token: &SecretString) -> Result<Vec<Account>, Fault> {
        let body = ByAccess {
            access_token: access_token.expose_secret(),
        };
        let answer = self
            .post("accounts", &["accounts", "get"], &body, None)
            .await;
        let Accounts { accounts } = read(answer)?;
        let accounts = accounts.into_iter().map(|account| Account {
            kind: account.subtype.as_deref().and_then(BankAccountKind::parse),
            account_id: account.account_id,
            name: account.name,
            mask: account.mask,
        });
        Ok(accounts.collect())
    }

    /// A token with which Dwolla may see one account. Each call gives another; all live until the
    /// item is removed.
    pub async fn processor_token(
        &self,
        access_token: &SecretString,
        account_id: &str,
    ) -> Result<SecretString, Fault> {
        let access_token = access_token.expose_secret();
        let body = ProcessorAsk {
            access_token,
            account_id,
            processor: "dwolla",
        };
        let path = ["processor", "token", "create"];
        let ProcessorAnswer { processor_token } =
            read(self.post("processor_token", &path, &body, None).await)?;
        Ok(processor_token)
    }

    /// A key that signs webhooks; none when Plaid does not know the id, or when the key is of
    /// another kind than ES256 on P-256, which verifies nothing.
    pub async fn webhook_key(&self, kid: &str) -> Result<Option<PlaidKey>, Fault> {
        let body = KeyAsk { key_id: kid };
        let path = ["webhook_verification_key", "get"];
        let answer = self.post("webhook_key", &path, &body, None).await;
        if matches!(answer, Answer::NoSuchKey(_)) {
            return Ok(None);
        }
        let KeyAnswer { key } = read(answer)?;
        if key.alg != "ES256" || key.crv != "P-256" {
            return Ok(None);
        }
        Ok(Some(PlaidKey {
            x: key.x,
            y: key.y,
            expired: key.expired_at.is_some(),
        }))
    }
}

/// What an answer means for what may be asked again.
fn read<T: DeserializeOwned>(answer: Answer) -> Result<T, Fault> {
    match answer {
        Answer::Fine(body) => serde_json::from_slice(&body).map_err(|error| {
            let place = format!("line {} column {}", error.line(), error.column());
            Fault::retry(
                "plaid_unreadable",
                format!("expected Plaid's JSON, stopped at {place}"),
            )
        }),
        Answer::NotSent(fault) | Answer::TooMany(fault) => Err(fault),
        Answer::Lost(cause) | Answer::Broken(cause) | Answer::Odd(cause) => {
            Err(Fault::Retry(cause))
        }
        Answer::Credentials(refusal) => Err(refusal.credentials()),
        Answer::Malformed(refusal) => Err(refusal.bug()),
        Answer::ItemGone(refusal) | Answer::NoSuchKey(refusal) | Answer::Refused(refusal) => {
            Err(refusal.reject())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::tests::{answer, error};
    use super::*;

    fn fault(status: u16, body: &str) -> Fault {
        read::<Accounts>(answer(status, body)).err().unwrap()
    }

    #[test]
    fn a_login_that_is_required_again_is_for_the_investor() {
        let fault = fault(400, &error("ITEM_ERROR", "ITEM_LOGIN_REQUIRED"));
        assert!(matches!(fault, Fault::Reject(p) if p.code == "item_login_required"));
    }

    #[test]
    fn what_passes_is_tried_again() {
        assert!(matches!(fault(503, ""), Fault::Retry(_)));
        assert!(matches!(fault(429, ""), Fault::Retry(_)));
        let keys = error("INVALID_INPUT", "INVALID_API_KEYS");
        assert_eq!(fault(400, &keys).code(), "plaid_credentials");
    }

    #[test]
    fn a_key_without_an_end_is_in_use() {
        let body = r#"{"key":{"alg":"ES256","crv":"P-256","kid":"k","kty":"EC","use":"sig",
            "x":"X","y":"Y","created_at":1760000000,"expired_at":null},"request_id":"r"}"#;
        let KeyAnswer { key } = read(answer(200, body)).unwrap();
        assert!(key.expired_at.is_none());
    }
}
