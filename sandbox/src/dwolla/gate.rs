//! What every request to Dwolla passes: media type, token, faults, idempotency, and the rule of one transfer at a
//! time out of a balance.
//!
//! The order matters. A token expires before the caller is known; other faults strike known callers only; the key is
//! in flight before a fault can hold the request, so that a second one meets 409; and what was carried out stays
//! under its key, whatever the fault made of the answer.

use std::sync::Arc;

use axum::extract::{Extension, Request, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use uuid::Uuid;

use super::error::Refusal;
use super::idempotency::{self, Claim, Replay};
use super::{Dwolla, hal};
use crate::faults::{self, Struck};
use crate::http::{Whole, text_header};
use crate::ledger::Partner;

/// The request's `Idempotency-Key`, for the ledger.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestKey(pub(crate) Option<Arc<str>>);

/// The middleware.
pub(crate) async fn gate(
    Shared(dwolla): Shared<Arc<Dwolla>>,
    Extension(Whole(body)): Extension<Whole>,
    mut request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let faced = faults::Request {
        partner: Partner::Dwolla,
        method: method.as_str(),
        path: &path,
        body: &body,
    };
    if dwolla.faults.token_expiries(&faced) > 0 {
        dwolla.with(|state| state.tokens.expire_all(state.clock.now()));
    }
    if path != "/token"
        && let Err(refusal) = admit(&dwolla, request.headers())
    {
        return refusal.into_response();
    }
    let struck = dwolla.faults.strike(&faced);
    let source = (method == Method::POST && path == "/transfers")
        .then(|| source_in(&body))
        .flatten();
    let key = (method == Method::POST && path != "/token")
        .then(|| text_header(request.headers(), "idempotency-key"))
        .flatten()
        .map(Arc::from);
    request.extensions_mut().insert(RequestKey(key.clone()));
    let work = Work {
        dwolla: &dwolla,
        struck,
        source,
        request,
        next,
    };
    match key {
        None => work.run().await.0,
        Some(key) => keyed(work, &key, idempotency::print(&path, &body)).await,
    }
}

fn admit(dwolla: &Dwolla, headers: &HeaderMap) -> Result<(), Refusal> {
    if !text_header(headers, "accept").is_some_and(|accept| accept.contains(hal::MEDIA)) {
        return Err(Refusal::new(
            StatusCode::NOT_ACCEPTABLE,
            "InvalidVersion",
            "Missing or invalid API version.",
        ));
    }
    let authorization = text_header(headers, "authorization");
    dwolla.with(|state| {
        state
            .tokens
            .check(authorization.as_deref(), state.clock.now())
    })
}

/// A request that may be carried out.
struct Work<'a> {
    dwolla: &'a Dwolla,
    struck: Struck,
    source: Option<Uuid>,
    request: Request,
    next: Next,
}

impl Work<'_> {
    /// Carries it out. The second part is the true answer if the handler ran, whatever the faults made of it.
    async fn run(self) -> (Response, Option<Replay>) {
        let dwolla = self.dwolla;
        let busy = self
            .source
            .filter(|source| dwolla.with(|state| state.is_serial(*source)));
        if busy.is_some_and(|source| !dwolla.with(|state| state.busy.insert(source))) {
            return (too_many().into_response(), None);
        }
        let outcome = if let Some(answer) = self.struck.before(page).await {
            (answer, None)
        } else {
            let truth = Replay::of(self.next.run(self.request).await).await;
            (self.struck.after(truth.response(), page).await, Some(truth))
        };
        if let Some(source) = busy {
            dwolla.with(|state| state.busy.remove(&source));
        }
        outcome
    }

    /// Answers without carrying anything out; faults strike all the same.
    async fn instead(self, answer: Response) -> Response {
        match self.struck.before(page).await {
            Some(answer) => answer,
            None => self.struck.after(answer, page).await,
        }
    }
}

async fn keyed(work: Work<'_>, key: &Arc<str>, print: idempotency::Print) -> Response {
    let dwolla = work.dwolla;
    let claim = dwolla.with(|state| {
        let hostile = state.switches.other_body_is_new;
        let now = state.clock.now();
        state.keys.claim(key, print, now, hostile)
    });
    match claim {
        Claim::New => {}
        Claim::Replay(replay) => return work.instead(replay.response()).await,
        Claim::InFlight => {
            let refusal =
                Refusal::conflict("A request with this idempotency key is being processed.");
            return work.instead(refusal.into_response()).await;
        }
        Claim::OtherBody => {
            let refusal =
                Refusal::conflict("The idempotency key was used with a different request body.");
            return work.instead(refusal.into_response()).await;
        }
    }
    let (answer, truth) = work.run().await;
    let truth = truth.filter(Replay::is_success);
    dwolla.with(|state| {
        if state.switches.lock_key_after_500 && answer.status().is_server_error() {
            state.keys.locked(key, truth);
        } else if let Some(truth) = truth {
            state.keys.done(key, truth);
        } else {
            state.keys.free(key);
        }
    });
    answer
}

fn page(status: StatusCode) -> Response {
    Refusal::of_status(status).into_response()
}

fn too_many() -> Refusal {
    Refusal::new(
        StatusCode::TOO_MANY_REQUESTS,
        "TooManyRequests",
        "Concurrent transfers with the given funding source are not supported. Please wait a short period of time \
         before re-attempting the request.",
    )
}

/// The funding source that a transfer would be sent from.
fn source_in(body: &[u8]) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Peek<'a> {
        #[serde(borrow, rename = "_links")]
        links: Links<'a>,
    }
    #[derive(Deserialize)]
    struct Links<'a> {
        #[serde(borrow)]
        source: Link<'a>,
    }
    #[derive(Deserialize)]
    struct Link<'a> {
        href: &'a str,
    }
    let peek: Peek<'_> = serde_json::from_slice(body).ok()?;
    hal::id_in(peek.links.source.href, "funding-sources")
}
