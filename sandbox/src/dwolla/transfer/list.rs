//! `GET /customers/{id}/transfers` and `GET /accounts/{id}/transfers`: newest first, filtered, at most 10,000.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as Shared};
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::super::error::Refusal;
use super::super::page::{Page, Window};
use super::super::state::{Owner, State};
use super::super::{Dwolla, hal};
use super::{Row, Transfer};
use crate::http::Pairs;

const MOST: usize = 10_000;

/// `GET /customers/{id}/transfers`.
pub(crate) async fn list_of_customer(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let message = "Customer not found.";
    let id = hal::path_id(&id, message)?;
    dwolla.with(|state| {
        state
            .customers
            .get(id)
            .ok_or_else(|| Refusal::not_found(message))?;
        Ok(listed(state, Owner::Customer(id), query.as_deref()))
    })
}

/// `GET /accounts/{id}/transfers`.
pub(crate) async fn list_of_master(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let message = "Account not found.";
    let id = hal::path_id(&id, message)?;
    dwolla.with(|state| {
        if id != state.master.id {
            return Err(Refusal::not_found(message));
        }
        Ok(listed(state, Owner::Master, query.as_deref()))
    })
}

fn listed(state: &State, owner: Owner, query: Option<&str>) -> Response {
    let window = Window::parse(query);
    let filter = Filter::parse(&window.query);
    let none = Vec::new();
    // A correlation id leads straight to its few rows; anything else goes through the party's own.
    let rows = match window.query.get("correlationId") {
        Some(id) => state.transfers.by_correlation.get(id),
        None => state.transfers.by_party.get(&owner),
    };
    let visible_until = state.now() - TimeDelta::milliseconds(state.switches.list_lag_ms);
    let found: Vec<Row> = rows
        .unwrap_or(&none)
        .iter()
        .rev()
        .copied()
        .filter(|row| {
            state.transfers.get(*row).is_some_and(|transfer| {
                transfer.created <= visible_until
                    && (transfer.sender == owner || transfer.receiver == owner)
                    && filter.matches(transfer)
            })
        })
        .take(MOST)
        .collect();
    let shown = found.iter().skip(window.offset).take(window.limit);
    let shown = shown
        .filter_map(|row| state.transfers.get(*row))
        .map(|row| row.resource(state));
    let page = Page {
        collection: "transfers",
        rows: shown.collect(),
        total: found.len(),
    };
    let href = format!("{}/transfers", state.owner_href(owner));
    hal::ok(&page.body(&href, &window))
}

/// The filters of a query; what cannot be read does not filter.
struct Filter<'a> {
    status: Option<&'a str>,
    from: Option<&'a str>,
    to: Option<&'a str>,
    least: Option<Decimal>,
    most: Option<Decimal>,
}

impl<'a> Filter<'a> {
    fn parse(query: &'a Pairs) -> Self {
        let amount = |name| {
            query
                .get(name)
                .and_then(|text| Decimal::from_str(text).ok())
        };
        Self {
            status: query.get("status"),
            from: query.get("startDate"),
            to: query.get("endDate"),
            least: amount("startAmount"),
            most: amount("endAmount"),
        }
    }

    fn matches(&self, transfer: &Transfer) -> bool {
        self.status
            .is_none_or(|status| status == transfer.status.name())
            && self.least.is_none_or(|least| transfer.amount >= least)
            && self.most.is_none_or(|most| transfer.amount <= most)
            && self.covers(transfer.created)
    }

    fn covers(&self, created: DateTime<Utc>) -> bool {
        if self.from.is_none() && self.to.is_none() {
            return true;
        }
        let day = created.date_naive().to_string();
        self.from.is_none_or(|from| &*day >= from) && self.to.is_none_or(|to| &*day <= to)
    }
}
