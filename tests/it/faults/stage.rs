//! The topics with an effect: how the stage for each is set, and what is sent to it.

use crate::harness::{Fleet, Investor, eventually, public_token, settle_banks};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use sandbox::{Fault, FaultSpec, Partner, When};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// One row of the matrix.
pub(super) struct Case {
    /// Its name in the matrix.
    pub(super) name: &'static str,
    /// The topic, of the service wallet.
    pub(super) topic: &'static str,
    /// The request that is the effect: the partner and the path.
    pub(super) request: (Partner, &'static str),
    /// Whether the partner can be asked for a lost answer.
    pub(super) findable: bool,
    /// Dead letters that setting the stage leaves, by class.
    pub(super) dead: &'static [&'static str],
    /// Sets the stage with all workers running; gives the payload of the command.
    pub(super) set: for<'f> fn(&'f Fleet) -> BoxFuture<'f, Value>,
}

const CASE: Case = Case {
    name: "",
    topic: "",
    request: (Partner::Dwolla, "/transfers$"),
    findable: true,
    dead: &[],
    set: |_| async { Value::Null }.boxed(),
};

pub(super) const DEPOSIT: Case = Case {
    name: "deposit",
    topic: "transaction_create",
    set: |fleet| {
        async move {
            let nora = Investor::with_bank(fleet, "Checking").await;
            json!({ "type": "deposit", "amount": "100.00", "wallet_id": nora.wallet,
                    "funding_source_id": nora.bank })
        }
        .boxed()
    },
    ..CASE
};

pub(super) const WITHDRAWAL: Case = Case {
    name: "withdrawal",
    topic: "transaction_create",
    set: |fleet| {
        async move {
            let nora = Investor::with_bank(fleet, "Checking").await;
            nora.deposit(fleet, "100.00").await;
            json!({ "type": "withdrawal", "amount": "30.00", "wallet_id": nora.wallet,
                    "funding_source_id": nora.bank })
        }
        .boxed()
    },
    ..CASE
};

pub(super) const CANCEL: Case =
    Case {
        name: "cancel",
        topic: "transaction_cancel",
        request: (Partner::Dwolla, "/transfers/{}"),
        set: |fleet| {
            async move {
            let nora = Investor::with_bank(fleet, "Checking").await;
            let asked = nora.move_money(fleet, "deposit", "100.00").await.expect(202);
            started(fleet).await;
            json!({ "wallet_id": nora.wallet, "transaction_id": asked["id"], "action": "cancel" })
        }
        .boxed()
        },
        ..CASE
    };

pub(super) const PAY: Case = Case {
    name: "pay",
    topic: "investment_pay",
    set: |fleet| {
        async move {
            let nora = Investor::with_bank(fleet, "Checking").await;
            nora.deposit(fleet, "100.00").await;
            let offer = Investor::with_wallet(fleet, "Olga", "verified").await;
            let reserve = json!({ "wallet_id": nora.wallet, "offer_wallet_id": offer.wallet,
                                  "investment_id": 7, "amount": "40.00" });
            let reserved = fleet
                .command("wallet/investment_reserve", reserve)
                .await
                .expect(200);
            json!({ "transaction_id": reserved["id"] })
        }
        .boxed()
    },
    ..CASE
};

pub(super) const BANK_EXCHANGE: Case = Case {
    name: "bank_exchange",
    topic: "bank_exchange",
    request: (Partner::Plaid, "/item/public_token/exchange"),
    findable: false,
    set: |fleet| {
        async move {
            let nora = Investor::with_wallet(fleet, "Nora", "verified").await;
            json!({ "profile_id": nora.profile, "public_token": public_token(fleet).await })
        }
        .boxed()
    },
    ..CASE
};

