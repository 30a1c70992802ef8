//! Funding sources: banks and balances, of customers and of our master account.

mod api;
mod create;
mod remove;

use std::collections::HashMap;

pub(crate) use api::{balance, get, list_of_customer, list_of_master, update};
use chrono::{DateTime, Utc};
pub(crate) use create::create;
pub(crate) use remove::remove_after_return;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::event::{self, Subject};
use super::hal;
use super::state::{Owner, State};
use crate::clock::iso;
use crate::ledger::{Effect, Partner};

pub(crate) const NOT_FOUND: &str = "Funding source not found.";

/// A bank account.
pub(crate) struct Bank {
    pub(crate) account_type: String,
    pub(crate) institution: String,
    /// Equal for equal account and routing number, across all customers and after removal.
    pub(crate) fingerprint: String,
    pub(crate) verified: bool,
}

/// What kind of source it is.
pub(crate) enum Kind {
    Bank(Bank),
    /// Dollars; negative only after a late return.
    Balance {
        dollars: Decimal,
        updated: DateTime<Utc>,
    },
}

/// One funding source.
pub(crate) struct Source {
    pub(crate) id: Uuid,
    pub(crate) owner: Owner,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) created: DateTime<Utc>,
    pub(crate) removed: bool,
}

impl Source {
    pub(crate) fn is_balance(&self) -> bool {
        matches!(self.kind, Kind::Balance { .. })
    }

    pub(crate) fn bank(&self) -> Option<&Bank> {
        match &self.kind {
            Kind::Bank(bank) => Some(bank),
            Kind::Balance { .. } => None,
        }
    }

    /// Dollars in a balance; nothing for a bank, whose money Dwolla cannot see.
    pub(crate) fn dollars(&self) -> Option<Decimal> {
        match &self.kind {
            Kind::Balance { dollars, .. } => Some(*dollars),
            Kind::Bank(_) => None,
        }
    }

    pub(crate) fn is_verified(&self) -> bool {
        self.bank().is_none_or(|bank| bank.verified)
    }

    pub(crate) fn resource(&self, state: &State) -> Value {
        let href = state.href("funding-sources", self.id);
        let transfers = format!("{}/transfers", state.base);
        let (usable, verified) = (!self.removed, self.is_verified());
        let links = hal::Links::default()
            .with("self", &href, "funding-source")
            .with(
                self.owner.resource_type(),
                &state.owner_href(self.owner),
                self.owner.resource_type(),
            );
        let mut shown = json!({
            "id": self.id, "status": if verified { "verified" } else { "unverified" }, "name": self.name,
            "created": iso(self.created), "removed": self.removed,
        });
        let links = match &self.kind {
            Kind::Balance { .. } => {
                shown["type"] = "balance".into();
                shown["channels"] = json!([]);
                links
                    .with("balance", &format!("{href}/balance"), "balance")
                    .with("with-available-balance", &href, "funding-source")
                    .with("transfer-send", &transfers, "transfer")
                    .with("transfer-receive", &transfers, "transfer")
            }
            Kind::Bank(bank) => {
                shown["type"] = "bank".into();
                shown["channels"] = json!(["ach"]);
                shown["bankAccountType"] = bank.account_type.as_str().into();
                shown["bankName"] = bank.institution.as_str().into();
                shown["fingerprint"] = bank.fingerprint.as_str().into();
                let (ready, fresh) = (usable && verified, usable && !verified);
                links
                    .with_if(usable, "remove", &href, "funding-source")
                    .with_if(ready, "transfer-to-balance", &transfers, "transfer")
                    .with_if(ready, "transfer-from-balance", &transfers, "transfer")
                    .with_if(ready, "transfer-send", &transfers, "transfer")
                    .with_if(usable, "transfer-receive", &transfers, "transfer")
                    .with_if(
                        fresh,
                        "initiate-micro-deposits",
                        &format!("{href}/micro-deposits"),
                        "micro-deposits",
                    )
            }
        };
        shown["_links"] = links.into();
        shown
    }
}

/// All sources by id.
#[derive(Default)]
pub(crate) struct Sources(HashMap<Uuid, Source>);

impl Sources {
    pub(crate) fn get(&self, id: Uuid) -> Option<&Source> {
        self.0.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: Uuid) -> Option<&mut Source> {
        self.0.get_mut(&id)
    }

    pub(crate) fn insert(&mut self, source: Source) {
        self.0.insert(source.id, source);
    }
}

/// Our own account at Dwolla: a bank and a balance.
pub(crate) struct Master {
    pub(crate) id: Uuid,
    pub(crate) bank: Uuid,
    pub(crate) balance: Uuid,
}

impl Master {
    pub(crate) fn open(sources: &mut Sources, dollars: Decimal, now: DateTime<Utc>) -> Self {
        let master = Self {
            id: Uuid::new_v4(),
            bank: Uuid::new_v4(),
            balance: Uuid::new_v4(),
        };
        let source = |id, name: &str, kind| Source {
            id,
            owner: Owner::Master,
            name: name.to_owned(),
            kind,
            created: now,
            removed: false,
        };
        let bank = Bank {
            account_type: "checking".to_owned(),
            institution: "SANDBOX TEST BANK".to_owned(),
            fingerprint: fingerprint("222222226", "master"),
            verified: true,
        };
        sources.insert(source(
            master.bank,
            "Superhero Savings Bank",
            Kind::Bank(bank),
        ));
        sources.insert(source(
            master.balance,
            "Balance",
            Kind::Balance {
                dollars,
                updated: now,
            },
        ));
        master
    }
}

/// The fingerprint of a bank account.
pub(crate) fn fingerprint(routing: &str, account: &str) -> String {
    let hash = Sha256::new()
        .chain_update(routing)
        .chain_update([0])
        .chain_update(account)
        .finalize();
    hex::encode(hash)
}

/// The balance source of an owner; none while a customer is not verified.
pub(crate) fn balance_of(state: &State, owner: Owner) -> Option<Uuid> {
    match owner {
        Owner::Master => Some(state.master.balance),
        Owner::Customer(id) => state.customers.get(id)?.balance,
    }
}

/// Opens the balance of a customer who has just been verified.
pub(crate) fn open_balance(state: &mut State, customer: Uuid) -> Uuid {
    let (id, now) = (Uuid::new_v4(), state.now());
    state.sources.insert(Source {
        id,
        owner: Owner::Customer(customer),
        name: "Balance".to_owned(),
        kind: Kind::Balance {
            dollars: Decimal::ZERO,
            updated: now,
        },
        created: now,
        removed: false,
    });
    let effect = Effect::new(Partner::Dwolla, "balance.opened", id);
    state.record(Effect {
        owner: Some(customer.into()),
        ..effect
    });
    id
}

/// Changes a balance by so many dollars; the step below zero is announced.
pub(crate) fn change_balance(state: &mut State, id: Uuid, by: Decimal) {
    let now = state.now();
    let Some(source) = state.sources.get_mut(id) else {
        return;
    };
    let owner = source.owner;
    let Kind::Balance { dollars, updated } = &mut source.kind else {
        return;
    };
    let before = *dollars;
    *dollars += by;
    *updated = now;
    let after = *dollars;
    if before >= Decimal::ZERO && after < Decimal::ZERO {
        let topic = match owner {
            Owner::Master => "funding_source_negative",
            Owner::Customer(_) => "customer_funding_source_negative",
        };
        let effect = Effect::new(Partner::Dwolla, "balance.negative", id);
        state.record(Effect {
            amount: Some(after),
            ..effect
        });
        event::emit(state, topic, Subject::source(id), owner, None);
    }
}
