//! `GET /customers`: newest first; `email` is exact, `search` is fuzzy, `status` may come several times.

use std::sync::Arc;

use axum::extract::{RawQuery, State as Shared};
use axum::response::Response;
use serde_json::Value;

use super::super::page::{Page, Window};
use super::super::{Dwolla, hal};
use super::Customer;

impl Customer {
    fn resembles(&self, search: &str) -> bool {
        let texts = ["firstName", "lastName", "businessName"];
        let texts = texts
            .iter()
            .filter_map(|name| self.shown.get(*name).and_then(Value::as_str));
        texts
            .chain([self.email.as_str()])
            .any(|text| text.to_lowercase().contains(search))
    }
}

/// The handler.
pub(crate) async fn list(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    RawQuery(query): RawQuery,
) -> Response {
    let window = Window::parse(query.as_deref());
    let statuses: Vec<&str> = window.query.all("status").collect();
    let search = window.query.get("search").map(str::to_lowercase);
    dwolla.with(|state| {
        let one;
        let ids = match window.query.get("email") {
            None => &state.customers.order,
            Some(email) => {
                one = state.customers.with_email(email).into_iter().collect();
                &one
            }
        };
        let found: Vec<&Customer> = ids
            .iter()
            .rev()
            .filter_map(|id| state.customers.get(*id))
            .filter(|customer| statuses.is_empty() || statuses.contains(&customer.status.name()))
            .filter(|customer| {
                search
                    .as_deref()
                    .is_none_or(|search| customer.resembles(search))
            })
            .collect();
        let rows = found.iter().skip(window.offset).take(window.limit);
        let rows = rows.map(|customer| customer.resource(state)).collect();
        let page = Page {
            collection: "customers",
            rows,
            total: found.len(),
        };
        hal::ok(&page.body(&format!("{}/customers", state.base), &window))
    })
}
