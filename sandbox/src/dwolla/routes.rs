//! Which path leads where.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::error::Refusal;
use super::{
    Dwolla, customer, document, event, exchange, funding, gate, on_demand, root, simulation, token,
    transfer, webhook,
};
use crate::http::{self, Frame};

/// All of Dwolla, without its prefix.
pub(crate) fn routes(dwolla: Arc<Dwolla>, frame: Frame) -> Router {
    Router::new()
        .merge(accounts_and_customers())
        .merge(money())
        .merge(webhooks())
        .fallback(|| async { Refusal::of_status(StatusCode::NOT_FOUND) })
        .method_not_allowed_fallback(|| async {
            Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                "Method not allowed.",
            )
        })
        // The frame has read the body already, up to its own limit.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&dwolla), gate::gate))
        .layer(from_fn_with_state(frame, http::frame))
        .with_state(dwolla)
}

fn accounts_and_customers() -> Router<Arc<Dwolla>> {
    Router::new()
        .route("/", get(root::root))
        .route("/token", post(token::token))
        .route("/accounts/{id}", get(root::account))
        .route(
            "/accounts/{id}/funding-sources",
            get(funding::list_of_master),
        )
        .route("/accounts/{id}/transfers", get(transfer::list_of_master))
        .route(
            "/business-classifications",
            get(root::business_classifications),
        )
        .route("/customers", get(customer::list).post(customer::create))
        .route("/customers/{id}", get(customer::get).post(customer::update))
        .route(
            "/customers/{id}/beneficial-ownership",
            get(customer::ownership).post(customer::certify),
        )
        .route(
            "/customers/{id}/documents",
            get(document::list).post(document::upload),
        )
        .route("/documents/{id}", get(document::get))
}

fn money() -> Router<Arc<Dwolla>> {
    Router::new()
        .route(
            "/customers/{id}/funding-sources",
            get(funding::list_of_customer).post(funding::create),
        )
        .route("/customers/{id}/transfers", get(transfer::list_of_customer))
        .route(
            "/customers/{id}/exchanges",
            get(exchange::list).post(exchange::create),
        )
        .route("/exchange-partners", get(exchange::partners))
        .route("/exchange-partners/{id}", get(exchange::get_partner))
        .route("/exchanges/{id}", get(exchange::get))
        .route(
            "/funding-sources/{id}",
            get(funding::get).post(funding::update),
        )
        .route("/funding-sources/{id}/balance", get(funding::balance))
        .route("/on-demand-authorizations", post(on_demand::authorize))
        .route("/transfers", post(transfer::create))
        .route("/transfers/{id}", get(transfer::get).post(transfer::cancel))
        .route("/transfers/{id}/failure", get(transfer::failure))
        .route("/transfers/{id}/fees", get(transfer::fees))
        .route("/sandbox-simulations", post(simulation::simulate))
}

fn webhooks() -> Router<Arc<Dwolla>> {
    Router::new()
        .route("/events", get(event::list))
        .route("/events/{id}", get(event::get))
        .route(
            "/webhook-subscriptions",
            get(webhook::list).post(webhook::create),
        )
        .route(
            "/webhook-subscriptions/{id}",
            get(webhook::get_subscription)
                .post(webhook::update)
                .delete(webhook::delete),
        )
        .route(
            "/webhook-subscriptions/{id}/webhooks",
            get(webhook::list_of_subscription),
        )
        .route("/webhooks/{id}", get(webhook::get))
        .route(
            "/webhooks/{id}/retries",
            get(webhook::retries).post(webhook::retry),
        )
}
