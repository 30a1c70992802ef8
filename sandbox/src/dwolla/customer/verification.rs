//! The status machine of a customer, and the events and the balance that come with each step.

use uuid::Uuid;

use super::super::event::{self, Subject};
use super::super::funding;
use super::super::state::{Owner, State};
use super::Kind;
use crate::error::SandboxError;
use crate::ledger::{Effect, Partner};

/// How far a customer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Unverified,
    Retry,
    Kba,
    Document,
    Verified,
    Suspended,
    Deactivated,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Retry => "retry",
            Self::Kba => "kba",
            Self::Document => "document",
            Self::Verified => "verified",
            Self::Suspended => "suspended",
            Self::Deactivated => "deactivated",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let all = [
            Self::Unverified,
            Self::Retry,
            Self::Kba,
            Self::Document,
            Self::Verified,
            Self::Suspended,
            Self::Deactivated,
        ];
        all.into_iter().find(|status| status.name() == name)
    }

    pub(crate) fn may_receive(self) -> bool {
        !matches!(self, Self::Suspended | Self::Deactivated)
    }

    pub(crate) fn may_add_bank(self) -> bool {
        self.may_receive()
    }

    pub(super) fn may_edit(self) -> bool {
        matches!(self, Self::Verified | Self::Retry | Self::Unverified)
    }

    /// The event that announces this status.
    fn topic(self) -> Option<&'static str> {
        match self {
            Self::Unverified => None,
            Self::Retry => Some("customer_reverification_needed"),
            Self::Kba => Some("customer_kba_verification_needed"),
            Self::Document => Some("customer_verification_document_needed"),
            Self::Verified => Some("customer_verified"),
            Self::Suspended => Some("customer_suspended"),
            Self::Deactivated => Some("customer_deactivated"),
        }
    }
}

/// What the sandbox reads out of a name: the documented test names, or else verified.
pub(super) fn status_by_name(
    kind: Kind,
    body: &serde_json::Map<String, serde_json::Value>,
) -> Status {
    let text = |value: Option<&serde_json::Value>| {
        value
            .and_then(serde_json::Value::as_str)
            .and_then(Status::parse)
    };
    let named = match kind {
        Kind::Unverified | Kind::ReceiveOnly => return Status::Unverified,
        Kind::Personal => text(body.get("firstName")),
        Kind::SoleProprietorship => {
            text(body.get("businessName")).or_else(|| text(body.get("firstName")))
        }
        Kind::Company => text(body.get("businessName")).or_else(|| {
            text(
                body.get("controller")
                    .and_then(|controller| controller.get("firstName")),
            )
        }),
    };
    match named {
        None | Some(Status::Unverified | Status::Deactivated) => Status::Verified,
        Some(status) => status,
    }
}

/// Moves a customer to a status: balance at the first verification, event, ledger.
pub(super) fn enter(state: &mut State, id: Uuid, status: Status) {
    let Some(customer) = state.customers.get_mut(id) else {
        return;
    };
    if matches!(status, Status::Suspended | Status::Deactivated) && customer.status != status {
        customer.previous = customer.status;
    }
    customer.status = status;
    let lacks_balance =
        status == Status::Verified && customer.balance.is_none() && customer.kind.is_verifiable();
    if lacks_balance {
        let balance = funding::open_balance(state, id);
        if let Some(customer) = state.customers.get_mut(id) {
            customer.balance = Some(balance);
        }
    }
    let effect = Effect::new(Partner::Dwolla, "customer.status_changed", id);
    state.record(Effect {
        status: Some(status.name()),
        ..effect
    });
    if let Some(topic) = status.topic() {
        event::emit(
            state,
            topic,
            Subject::customer(id),
            Owner::Customer(id),
            None,
        );
    }
}

/// Back to what it was before it was deactivated or suspended.
pub(super) fn reactivate(state: &mut State, id: Uuid) {
    let Some(customer) = state.customers.get_mut(id) else {
        return;
    };
    customer.status = customer.previous;
    let status = customer.status.name();
    let effect = Effect::new(Partner::Dwolla, "customer.status_changed", id);
    state.record(Effect {
        status: Some(status),
        ..effect
    });
    event::emit(
        state,
        "customer_activated",
        Subject::customer(id),
        Owner::Customer(id),
        None,
    );
}

/// The review of uploaded documents ended.
pub(crate) fn documents_reviewed(state: &mut State, id: Uuid, approved: bool) {
    let topic = if approved {
        "customer_verification_document_approved"
    } else {
        "customer_verification_document_failed"
    };
    event::emit(
        state,
        topic,
        Subject::customer(id),
        Owner::Customer(id),
        None,
    );
    let waits = state
        .customers
        .get(id)
        .is_some_and(|customer| customer.status == Status::Document);
    if approved && waits {
        enter(state, id, Status::Verified);
    }
}

/// What Dwolla's staff can do: any status; `reactivated` returns to the previous one.
pub(crate) fn set_by_staff(state: &mut State, id: &str, status: &str) -> Result<(), SandboxError> {
    let unknown = || SandboxError::Unknown {
        what: "customer",
        id: id.to_owned(),
    };
    let known = Uuid::try_parse(id).map_err(|_| unknown())?;
    state.customers.get(known).ok_or_else(unknown)?;
    if status == "reactivated" {
        reactivate(state, known);
        return Ok(());
    }
    let status = Status::parse(status).ok_or_else(|| {
        SandboxError::Invalid(format!(
            "{status} is no status of a customer; use one of Dwolla's or `reactivated`"
        ))
    })?;
    enter(state, known, status);
    Ok(())
}