pub(super) const BANK_PROCESS: Case = Case {
    name: "bank_process",
    topic: "bank_process",
    request: (Partner::Dwolla, "/customers/{}/funding-sources"),
    set: |fleet| {
        async move {
            let nora = Investor::with_wallet(fleet, "Nora", "verified").await;
            let token = public_token(fleet).await;
            let exchange = json!({ "profile_id": nora.profile, "public_token": token });
            let exchanged = fleet
                .command("wallet/bank_exchange", exchange)
                .await
                .expect(200);
            let account = &exchanged["accounts"][0];
            json!({ "profile_id": nora.profile, "access_token": exchanged["access_token"],
                    "account_id": account["account_id"], "name": "Checking",
                    "last4": account["mask"] })
        }
        .boxed()
    },
    ..CASE
};

pub(super) const BANK_DELETE: Case = Case {
    name: "bank_delete",
    topic: "bank_delete",
    request: (Partner::Dwolla, "/funding-sources/{}"),
    set: |fleet| {
        async move {
            let nora = Investor::with_bank(fleet, "Checking").await;
            json!({ "profile_id": nora.profile, "funding_source_id": nora.bank })
        }
        .boxed()
    },
    ..CASE
};

/// The same, with the fault at the second effect.
pub(super) const BANK_DELETE_ITEM: Case = Case {
    name: "bank_delete",
    request: (Partner::Plaid, "/item/remove"),
    ..BANK_DELETE
};

pub(super) const WALLET_CREATE: Case = Case {
    name: "wallet_create",
    topic: "wallet_create",
    request: (Partner::Dwolla, "/customers$"),
    set: |fleet| async move { json!({ "profile_id": approved(fleet).await.profile }) }.boxed(),
    ..CASE
};

pub(super) const WALLET_RECREATE: Case = Case {
    name: "wallet_recreate",
    topic: "wallet_recreate",
    request: (Partner::Dwolla, "/customers$"),
    dead: &["rejected"],
    set: |fleet| {
        async move {
            let nora = approved(fleet).await;
            let no = Fault::Status {
                status: 403,
                when: When::Before,
                retry_after: None,
            };
            let spec = FaultSpec::once(Partner::Dwolla, "POST", "/customers$", no);
            fleet.sandbox().arm(spec);
            let create = json!({ "profile_id": nora.profile });
            fleet
                .command("wallet/wallet_create", create)
                .await
                .expect(202);
            eventually("Dwolla has refused the customer", || async {
                fleet
                    .scalar::<i64>("select count(*) from dead_letters")
                    .await
                    == 1
            })
            .await;
            let wallet: i64 = fleet.scalar("select id from wallets").await;
            json!({ "wallet_id": wallet })
        }
        .boxed()
    },
    ..CASE
};

pub(super) const WALLET_RETRY: Case = Case {
    name: "wallet_retry",
    topic: "wallet_retry",
    request: (Partner::Dwolla, "/customers/{}$"),
    set: |fleet| {
        async move {
            let nora = Investor::with_wallet(fleet, "retry", "error_retry").await;
            nora.tell_profile(fleet, 2, "Nora", "123456789").await;
            json!({ "wallet_id": nora.wallet })
        }
        .boxed()
    },
    ..CASE
};

/// A person whose identity is verified, and who has no wallet yet because nobody ordered it.
async fn approved(fleet: &Fleet) -> Investor {
    let nora = Investor::known(fleet, "Nora").await;
    let approve = sqlx::query("update profiles set kyc_status = 'approved'").execute(&fleet.db);
    approve.await.unwrap();
    nora
}

/// Waits until every movement has its transfer.
async fn started(fleet: &Fleet) {
    eventually("transfers are at Dwolla", || async {
        let left = "select count(*) from transactions where dwolla_id is null";
        fleet.scalar::<i64>(left).await == 0
    })
    .await;
}

/// Lets days pass at the banks until no movement is under way. What our ingress did not take while the
/// broker was away, Dwolla sends again within hours.
pub(super) async fn days_pass(fleet: &Fleet) {
    let looks = AtomicU32::new(0);
    fleet
        .hurried("every movement has settled", || async {
            if looks.fetch_add(1, Ordering::Relaxed) % 40 == 39 {
                fleet.sandbox().advance(Duration::from_hours(3));
            }
            settle_banks(fleet).await;
            let left = "select count(*) from transactions where status in ('created', 'pending')";
            fleet.scalar::<i64>(left).await == 0
        })
        .await;
}
