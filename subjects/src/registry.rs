//! THE table: every topic and every query, and all that follows from its row.
//!
//! From a row come the ingress route, the stream and consumer configuration, the workers' router
//! (a missing handler does not compile), the OpenAPI and AsyncAPI documents and the topic table.
//!
//! To add a topic: write its payload and completion types in the service's file, add the row, write
//! the handler where the compiler asks for it, run `tranche gen`, and write the test that
//! `tidy` asks for.
//!
//! - `http`: how HTTP reaches it. Every topic is also reachable by internal callers as
//!   `POST /queue/<service>/<topic>`.
//! - `entity`: no two operations with the same value are worked on at once.
//! - `key`: the natural idempotency key, used when the caller sends no `Idempotency-Key`.
//! - `retry`, `timeout`: for one attempt; `patience`: how long an effect may stay uncertain before a
//!   person is asked.
//! - `reply_within`: how long a caller waits for the outcome before it gets a 202.
//! - `effect`: which fault tests it must pass; `pii`: sealed at rest and never shown.

use crate::spec::{By, EffectKind, Http, Method, Retry, hours, mins, secs};
use crate::table::registry;
use crate::{directory, envelope, kyc, operations, wallet};

/// Changes of our own rows: quick, and worth trying for a long time.
const OWN_ROWS: Retry = Retry::exponential(secs(1), mins(5), 20);
/// Calls of a partner: as long as its outages last.
const PARTNER: Retry = Retry::exponential(secs(5), mins(30), 12);
/// Values that a person waits for: a few tries, then the person tries again.
const IN_DIALOG: Retry = Retry::exponential(secs(1), secs(10), 4);

const PROFILE: &[(&str, &str)] = &[("ProfileID", "profile_id")];
const WALLET: &[(&str, &str)] = &[("WalletID", "wallet_id")];

