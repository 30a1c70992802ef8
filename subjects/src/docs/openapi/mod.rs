//! The HTTP interface as an OpenAPI 3.1 document.
//!
//! [`rows`] are the routes that follow from the registry, [`routes`] the few that the ingress has
//! of its own, [`shared`] what every operation refers to.

mod routes;
mod rows;
mod shared;

use super::components::Components;
use super::text::paragraph;
use crate::registry::SERVICES;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const ABOUT: &str = "\
Commands become durable messages; queries are answered at once.

**Answers.** A command's caller waits a short time for the outcome: done in time, it gets the \
result; else 202 with the operation's id, and `Location` where to ask for it. \
`Prefer: respond-async` answers 202 at once, `Prefer: wait=N` waits longer. No answer, or 503, does \
not mean that the command was not accepted: send it again under the same key.

**Keys.** The same `Idempotency-Key` (or `idempotency_key` in the body) from the same caller is \
the same operation, however often it is sent; with another body it is refused with 409.

**Ids.** Paths name their object. Each such field may stand in the query instead, on the path \
without it, and so may the other fields of a body.";

/// Paths with the tag that their operations have: the first prefix that fits counts.
const TAGS: &[(&str, &str, &str)] = &[
    (
        "/wallet/auth/linkaccount",
        "bankAccount",
        "Linked bank accounts.",
    ),
    (
        "/wallet/internal/",
        "adminWallet",
        "Wallets, for operators and other services.",
    ),
    (
        "/wallet/transfer/",
        "transfer",
        "Dwolla's events, under the paths of the transfer service.",
    ),
    ("/wallet/webhook/", "webhook", "Events of partners."),
    ("/hooks/", "webhook", "Events of partners."),
    ("/wallet/", "wallet", "Dollar wallets and their movements."),
    ("/queue/", "queue", "Any topic, for internal callers."),
    ("/notifications/", "notifications", "Pushes to browsers."),
    (
        "/operations/",
        "operations",
        "How operations stand, and how the ingress does.",
    ),
    (
        "/healthz",
        "operations",
        "How operations stand, and how the ingress does.",
    ),
    (
        "/readyz",
        "operations",
        "How operations stand, and how the ingress does.",
    ),
];

/// The OpenAPI document of every route.
pub fn openapi() -> Value {
    let mut components = Components::default();
    let mut paths = Paths::default();
    rows::add(&mut paths, &mut components);
    routes::add(&mut paths, &mut components);
    let mut parts = shared::components(&mut components);
    parts["schemas"] = components.into_value();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tranche",
            "version": "1",
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The ingress" }],
        "tags": paths.tags(),
        "paths": paths.0,
        "components": parts,
    })
}

/// Operations by path and method.
#[derive(Default)]
struct Paths(BTreeMap<String, BTreeMap<&'static str, Value>>);

impl Paths {
    /// Adds an operation under the tag of its path.
    fn add(&mut self, method: &'static str, path: &str, mut operation: Map<String, Value>) {
        operation.insert("tags".to_owned(), json!([tag(path).0]));
        self.0
            .entry(path.to_owned())
            .or_default()
            .insert(method, Value::Object(operation));
    }

    fn tags(&self) -> Vec<Value> {
        let tags: BTreeMap<String, String> = self.0.keys().map(|path| tag(path)).collect();
        tags.iter()
            .map(|(name, about)| json!({ "name": name, "description": about }))
            .collect()
    }
}

/// The tag of a path and what it is about; a service that the table does not name is its own tag.
fn tag(path: &str) -> (String, String) {
    if let Some((_, name, about)) = TAGS.iter().find(|(prefix, _, _)| path.starts_with(prefix)) {
        return ((*name).to_owned(), (*about).to_owned());
    }
    let service = path.split('/').nth(1).unwrap_or_default();
    let doc = SERVICES
        .iter()
        .find(|(name, _)| *name == service)
        .map_or("", |(_, doc)| doc);
    (service.to_owned(), paragraph(doc))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn operations(document: &Value) -> Vec<(String, String, Value)> {
        let paths = document["paths"].as_object().unwrap().iter();
        let all = paths.flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().iter();
            methods.map(|(method, operation)| (path.clone(), method.clone(), operation.clone()))
        });
        all.collect()
    }

    /// Rows 47 to 62 of the inherited contract, as `METHOD path operationId`. The transfer group
    /// repeats the webhook group's names; they are told apart by a prefix here.
    const CONTRACT: [&str; 16] = [
        "post /queue/{service}/{topic} processEvent",
        "delete /wallet/auth/linkaccount/{profile_id} bankAccountDelete",
        "post /wallet/auth/linkaccount/{profile_id}/exchange bankAccountExchangeToken",
        "post /wallet/auth/linkaccount/{profile_id}/process bankAccountProcessToken",
        "get /wallet/auth/wallet/{profile_id} getWalletDetail",
        "get /wallet/auth/wallet/{wallet_id}/transactions getTransactionList",
        "post /wallet/auth/wallet/{wallet_id}/transactions createPendingTransaction",
        "post /wallet/internal/transaction/{trans_id}/sync internalSyncTransaction",
        "post /wallet/internal/wallet/{wallet_id}/recreate internalReCreateWallet",
        "post /wallet/internal/wallet/{wallet_id}/sync internalWalletSync",
        "post /wallet/webhook/transaction/error webhookSetTransactionErrorStatus",
        "post /wallet/webhook/transaction/process webhookProcessTransaction",
        "post /wallet/webhook/wallet/status webhookUpdateWalletStatus",
        "post /wallet/transfer/webhook/transaction/error transferWebhookSetTransactionErrorStatus",
        "post /wallet/transfer/webhook/transaction/process transferWebhookProcessTransaction",
        "post /wallet/transfer/webhook/wallet/status transferWebhookUpdateWalletStatus",
    ];

    #[test]
    fn every_operation_of_the_wallet_in_the_inherited_contract_is_there() {
        let document = openapi();
        for line in CONTRACT {
            let [method, path, id] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("three words: {line}")
            };
            assert_eq!(document["paths"][path][method]["operationId"], id, "{line}");
        }
    }

    #[test]
    fn every_binding_of_the_registry_is_there_with_its_parameters() {
        let document = openapi();
        let topics = crate::registry::TOPICS.iter().flat_map(|topic| topic.http);
        let queries = crate::registry::QUERIES.iter().flat_map(|query| query.http);
        for http in topics.chain(queries) {
            let method = http.method.as_str().to_ascii_lowercase();
            let operation = &document["paths"][http.path][&method];
            assert_eq!(operation["operationId"], http.operation);
            for field in http.fields() {
                let parameters = operation["parameters"].as_array().unwrap();
                assert!(
                    parameters
                        .iter()
                        .any(|p| p["name"] == field && p["in"] == "path"),
                    "{} lacks {field}",
                    http.path
                );
            }
        }
    }

    #[test]
    fn operation_ids_are_unique_and_every_reference_leads_somewhere() {
        let document = openapi();
        let mut seen = HashSet::new();
        for (path, method, operation) in operations(&document) {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            assert!(seen.insert(id.clone()), "{id} twice, at {method} {path}");
            assert!(
                operation["responses"]
                    .as_object()
                    .is_some_and(|r| !r.is_empty()),
                "{id}"
            );
        }
        let text = document.to_string();
        for part in text.split("\"$ref\":\"#").skip(1) {
            let pointer = part.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "nothing at {pointer}");
        }
    }
}
