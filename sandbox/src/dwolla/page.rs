//! Pages: `limit` and `offset`, the links between them, and `total`.

use serde_json::{Value, json};

use super::hal::Links;
use crate::http::Pairs;

const DEFAULT: usize = 25;
const MOST: usize = 200;

/// The part of a list that was asked for, with the rest of the query for the links.
pub(crate) struct Window {
    pub(crate) limit: usize,
    pub(crate) offset: usize,
    pub(crate) query: Pairs,
}

impl Window {
    pub(crate) fn parse(query: Option<&str>) -> Self {
        let query = Pairs::parse(query.unwrap_or_default().as_bytes());
        let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
        Self {
            limit: number("limit").unwrap_or(DEFAULT).clamp(1, MOST),
            offset: number("offset").unwrap_or(0),
            query,
        }
    }
}

/// One page of a list.
pub(crate) struct Page {
    pub(crate) collection: &'static str,
    pub(crate) rows: Vec<Value>,
    pub(crate) total: usize,
}

impl Page {
    /// The body; only the links that apply are there.
    pub(crate) fn body(self, href: &str, window: &Window) -> Value {
        let rest = window.query.without(&["limit", "offset"]);
        let rest = if rest.is_empty() {
            rest
        } else {
            format!("&{rest}")
        };
        let limit = window.limit;
        let at = |offset: usize| format!("{href}?limit={limit}&offset={offset}{rest}");
        let last = self.total.saturating_sub(1) / limit * limit;
        let resource = self.collection.strip_suffix('s').unwrap_or(self.collection);
        let links = Links::default()
            .with("self", &at(window.offset), resource)
            .with("first", &at(0), resource)
            .with("last", &at(last), resource)
            .with_if(
                window.offset + limit < self.total,
                "next",
                &at(window.offset + limit),
                resource,
            )
            .with_if(
                window.offset > 0,
                "prev",
                &at(window.offset.saturating_sub(limit)),
                resource,
            );
        json!({"_links": Value::from(links), "_embedded": {self.collection: self.rows}, "total": self.total})
    }
}