registry! {
    ($)

    /// Users, profiles, offers and investments, as the services that own them tell us.
    service directory {
        /// Stores a user, unless a newer version is stored already.
        topic user_upsert: directory::UserUpsert => directory::Upserted {
            http: &[],
            entity: |_| None,
            key: |user| Some(format!("{}:{}", user.id, user.version)),
            retry: OWN_ROWS,
            timeout: secs(10),
            patience: hours(1),
            concurrency: 256,
            reply_within: secs(2),
            effect: EffectKind::None,
            pii: true,
        }
        /// Stores a profile, unless a newer version is stored already. The SSN is sealed.
        topic profile_upsert: directory::ProfileUpsert => directory::Upserted {
            http: &[],
            entity: |_| None,
            key: |profile| Some(format!("{}:{}", profile.id, profile.version)),
            retry: OWN_ROWS,
            timeout: secs(10),
            patience: hours(1),
            concurrency: 256,
            reply_within: secs(2),
            effect: EffectKind::None,
            pii: true,
        }
        /// Stores an offer, unless a newer version is stored already.
        topic offer_upsert: directory::OfferUpsert => directory::Upserted {
            http: &[],
            entity: |_| None,
            key: |offer| Some(format!("{}:{}", offer.id, offer.version)),
            retry: OWN_ROWS,
            timeout: secs(10),
            patience: hours(1),
            concurrency: 256,
            reply_within: secs(2),
            effect: EffectKind::None,
            pii: false,
        }
        /// Stores an investment, unless a newer version is stored already.
        topic investment_upsert: directory::InvestmentUpsert => directory::Upserted {
            http: &[],
            entity: |_| None,
            key: |investment| Some(format!("{}:{}", investment.id, investment.version)),
            retry: OWN_ROWS,
            timeout: secs(10),
            patience: hours(1),
            concurrency: 256,
            reply_within: secs(2),
            effect: EffectKind::None,
            pii: false,
        }

        queries {
            /// Says whether an identity may act on the things that a request names.
            query access: directory::Access => directory::AccessAnswer {
                http: &[],
                timeout: secs(2),
            }
        }
    }

    /// What other services must hear about identity verification.
    service kyc {
        /// Notes that a profile's identity was verified, and starts what follows from it.
        topic approved: kyc::Approved => kyc::ApprovalNoted {
            http: &[],
            entity: |approved| Some(format!("profile:{}", approved.profile_id)),
            key: |approved| Some(approved.profile_id.to_string()),
            retry: OWN_ROWS,
            timeout: secs(10),
            patience: hours(1),
            concurrency: 16,
            reply_within: secs(2),
            effect: EffectKind::None,
            pii: false,
        }

        queries {
        }
    }

    /// Dollar wallets at Dwolla, linked bank accounts, deposits, withdrawals and reservations.
    service wallet {
        /// Exchanges the public token of Plaid's dialog for access to the chosen bank accounts.
        topic bank_exchange: wallet::BankExchange => wallet::BankExchanged {
            http: &[Http::new(By::User, Method::Post,
                "/wallet/auth/linkaccount/{profile_id}/exchange", "bankAccountExchangeToken")
                .or_query(PROFILE)],
            entity: |_| None,
            key: |exchange| Some(exchange.public_token.clone()),
            retry: IN_DIALOG,
            timeout: secs(20),
            patience: secs(30),
            concurrency: 16,
            reply_within: secs(8),
            effect: EffectKind::Partner,
            pii: true,
        }
        /// Connects one bank account of an exchanged item to the wallet.
        topic bank_process: wallet::BankProcess => wallet::BankProcessed {
            http: &[Http::new(By::User, Method::Post,
                "/wallet/auth/linkaccount/{profile_id}/process", "bankAccountProcessToken")
                .or_query(PROFILE)],
            entity: |process| Some(format!("bank:{}", process.profile_id)),
            key: |process| Some(format!("{}:{}", process.access_token, process.account_id)),
            retry: IN_DIALOG,
            timeout: secs(20),
            patience: mins(5),
            concurrency: 16,
            reply_within: secs(8),
            effect: EffectKind::Partner,
            pii: false,
        }
        /// Unlinks a bank account, unless a pending movement uses it.
        topic bank_delete: wallet::BankDelete => wallet::BankDeleted {
            http: &[Http::new(By::User, Method::Delete,
                "/wallet/auth/linkaccount/{profile_id}", "bankAccountDelete")
                .or_query(PROFILE)],
            entity: |delete| Some(format!("bank:{}", delete.profile_id)),
            key: |_| None,
            retry: PARTNER,
            timeout: secs(20),
            patience: hours(24),
            concurrency: 16,
            reply_within: secs(5),
            effect: EffectKind::Partner,
            pii: false,
        }
        /// Creates a deposit or a withdrawal: sets the money aside, answers, and starts the
        /// transfer at Dwolla.
        topic transaction_create: wallet::TransactionCreate => wallet::Transaction {
            http: &[Http::new(By::User, Method::Post,
                "/wallet/auth/wallet/{wallet_id}/transactions", "createPendingTransaction")
                .answers(202).or_query(WALLET)],
            entity: |create| Some(format!("wallet:{}", create.wallet_id)),
            key: |_| None,
            retry: PARTNER,
            timeout: secs(30),
            patience: hours(24),
            concurrency: 64,
            reply_within: secs(3),
            effect: EffectKind::Money,
            pii: false,
        }
        /// Calls off a pending deposit or withdrawal, while Dwolla still allows it.
        topic transaction_cancel: wallet::TransactionCancel => wallet::Transaction {
            http: &[Http::new(By::User, Method::Put,
                "/wallet/auth/wallet/{wallet_id}/transactions/{transaction_id}",
                "cancelTransaction")],
            entity: |cancel| Some(format!("wallet:{}", cancel.wallet_id)),
            key: |_| None,
            retry: PARTNER,
            timeout: secs(20),
            patience: hours(24),
            concurrency: 16,
            reply_within: secs(5),
            effect: EffectKind::Money,
            pii: false,
        }
        /// Reads a transfer at Dwolla and brings our row to its state.
        topic transaction_sync: wallet::TransactionSync => wallet::Transaction {
            http: &[Http::new(By::Internal, Method::Post,
                "/wallet/internal/transaction/{trans_id}/sync", "internalSyncTransaction")
                .answers(202).or_query(&[("TransID", "trans_id")])],
            entity: |sync| Some(format!("transaction:{}", sync.transaction_id)),
            key: |_| None,
            retry: PARTNER,
            timeout: secs(20),
            patience: hours(24),
            concurrency: 16,
            reply_within: secs(3),
            effect: EffectKind::None,
            pii: false,
        }
        /// Sets an investment's money aside in the investor's wallet.
        topic investment_reserve: wallet::InvestmentReserve => wallet::Transaction {
            http: &[],
            entity: |reserve| Some(format!("wallet:{}", reserve.wallet_id)),
            key: |reserve| Some(reserve.investment_id.to_string()),
            retry: OWN_ROWS,
            timeout: secs(10),
            patience: hours(1),
            concurrency: 32,
            reply_within: secs(3),
            effect: EffectKind::None,
            pii: false,
        }
        /// Pays a reservation: moves its money from the investor's wallet to the offer's.
        topic investment_pay: wallet::InvestmentPay => wallet::Transaction {
            http: &[],
            entity: |pay| Some(format!("transaction:{}", pay.transaction_id)),
            key: |pay| Some(pay.transaction_id.to_string()),
            retry: PARTNER,
            timeout: secs(30),
            patience: hours(24),
            concurrency: 32,
            reply_within: secs(3),
            effect: EffectKind::Money,
            pii: false,
        }
        /// Gives a reservation's money free again, unless it was paid.
        topic investment_release: wallet::InvestmentRelease => wallet::Transaction {
            http: &[],
            entity: |release| Some(format!("transaction:{}", release.transaction_id)),
            key: |release| Some(release.transaction_id.to_string()),
            retry: OWN_ROWS,
            timeout: secs(10),
            patience: hours(1),
            concurrency: 32,
            reply_within: secs(3),
            effect: EffectKind::None,
            pii: false,
        }
        /// Creates the wallet of a profile and its customer at Dwolla.
        topic wallet_create: wallet::WalletCreate => wallet::WalletState {
            http: &[],
            entity: |create| Some(format!("profile:{}", create.profile_id)),
            key: |create| Some(create.profile_id.to_string()),
            retry: PARTNER,
            timeout: secs(30),
            patience: hours(24),
            concurrency: 16,
            reply_within: secs(3),
            effect: EffectKind::Partner,
            pii: false,
        }
        /// Creates the customer at Dwolla if the wallet has none.
        topic wallet_recreate: wallet::WalletRecreate => wallet::WalletState {
            http: &[Http::new(By::Internal, Method::Post,
                "/wallet/internal/wallet/{wallet_id}/recreate", "internalReCreateWallet")
                .answers(202).or_query(WALLET)],
            entity: |recreate| Some(format!("wallet:{}", recreate.wallet_id)),
            key: |_| None,
            retry: PARTNER,
            timeout: secs(30),
            patience: hours(24),
            concurrency: 16,
            reply_within: secs(3),
            effect: EffectKind::Partner,
            pii: false,
        }
        /// Sends the profile's data to Dwolla once more, with the full SSN. Allowed once.
        topic wallet_retry: wallet::WalletRetry => wallet::WalletState {
            http: &[],
            entity: |retry| Some(format!("wallet:{}", retry.wallet_id)),
            key: |_| None,
            retry: PARTNER,
            timeout: secs(30),
            patience: hours(24),
            concurrency: 16,
            reply_within: secs(3),
            effect: EffectKind::Partner,
            pii: false,
        }
        /// Reads the customer at Dwolla and brings our row to its state.
        topic wallet_sync: wallet::WalletSync => wallet::WalletState {
            http: &[Http::new(By::Internal, Method::Post,
                "/wallet/internal/wallet/{wallet_id}/sync", "internalWalletSync")
                .answers(202).or_query(WALLET)],
            entity: |sync| Some(format!("wallet:{}", sync.wallet_id)),
            key: |_| None,
            retry: PARTNER,
            timeout: secs(20),
            patience: hours(24),
            concurrency: 16,
            reply_within: secs(3),
            effect: EffectKind::None,
            pii: false,
        }
        /// An event of Dwolla's subscription: the truth is read from Dwolla, and state only moves
        /// forward. An unknown event type stands in the dead letters.
        topic dwolla: wallet::DwollaEvent => wallet::WebhookHandled {
            http: &[
                Http::new(By::Dwolla, Method::Post, "/hooks/dwolla", "dwollaWebhook"),
                Http::new(By::Dwolla, Method::Post,
                    "/wallet/webhook/transaction/error", "webhookSetTransactionErrorStatus"),
                Http::new(By::Dwolla, Method::Post,
                    "/wallet/webhook/transaction/process", "webhookProcessTransaction"),
                Http::new(By::Dwolla, Method::Post,
                    "/wallet/webhook/wallet/status", "webhookUpdateWalletStatus"),
                Http::new(By::Dwolla, Method::Post,
                    "/wallet/transfer/webhook/transaction/error",
                    "transferWebhookSetTransactionErrorStatus"),
                Http::new(By::Dwolla, Method::Post,
                    "/wallet/transfer/webhook/transaction/process",
                    "transferWebhookProcessTransaction"),
                Http::new(By::Dwolla, Method::Post,
                    "/wallet/transfer/webhook/wallet/status",
                    "transferWebhookUpdateWalletStatus"),
            ],
            entity: |event| event.resource(),
            key: |event| Some(event.0.event_id.clone()),
            retry: PARTNER,
            timeout: secs(20),
            patience: hours(24),
            concurrency: 32,
            reply_within: secs(0),
            effect: EffectKind::None,
            pii: false,
        }
        /// An event of Plaid about a linked bank login.
        topic plaid: wallet::PlaidEvent => wallet::WebhookHandled {
            http: &[Http::new(By::Plaid, Method::Post, "/hooks/plaid", "plaidWebhook")],
            entity: |_| None,
            key: |event| Some(event.0.event_id.clone()),
            retry: OWN_ROWS,
            timeout: secs(10),
            patience: hours(1),
            concurrency: 8,
            reply_within: secs(0),
            effect: EffectKind::None,
            pii: false,
        }

        queries {
            /// A token with which the browser opens Plaid's bank-link dialog.
            query bank_link: wallet::BankLink => wallet::BankLinkToken {
                http: &[Http::new(By::User, Method::Post,
                    "/wallet/auth/linkaccount/{profile_id}/link", "bankAccountLink")
                    .or_query(PROFILE)],
                timeout: secs(10),
            }
            /// The wallet of a profile: balances and linked bank accounts.
            query wallet_detail: wallet::WalletDetail => wallet::Wallet {
                http: &[Http::new(By::User, Method::Get,
                    "/wallet/auth/wallet/{profile_id}", "getWalletDetail")
                    .or_query(PROFILE)],
                timeout: secs(3),
            }
            /// The movements of a wallet, newest first.
            query transaction_list: wallet::TransactionList => wallet::Transactions {
                http: &[Http::new(By::User, Method::Get,
                    "/wallet/auth/wallet/{wallet_id}/transactions", "getTransactionList")
                    .or_query(WALLET)],
                timeout: secs(3),
            }
        }
    }

    /// How operations stand, and what the ingress needs from the workers to verify webhooks.
    service operations {
        queries {
            /// How an operation stands.
            query operation: operations::OperationAsk => operations::OperationAnswer {
                http: &[],
                timeout: secs(3),
            }
            /// The events of an operation after the one that was seen last.
            query events: operations::EventsAsk => operations::Events {
                http: &[],
                timeout: secs(3),
            }
            /// One of Plaid's webhook keys.
            query plaid_key: operations::PlaidKeyAsk => operations::PlaidKeyAnswer {
                http: &[],
                timeout: secs(5),
            }
        }
    }
}

