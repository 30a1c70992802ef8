//! Two subscriptions for the whole process, and everyone in it who waits for some of what they
//! hear: `events.>` is what operations become, `answers.>` what they became before, repeated for a
//! caller that asks again.
//!
//! Core NATS, not a JetStream consumer: an ingress that was away has nobody waiting, and whoever
//! needs what was missed asks the workers (`query.operations.*`), which know everything. A consumer
//! per process, or a subscription per request, would cost the broker more than the events do.
//!
//! The hub never waits for anyone: every receiver has a bounded buffer, and one that is full is cut
//! off. A cut-off stream ends, and its client comes back with the last id that it saw.

use super::frames;
use async_nats::{Client, Message, SubscribeError};
use axum::extract::ws::Utf8Bytes;
use futures::StreamExt as _;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use subjects::envelope::Event;
use subjects::ids::{IdentityId, OperationId, UserId};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Events of one operation that a watcher may leave unread.
const WATCH_BUFFER: usize = 32;
/// Frames that a socket may leave unread.
const SOCKET_BUFFER: usize = 256;
/// Open sockets of one identity.
const SOCKETS_PER_IDENTITY: usize = 16;

/// The hub of this process.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    members: Mutex<Members>,
}

/// As much of an event as tells whether somebody waits for it.
#[derive(Deserialize)]
struct Head {
    operation: OperationId,
}

#[derive(Debug, Default)]
struct Members {
    /// Numbers the members, so that one can leave.
    serial: u64,
    watches: HashMap<OperationId, Vec<Watcher>>,
    sockets: HashMap<IdentityId, Vec<Socket>>,
}

#[derive(Debug)]
struct Watcher {
    serial: u64,
    sender: mpsc::Sender<Arc<Event>>,
}

#[derive(Debug)]
struct Socket {
    serial: u64,
    user: UserId,
    sender: mpsc::Sender<Utf8Bytes>,
}

impl Hub {
    /// Subscribes, and hands out events until `stop`.
    pub(crate) async fn start(
        nats: &Client,
        stop: CancellationToken,
    ) -> Result<(Arc<Self>, JoinHandle<()>), SubscribeError> {
        let (events, answers) = (
            nats.subscribe("events.>").await?,
            nats.subscribe("answers.>").await?,
        );
        let mut events = futures::stream::select(events, answers);
        let hub = Arc::new(Self::default());
        let handed = Arc::clone(&hub);
        let task = tokio::spawn(async move {
            let all = async {
                while let Some(message) = events.next().await {
                    handed.take(&message);
                }
                tracing::error!("the subscription to events ended: answers will be 202 only");
            };
            stop.run_until_cancelled(all).await;
        });
        Ok((hub, task))
    }

    /// Everything that happens to an operation from now on.
    pub(crate) fn watch(self: &Arc<Self>, operation: OperationId) -> Watch {
        let (sender, events) = mpsc::channel(WATCH_BUFFER);
        let mut members = self.members();
        members.serial += 1;
        let serial = members.serial;
        members
            .watches
            .entry(operation)
            .or_default()
            .push(Watcher { serial, sender });
        Watch {
            hub: Arc::clone(self),
            operation,
            serial,
            events,
        }
    }

    /// The pushes to a browser of this identity, or none when it has too many open.
    pub(crate) fn pushes(self: &Arc<Self>, identity: IdentityId, user: UserId) -> Option<Pushes> {
        let (sender, frames) = mpsc::channel(SOCKET_BUFFER);
        let mut members = self.members();
        members.serial += 1;
        let serial = members.serial;
        let sockets = members.sockets.entry(identity).or_default();
        if sockets.len() >= SOCKETS_PER_IDENTITY {
            return None;
        }
        sockets.push(Socket {
            serial,
            user,
            sender,
        });
        Some(Pushes {
            hub: Arc::clone(self),
            identity,
            serial,
            frames,
        })
    }

    /// Hands a message to whoever waits for it. Most events interest nobody here, and of those only
    /// the operation is read.
    fn take(&self, message: &Message) {
        let event = match serde_json::from_slice::<Head>(&message.payload) {
            Ok(head) if !self.is_wanted(head.operation) => return,
            Ok(_) => serde_json::from_slice::<Event>(&message.payload),
            Err(error) => Err(error),
        };
        match event {
            Ok(event) => self.hand_out(&Arc::new(event)),
            Err(error) => {
                tracing::warn!(subject = %message.subject, %error, "expected an event, dropped it");
            }
        }
    }

    fn is_wanted(&self, operation: OperationId) -> bool {
        let members = self.members();
        !members.sockets.is_empty() || members.watches.contains_key(&operation)
    }

