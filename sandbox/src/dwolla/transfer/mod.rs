//! Transfers: the rows, their indexes, and how they are shown.
//!
//! Everything flows through balances. What a client asks for becomes one to three **legs**, each a transfer of its
//! own: `In` from a bank into its owner's balance, `Inner` from one owner's balance to another's, `Out` from a
//! balance to its owner's bank. Own-bank deposit and withdrawal and balance-to-balance are single legs; a bank of one
//! customer to a bank of another is all three, linked by `funding-transfer` and `funded-transfer`.

mod api;
mod check;
mod create;
mod legs;
mod list;
mod process;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

pub(crate) use api::{cancel, failure, fees, get};
use chrono::{DateTime, Utc};
pub(crate) use create::create;
pub(crate) use legs::cancel_credits_to;
pub(crate) use list::{list_of_customer, list_of_master};
pub(crate) use process::process_pending;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use super::hal::{self, Links};
use super::state::{Owner, State};
use crate::clock::iso;

/// Where a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Pending,
    Processed,
    Failed,
    Cancelled,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processed => "processed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Which part of the way it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leg {
    /// Bank to its owner's balance.
    In,
    /// Balance to another owner's balance.
    Inner,
    /// Balance to its owner's bank.
    Out,
}

/// Position of a transfer among all.
pub(crate) type Row = usize;

/// One transfer.
pub(crate) struct Transfer {
    pub(crate) id: Uuid,
    pub(crate) leg: Leg,
    pub(crate) status: Status,
    pub(crate) created: DateTime<Utc>,
    pub(crate) amount: Decimal,
    pub(crate) correlation: Option<Arc<str>>,
    pub(crate) sender: Owner,
    pub(crate) receiver: Owner,
    /// The funding sources as the client named them; the chain's ends for every leg.
    pub(crate) source: Uuid,
    pub(crate) destination: Uuid,
    pub(crate) metadata: Option<Box<Value>>,
    /// The leg before and the leg behind.
    pub(crate) funding: Option<Row>,
    pub(crate) funded: Option<Row>,
    /// The ACH return code, and the bank that it came from.
    pub(crate) returned: Option<(&'static str, Uuid)>,
}

impl Transfer {
    /// While it is pending, and before the cut-off of the banking day.
    fn can_cancel(&self, state: &State) -> bool {
        self.status == Status::Pending && !state.switches.past_cut_off
    }

    /// What is at its ends depends on the leg: a bank shows itself, a balance shows its owner.
    fn links(&self, state: &State) -> Links {
        let href = state.href("transfers", self.id);
        let source = (state.href("funding-sources", self.source), "funding-source");
        let target = (
            state.href("funding-sources", self.destination),
            "funding-source",
        );
        let owner = |owner: Owner| (state.owner_href(owner), owner.resource_type());
        let from = if self.leg == Leg::In {
            source.clone()
        } else {
            owner(self.sender)
        };
        let to = if self.leg == Leg::Out {
            target.clone()
        } else {
            owner(self.receiver)
        };
        let links = Links::default()
            .with("self", &href, "transfer")
            .with("source", &from.0, from.1)
            .with("destination", &to.0, to.1)
            .with_if(self.can_cancel(state), "cancel", &href, "transfer")
            .with_if(
                self.returned.is_some(),
                "failure",
                &format!("{href}/failure"),
                "failure",
            )
            .with_if(
                self.leg != Leg::Out,
                "source-funding-source",
                &source.0,
                source.1,
            )
            .with_if(
                self.leg != Leg::In,
                "destination-funding-source",
                &target.0,
                target.1,
            );
        let chained = [
            ("funding-transfer", self.funding),
            ("funded-transfer", self.funded),
        ];
        chained.into_iter().fold(links, |links, (name, row)| {
            match row.and_then(|row| state.transfers.get(row)) {
                Some(leg) => links.with(name, &state.href("transfers", leg.id), "transfer"),
                None => links,
            }
        })
    }

    pub(crate) fn resource(&self, state: &State) -> Value {
        let mut shown = json!({
            "_links": Value::from(self.links(state)), "id": self.id, "status": self.status.name(),
            "amount": hal::money(self.amount), "created": iso(self.created),
        });
        match self.leg {
            Leg::In => shown["clearing"] = json!({"source": "standard"}),
            Leg::Out => shown["clearing"] = json!({"destination": "next-day"}),
            Leg::Inner => {}
        }
        if self.leg != Leg::Inner {
            // Eight characters that follow from the id: a bank statement shows them.
            let ach = self.id.simple().to_string().to_uppercase();
            shown["individualAchId"] = ach.get(..8).unwrap_or_default().into();
        }
        if let Some(correlation) = &self.correlation {
            shown["correlationId"] = (&**correlation).into();
        }
        if let Some(metadata) = &self.metadata {
            shown["metadata"] = (**metadata).clone();
        }
        shown
    }
}

/// All transfers, with an index for each way in.
#[derive(Default)]
pub(crate) struct Transfers {
    rows: Vec<Transfer>,
    by_id: HashMap<Uuid, Row>,
    by_party: HashMap<Owner, Vec<Row>>,
    by_correlation: HashMap<Arc<str>, Vec<Row>>,
    /// Bank legs that wait for processing, in order of creation.
    pending: BTreeSet<Row>,
    /// Processed bank legs whose return is still to come.
    late: BTreeSet<Row>,
}

impl Transfers {
    pub(crate) fn get(&self, row: Row) -> Option<&Transfer> {
        self.rows.get(row)
    }

    fn get_mut(&mut self, row: Row) -> Option<&mut Transfer> {
        self.rows.get_mut(row)
    }

    fn find(&self, id: Uuid) -> Option<Row> {
        self.by_id.get(&id).copied()
    }

    fn push(&mut self, transfer: Transfer) -> Row {
        let row = self.rows.len();
        self.by_id.insert(transfer.id, row);
        self.by_party.entry(transfer.sender).or_default().push(row);
        if transfer.receiver != transfer.sender {
            self.by_party
                .entry(transfer.receiver)
                .or_default()
                .push(row);
        }
        if let Some(correlation) = &transfer.correlation {
            self.by_correlation
                .entry(Arc::clone(correlation))
                .or_default()
                .push(row);
        }
        if transfer.leg != Leg::Inner {
            self.pending.insert(row);
        }
        self.rows.push(transfer);
        row
    }

    /// Later than pending: nothing waits for it any more.
    fn leave_pending(&mut self, row: Row) {
        self.pending.remove(&row);
        self.late.remove(&row);
    }
}
