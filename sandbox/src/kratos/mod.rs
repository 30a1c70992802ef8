//! Ory Kratos as far as an ingress needs it: `GET /sessions/whoami`. Sessions are made and revoked by control verbs,
//! since the login screens are not ours; every whoami is counted, so that a cache can be proved.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::{Extension, Request, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::{Clock, iso};
use crate::error::SandboxError;
use crate::faults::{self, Faults};
use crate::http::{self, Frame, Whole, text_header};
use crate::ledger::{Effect, Ledger, Partner};
use crate::sync::lock;

const COOKIE: &str = "ory_kratos_session";
const MEDIA: &str = "application/json; charset=utf-8";
const LIFE: TimeDelta = TimeDelta::hours(24);

/// A session as it was made.
#[derive(Debug, Clone)]
pub struct KratosSession {
    /// Its id at Kratos.
    pub id: Uuid,
    /// Who is logged in.
    pub identity_id: Uuid,
    /// The whole `Cookie` header: `ory_kratos_session=…`.
    pub cookie: String,
    /// The value for `X-Session-Token`.
    pub token: String,
}

struct Stored {
    session: KratosSession,
    email: String,
    from: DateTime<Utc>,
    active: bool,
}

/// The partner.
pub(crate) struct Kratos {
    clock: Clock,
    ledger: Arc<Ledger>,
    faults: Arc<Faults>,
    /// By cookie value, which is the session token as well.
    sessions: Mutex<HashMap<String, Stored>>,
    asked: AtomicU64,
}

impl Kratos {
    pub(crate) fn new(clock: Clock, ledger: Arc<Ledger>, faults: Arc<Faults>) -> Self {
        Self {
            clock,
            ledger,
            faults,
            sessions: Mutex::default(),
            asked: AtomicU64::new(0),
        }
    }

    /// Logs an identity in.
    pub(crate) fn log_in(&self, identity_id: Uuid, email: Option<String>) -> KratosSession {
        let token = format!(
            "ory_st_{}{}",
            Uuid::new_v4().simple(),
            Uuid::new_v4().simple()
        );
        let session = KratosSession {
            id: Uuid::new_v4(),
            identity_id,
            cookie: format!("{COOKIE}={token}"),
            token: token.clone(),
        };
        let email = email.unwrap_or_else(|| format!("{identity_id}@sandbox.test"));
        let stored = Stored {
            session: session.clone(),
            email,
            from: self.clock.now(),
            active: true,
        };
        lock(&self.sessions).insert(token, stored);
        let effect = Effect::new(Partner::Kratos, "session.created", session.id);
        self.ledger.append(Effect {
            owner: Some(identity_id.into()),
            ..effect
        });
        session
    }

    /// Revokes by session id, cookie, token or identity; answers how many sessions ended.
    pub(crate) fn revoke(&self, which: &str) -> Result<usize, SandboxError> {
        let value = which.strip_prefix("ory_kratos_session=").unwrap_or(which);
        let id = Uuid::try_parse(value).ok();
        let mut ended = Vec::new();
        for stored in lock(&self.sessions).values_mut() {
            let session = &stored.session;
            let meant =
                session.token == value || id == Some(session.id) || id == Some(session.identity_id);
            if meant && stored.active {
                stored.active = false;
                ended.push((session.id, session.identity_id));
            }
        }
        for (session, identity) in &ended {
            let effect = Effect::new(Partner::Kratos, "session.revoked", *session);
            self.ledger.append(Effect {
                owner: Some((*identity).into()),
                ..effect
            });
        }
        if ended.is_empty() {
            return Err(SandboxError::Unknown {
                what: "active session",
                id: which.to_owned(),
            });
        }
        Ok(ended.len())
    }

    /// How often whoami was asked.
    pub(crate) fn whoami_calls(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    fn whoami(&self, value: Option<&str>) -> Option<Value> {
        let now = self.clock.now();
        let sessions = lock(&self.sessions);
        let stored = sessions
            .get(value?)
            .filter(|stored| stored.active && now < stored.from + LIFE)?;
        let (session, from) = (&stored.session, iso(stored.from));
        Some(json!({
            "id": session.id, "active": true, "expires_at": iso(stored.from + LIFE), "authenticated_at": from,
            "authenticator_assurance_level": "aal1", "issued_at": from,
            "authentication_methods": [{"method": "password", "aal": "aal1", "completed_at": from}],
            "identity": {
                "id": session.identity_id, "schema_id": "default", "schema_url": "/schemas/default",
                "state": "active", "state_changed_at": from, "traits": {"email": stored.email},
                "metadata_public": null, "created_at": from, "updated_at": from,
            },
            "devices": [],
        }))
    }
}

/// All of Kratos, without its prefix.
pub(crate) fn routes(kratos: Arc<Kratos>, frame: Frame) -> Router {
    Router::new()
        .route("/sessions/whoami", get(whoami))
        .fallback(|| async { error(StatusCode::NOT_FOUND) })
        .layer(from_fn_with_state(Arc::clone(&kratos), gate))
        .layer(from_fn_with_state(frame, http::frame))
        .with_state(kratos)
}

async fn gate(
    Shared(kratos): Shared<Arc<Kratos>>,
    Extension(Whole(body)): Extension<Whole>,
    request: Request,
    next: Next,
) -> Response {
    let faced = faults::Request {
        partner: Partner::Kratos,
        method: request.method().as_str(),
        path: request.uri().path(),
        body: &body,
    };
    let struck = kratos.faults.strike(&faced);
    match struck.before(error).await {
        Some(response) => response,
        None => struck.after(next.run(request).await, error).await,
    }
}

async fn whoami(Shared(kratos): Shared<Arc<Kratos>>, headers: HeaderMap) -> Response {
    kratos.asked.fetch_add(1, Ordering::Relaxed);
    let value = text_header(&headers, "x-session-token").or_else(|| cookie(&headers));
    match kratos.whoami(value.as_deref()) {
        Some(session) => http::json(StatusCode::OK, MEDIA, &session),
        None => error(StatusCode::UNAUTHORIZED),
    }
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let lines = headers
        .get_all("cookie")
        .iter()
        .filter_map(|line| line.to_str().ok());
    let mut pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value.to_owned())
}

/// Kratos' error body.
fn error(status: StatusCode) -> Response {
    let reason = match status {
        StatusCode::UNAUTHORIZED => "No valid session credentials found in the request.",
        StatusCode::NOT_FOUND => "The requested resource could not be found.",
        _ => "An error that the sandbox was told to answer.",
    };
    let text = status.canonical_reason().unwrap_or_default();
    let message = match status {
        StatusCode::UNAUTHORIZED => "The request could not be authorized",
        _ => reason,
    };
    http::json(
        status,
        MEDIA,
        &json!({"error": {"code": status.as_u16(), "status": text, "reason": reason, "message": message}}),
    )
}
