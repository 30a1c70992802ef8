//! Customers: who may hold a balance, and how far their verification has come.

mod api;
mod certification;
mod create;
mod fields;
mod list;
mod update;
mod verification;

use std::collections::HashMap;
use std::sync::Arc;

pub(crate) use api::get;
pub(crate) use certification::{certify, ownership};
use chrono::{DateTime, Utc};
pub(crate) use create::create;
pub(crate) use list::list;
use serde_json::{Map, Value, json};
pub(crate) use update::update;
use uuid::Uuid;
pub(crate) use verification::{Status, documents_reviewed, set_by_staff};

use super::hal::Links;
use super::state::State;
use crate::clock::iso;

pub(crate) const NOT_FOUND: &str = "Customer not found.";

/// What kind of customer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Personal,
    /// A business whose owner is the business.
    SoleProprietorship,
    /// LLC, corporation or partnership: needs certified ownership before it may send.
    Company,
    Unverified,
    ReceiveOnly,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::SoleProprietorship | Self::Company => "business",
            Self::Unverified => "unverified",
            Self::ReceiveOnly => "receive-only",
        }
    }

    fn is_verifiable(self) -> bool {
        !matches!(self, Self::Unverified | Self::ReceiveOnly)
    }
}

/// One customer.
pub(crate) struct Customer {
    pub(crate) id: Uuid,
    pub(crate) kind: Kind,
    pub(crate) status: Status,
    /// What it returns to when it is reactivated or no longer suspended.
    previous: Status,
    created: DateTime<Utc>,
    email: String,
    correlation: Option<Arc<str>>,
    /// The fields that are shown; SSN, birth date and passport are not even kept.
    shown: Map<String, Value>,
    pub(crate) balance: Option<Uuid>,
    /// Banks, oldest first, removed ones included.
    pub(crate) sources: Vec<Uuid>,
    pub(crate) documents: Vec<Uuid>,
    certified: bool,
    /// Verification directives of a business, by code.
    directives: Vec<String>,
}

impl Customer {
    /// May money leave its sources?
    pub(crate) fn may_send(&self) -> bool {
        self.status == Status::Verified && (self.kind != Kind::Company || self.certified)
    }

    /// What may be done with it now; clients go by the presence of a link.
    fn links(&self, state: &State) -> Links {
        let href = state.href("customers", self.id);
        let transfers = format!("{}/transfers", state.base);
        let at = |status: Status| self.status == status;
        let ended = at(Status::Suspended) || at(Status::Deactivated);
        Links::default()
            .with("self", &href, "customer")
            .with(
                "funding-sources",
                &format!("{href}/funding-sources"),
                "funding-source",
            )
            .with("transfers", &format!("{href}/transfers"), "transfer")
            .with_if(self.status.may_receive(), "receive", &transfers, "transfer")
            .with_if(self.may_send(), "send", &transfers, "transfer")
            .with_if(self.status.may_edit(), "edit", &href, "customer")
            .with_if(self.status.may_edit(), "edit-form", &href, "customer")
            .with_if(!ended, "deactivate", &href, "customer")
            .with_if(at(Status::Deactivated), "reactivate", &href, "customer")
    }

    /// What its verification still asks for.
    fn verification_links(&self, links: Links, state: &State) -> Links {
        let href = state.href("customers", self.id);
        let documents = format!("{href}/documents");
        let owners = format!("{href}/beneficial-owners");
        let ownership = format!("{href}/beneficial-ownership");
        let (business, company) = (self.is_business(), self.kind == Kind::Company);
        let (retry, document) = (
            self.status == Status::Retry,
            self.status == Status::Document,
        );
        let with_document = if business {
            "verify-business-with-document"
        } else {
            "verify-with-document"
        };
        let certify = company && !self.certified;
        links
            .with_if(retry, "retry-verification", &href, "customer")
            .with_if(retry && !business, "retry-with-full-ssn", &href, "customer")
            .with_if(document, with_document, &documents, "document")
            .with_if(document, "document-form", &documents, "document")
            .with_if(company, "beneficial-owners", &owners, "beneficial-owner")
            .with_if(
                certify,
                "certify-beneficial-ownership",
                &ownership,
                "beneficial-ownership",
            )
    }

    fn is_business(&self) -> bool {
        matches!(self.kind, Kind::SoleProprietorship | Kind::Company)
    }

    fn resource(&self, state: &State) -> Value {
        let mut shown = Value::Object(self.shown.clone());
        shown["_links"] = self.verification_links(self.links(state), state).into();
        shown["id"] = self.id.to_string().into();
        shown["email"] = self.email.as_str().into();
        shown["type"] = self.kind.name().into();
        shown["status"] = self.status.name().into();
        shown["created"] = iso(self.created).into();
        if let Some(correlation) = &self.correlation {
            shown["correlationId"] = (&**correlation).into();
        }
        if !self.directives.is_empty() {
            let error = |code: &String| json!({"code": code, "message": code, "_links": {}});
            let rows: Vec<Value> = self.directives.iter().map(error).collect();
            shown["_embedded"] = json!({"errors": rows});
        }
        shown
    }
}

/// All customers. E-mail and correlation id are unique among them, for ever.
#[derive(Default)]
pub(crate) struct Customers {
    all: HashMap<Uuid, Customer>,
    /// Oldest first.
    order: Vec<Uuid>,
    by_email: HashMap<String, Uuid>,
    by_correlation: HashMap<Arc<str>, Uuid>,
}

impl Customers {
    pub(crate) fn get(&self, id: Uuid) -> Option<&Customer> {
        self.all.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: Uuid) -> Option<&mut Customer> {
        self.all.get_mut(&id)
    }

    fn insert(&mut self, customer: Customer) {
        self.by_email
            .insert(customer.email.to_lowercase(), customer.id);
        if let Some(correlation) = &customer.correlation {
            self.by_correlation
                .insert(Arc::clone(correlation), customer.id);
        }
        self.order.push(customer.id);
        self.all.insert(customer.id, customer);
    }

    fn with_email(&self, email: &str) -> Option<Uuid> {
        self.by_email.get(&email.to_lowercase()).copied()
    }

    fn change_email(&mut self, id: Uuid, email: &str) {
        if let Some(customer) = self.all.get_mut(&id) {
            self.by_email.remove(&customer.email.to_lowercase());
            email.clone_into(&mut customer.email);
            self.by_email.insert(email.to_lowercase(), id);
        }
    }
}

/// Gives a customer one more bank.
pub(crate) fn attach_source(state: &mut State, customer: Uuid, source: Uuid) {
    if let Some(customer) = state.customers.get_mut(customer) {
        customer.sources.push(source);
    }
}

/// Adds a verification directive to a business.
pub(crate) fn direct(state: &mut State, customer: Uuid, code: &str) -> bool {
    let found = state
        .customers
        .get_mut(customer)
        .filter(|customer| customer.is_business());
    found
        .map(|customer| customer.directives.push(code.to_owned()))
        .is_some()
}