    fn hand_out(&self, event: &Arc<Event>) {
        let mut members = self.members();
        // An event with the number 0 only answers a caller again: browsers had its pushes.
        if event.id != 0 {
            members.push(event);
        }
        if let Some(watches) = members.watches.get_mut(&event.operation) {
            watches.retain(|watcher| watcher.sender.try_send(Arc::clone(event)).is_ok());
        }
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Members {
    /// Pushes the event's changes to the browsers of those whose rows changed.
    fn push(&mut self, event: &Event) {
        for (index, changed) in event.changed.iter().enumerate() {
            let Some(identity) = changed.identity else {
                continue;
            };
            let Some(sockets) = self.sockets.get_mut(&identity) else {
                continue;
            };
            let Some(first) = sockets.first() else {
                continue;
            };
            let user = changed.user.unwrap_or(first.user);
            let text = frames::frame(event, index, changed, user.0).to_string();
            let text = Utf8Bytes::from(text);
            sockets.retain(|socket| socket.sender.try_send(text.clone()).is_ok());
        }
    }
}

/// The events of one operation, while it is held.
#[derive(Debug)]
pub(crate) struct Watch {
    hub: Arc<Hub>,
    operation: OperationId,
    serial: u64,
    events: mpsc::Receiver<Arc<Event>>,
}

impl Watch {
    /// The next event; none when the buffer overflowed and something was missed.
    pub(crate) async fn next(&mut self) -> Option<Arc<Event>> {
        self.events.recv().await
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut members = self.hub.members();
        if let Some(watches) = members.watches.get_mut(&self.operation) {
            watches.retain(|watcher| watcher.serial != self.serial);
            if watches.is_empty() {
                members.watches.remove(&self.operation);
            }
        }
    }
}

/// The frames for one browser, while it is held.
#[derive(Debug)]
pub(crate) struct Pushes {
    hub: Arc<Hub>,
    identity: IdentityId,
    serial: u64,
    frames: mpsc::Receiver<Utf8Bytes>,
}

impl Pushes {
    /// The next frame; none when the browser was too slow.
    pub(crate) async fn next(&mut self) -> Option<Utf8Bytes> {
        self.frames.recv().await
    }
}

impl Drop for Pushes {
    fn drop(&mut self) {
        let mut members = self.hub.members();
        if let Some(sockets) = members.sockets.get_mut(&self.identity) {
            sockets.retain(|socket| socket.serial != self.serial);
            if sockets.is_empty() {
                members.sockets.remove(&self.identity);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use subjects::envelope::{Changed, Outcome};

    const ME: IdentityId = uuid::Uuid::from_u128(1);
    const OTHER: IdentityId = uuid::Uuid::from_u128(2);

    fn event(id: i64, operation: OperationId, whose: IdentityId) -> Arc<Event> {
        let changed = Changed {
            object: "wallet".into(),
            id: 70,
            identity: Some(whose),
            user: None,
            fields: json!({"balance": "1.00"}),
        };
        Arc::new(Event {
            id,
            operation,
            service: "wallet".into(),
            topic: "wallet_sync".into(),
            outcome: Outcome::Completed,
            request_hash: String::new(),
            result: Value::Null,
            problem: None,
            changed: vec![changed],
            at: crate::clock::now(),
        })
    }

    #[tokio::test]
    async fn a_watch_hears_of_its_operation_only() {
        let hub = Arc::new(Hub::default());
        let mine = uuid::Uuid::from_u128(10);
        let mut watch = hub.watch(mine);
        hub.hand_out(&event(1, uuid::Uuid::from_u128(11), ME));
        hub.hand_out(&event(2, mine, ME));
        assert_eq!(watch.next().await.unwrap().id, 2);
        drop(watch);
        assert!(hub.members().watches.is_empty());
    }

    #[tokio::test]
    async fn a_browser_is_pushed_its_own_rows_once() {
        let hub = Arc::new(Hub::default());
        let operation = uuid::Uuid::from_u128(10);
        let mut pushes = hub.pushes(ME, UserId(3)).unwrap();
        hub.hand_out(&event(1, operation, OTHER));
        hub.hand_out(&event(0, operation, ME));
        hub.hand_out(&event(2, operation, ME));
        let frame: Value = serde_json::from_str(&pushes.next().await.unwrap()).unwrap();
        assert_eq!((&frame["id"], &frame["user_id"]), (&json!(32), &json!(3)));
        drop(pushes);
        assert!(hub.members().sockets.is_empty());
    }

    #[tokio::test]
    async fn a_browser_that_does_not_read_is_cut_off_and_delays_nobody() {
        let hub = Arc::new(Hub::default());
        let mut pushes = hub.pushes(ME, UserId(3)).unwrap();
        let count = i64::try_from(SOCKET_BUFFER).unwrap() + 1;
        for id in 1..=count {
            hub.hand_out(&event(id, uuid::Uuid::nil(), ME));
        }
        let mut read = 0;
        while pushes.next().await.is_some() {
            read += 1;
        }
        assert_eq!(read, SOCKET_BUFFER);
    }

    #[test]
    fn the_sockets_of_one_identity_are_bounded() {
        let hub = Arc::new(Hub::default());
        let open: Vec<_> = (0..=SOCKETS_PER_IDENTITY)
            .map(|_| hub.pushes(ME, UserId(3)))
            .collect();
        assert_eq!(open.iter().flatten().count(), SOCKETS_PER_IDENTITY);
        assert!(open.last().unwrap().is_none());
    }
}
