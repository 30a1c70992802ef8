//! The WebSocket that the front end opens once somebody is signed in, for its pushes.
//!
//! The client gives up after three failed attempts, so a socket is closed only when it must be: at
//! shutdown, when it does not read, when it has gone away, and when its session is over.

use super::Ingress;
use super::auth::Purpose;
use super::hub::Pushes;
use super::problem::Refusal;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use subjects::directory::Access;
use tokio::time::Instant;

/// After so long without a sign of the client it is asked for one; after twice as long it is gone.
const QUIET: Duration = Duration::from_secs(75);
/// How often it is checked that somebody is still signed in.
const SESSION_CHECK: Duration = Duration::from_mins(5);
/// How long one frame may take.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// The client sends nothing but its heartbeat.
const LARGEST_MESSAGE: usize = 4096;

/// What the client sends: `{"Command": "ping"}` every minute.
#[derive(Deserialize)]
struct Heartbeat {
    #[serde(rename = "Command")]
    command: String,
}

/// Opens a socket for the signed-in person.
pub(crate) async fn open(
    State(ingress): State<Arc<Ingress>>,
    request: Request,
) -> Result<Response, Refusal> {
    let (mut parts, _) = request.into_parts();
    let identity = ingress.person(Purpose::Act, &parts.headers).await?;
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let upgrade = upgrade.map_err(|_| Refusal::bad_request("Expected a WebSocket handshake."))?;
    let user = ingress
        .user(Access {
            identity,
            ..Access::default()
        })
        .await?;
    let pushes = ingress.hub.pushes(identity, user);
    let pushes = pushes.ok_or_else(|| Refusal::too_many(QUIET))?;
    let tracked = ingress.sockets.token();
    let headers = parts.headers;
    Ok(upgrade
        .max_message_size(LARGEST_MESSAGE)
        .on_upgrade(async move |socket| {
            let _tracked = tracked;
            let now = Instant::now();
            let heard = now;
            let session_check = now + SESSION_CHECK;
            Open {
                ingress,
                socket,
                pushes,
                headers,
                heard,
                asked: false,
                session_check,
            }
            .run()
            .await;
        }))
}

struct Open {
    ingress: Arc<Ingress>,
    socket: WebSocket,
    pushes: Pushes,
    headers: HeaderMap,
    /// When the client gave its last sign.
    heard: Instant,
    /// Whether it was asked for one since.
    asked: bool,
    session_check: Instant,
}

/// Why a socket is closed, as the close frame says it; none when there is nobody left to tell.
type Closing = Option<(u16, &'static str)>;

impl Open {
    async fn run(mut self) {
        let closing = loop {
            if let Err(closing) = self.turn().await {
                break closing;
            }
        };
        if let Some((code, reason)) = closing {
            let frame = CloseFrame {
                code,
                reason: Utf8Bytes::from_static(reason),
            };
            let closed = self.socket.send(Message::Close(Some(frame)));
            // A client that does not take its close frame is gone all the same.
            let _taken = tokio::time::timeout(SEND_WITHIN, closed).await;
        }
    }

    async fn turn(&mut self) -> Result<(), Closing> {
        let patience = self.heard + if self.asked { 2 * QUIET } else { QUIET };
        tokio::select! {
            () = self.ingress.shutdown.cancelled() => {
                Err(Some((close_code::RESTART, "restarting")))
            }
            frame = self.pushes.next() => match frame {
                Some(text) => self.send(Message::Text(text)).await,
                None => Err(Some((close_code::AGAIN, "too slow"))),
            },
            message = self.socket.recv() => match message {
                Some(Ok(message)) => self.receive(message).await,
                Some(Err(_)) | None => Err(None),
            },
            () = tokio::time::sleep_until(patience) => {
                if self.asked {
                    return Err(None);
                }
                self.asked = true;
                self.send(Message::Ping(axum::body::Bytes::new())).await
            }
            () = tokio::time::sleep_until(self.session_check) => self.check_session().await,
        }
    }

    async fn receive(&mut self, message: Message) -> Result<(), Closing> {
        self.heard = Instant::now();
        self.asked = false;
        match message {
            Message::Text(text) => {
                let heartbeat = serde_json::from_str::<Heartbeat>(&text);
                if heartbeat.is_ok_and(|heartbeat| heartbeat.command == "ping") {
                    return self
                        .send(Message::Text(Utf8Bytes::from_static("pong")))
                        .await;
                }
                Ok(())
            }
            Message::Close(_) => Err(None),
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => Ok(()),
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Closing> {
        match tokio::time::timeout(SEND_WITHIN, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(None),
        }
    }

    /// Only a clear no closes the socket; that nobody answers now says nothing about the session.
    async fn check_session(&mut self) -> Result<(), Closing> {
        self.session_check = Instant::now() + SESSION_CHECK;
        match self.ingress.person(Purpose::Act, &self.headers).await {
            Err(refusal) if refusal.status() == StatusCode::UNAUTHORIZED => {
                Err(Some((close_code::POLICY, "signed out")))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }
}