/// The topic `service/name`.
pub fn topic(service: &str, name: &str) -> Option<&'static crate::spec::Topic> {
    TOPICS
        .iter()
        .copied()
        .find(|topic| topic.service == service && topic.name == name)
}

/// The type of the completion events on `EVENTS`.
pub type CompletionEvent = envelope::Event;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_operations_and_routes_are_unique() {
        let mut seen = HashSet::new();
        for topic in TOPICS {
            assert!(seen.insert(topic.path()), "{} twice", topic.path());
        }
        let bindings = || {
            let topics = TOPICS.iter().flat_map(|t| t.http);
            topics.chain(QUERIES.iter().flat_map(|q| q.http))
        };
        let mut operations = HashSet::new();
        let mut routes = HashSet::new();
        for http in bindings() {
            assert!(
                operations.insert(http.operation),
                "{} twice",
                http.operation
            );
            assert!(
                routes.insert((http.method, http.path)),
                "{} twice",
                http.path
            );
        }
    }

    #[test]
    fn every_field_of_a_path_is_a_field_of_its_payload() {
        for topic in TOPICS {
            for http in topic.http {
                let schema = (topic.payload_schema)();
                for field in http.fields() {
                    let known = schema.pointer(&format!("/properties/{field}")).is_some();
                    assert!(
                        known,
                        "{} names {field}, which {} lacks",
                        http.path, topic.payload
                    );
                }
            }
        }
    }
}
