//! The courier delivers webhooks: for all partners, at most ten at a time, on the virtual clock.
//!
//! A partner hands over letters; each knows how to write itself for an attempt (signature and time are made then, as
//! a retry hours later must still verify) and what to do with the result. The courier knows nothing of signatures or
//! schedules; it keeps the queue, the bound, and what a hostile network adds: duplicates, disorder and delay, all from
//! one seed. `settle` is how a test waits for silence without sleeping.

mod post;
mod queue;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
pub(crate) use post::{Outcome, Posting};
use queue::{Queue, Queued};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, delta};
use crate::error::SandboxError;
use crate::sync::lock;

/// Bursts of up to ten concurrent requests, as Dwolla documents.
const CONCURRENT: usize = 10;
/// A subscriber must answer within ten seconds, as both Dwolla and Plaid document.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A webhook on its way.
pub(crate) trait Letter: Send + Sync + 'static {
    /// The request as of now; none when it must not be sent any more.
    fn write(&self) -> Option<Posting>;
    /// Takes the result of attempt `attempt` (from 0); an answer is the delay until the next one.
    fn report(&self, attempt: u32, outcome: Outcome) -> Option<Duration>;
}

/// What the network between partner and subscriber does to webhooks.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weather {
    /// How many extra copies of each webhook arrive.
    pub duplicate: u32,
    /// Webhooks overtake one another: each is delayed by up to 50 ms of real time, chosen from the seed.
    pub shuffle: bool,
    /// Webhooks wait for a flush.
    pub hold: bool,
    /// Seed of the disorder.
    pub seed: u64,
}

/// The courier.
pub(crate) struct Courier {
    clock: Clock,
    client: reqwest::Client,
    queue: Mutex<Queue>,
    wake: Notify,
    slots: Arc<Semaphore>,
    progress: watch::Sender<()>,
}

impl Courier {
    pub(crate) fn new(clock: Clock) -> Result<Arc<Self>, SandboxError> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_WITHIN)
            .build()?;
        Ok(Arc::new(Self {
            clock,
            client,
            queue: Mutex::default(),
            wake: Notify::new(),
            slots: Arc::new(Semaphore::new(CONCURRENT)),
            progress: watch::Sender::new(()),
        }))
    }

    pub(crate) fn weather(&self) -> Weather {
        lock(&self.queue).weather.clone()
    }

    pub(crate) fn set_weather(&self, weather: Weather) {
        lock(&self.queue).set_weather(weather);
    }

    /// Takes letters in, in order.
    pub(crate) fn send(&self, letters: impl IntoIterator<Item = Arc<dyn Letter>>) {
        let now = self.clock.now();
        let mut queue = lock(&self.queue);
        letters
            .into_iter()
            .for_each(|letter| queue.admit(&letter, now));
        drop(queue);
        self.wake.notify_one();
    }

    /// Delivers what is held, one after the other, and says how many there were.
    pub(crate) async fn flush(&self, reversed: bool) -> usize {
        let mut held = lock(&self.queue).take_held();
        if reversed {
            held.reverse();
        }
        let count = held.len();
        for queued in held {
            self.deliver(queued).await;
        }
        count
    }

    /// How many wait for a flush.
    pub(crate) fn held(&self) -> usize {
        lock(&self.queue).held()
    }

    /// Waits until nothing is due and nothing in flight. Retries that lie in the virtual future and held letters do
    /// not count.
    pub(crate) async fn settle(&self, bound: Duration) -> Result<(), SandboxError> {
        let mut progress = self.progress.subscribe();
        let silence = async {
            while lock(&self.queue).busy(self.clock.now()) {
                if progress.changed().await.is_err() {
                    break;
                }
            }
        };
        tokio::time::timeout(bound, silence)
            .await
            .map_err(|_| SandboxError::TimedOut {
                what: "webhook deliveries to settle".to_owned(),
                waited: bound,
            })
    }

    /// Delivers until stopped.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut moves = self.clock.moves();
        loop {
            let slot = tokio::select! {
                slot = Arc::clone(&self.slots).acquire_owned() => slot,
                () = stop.cancelled() => return,
            };
            let Ok(slot) = slot else { return };
            let queued = loop {
                let (ready, next) = lock(&self.queue).pop(self.clock.now());
                if let Some(queued) = ready {
                    break queued;
                }
                tokio::select! {
                    () = self.wake.notified() => {}
                    _ = moves.changed() => {}
                    () = self.until(next) => {}
                    () = stop.cancelled() => return,
                }
            };
            let courier = Arc::clone(&self);
            tokio::spawn(async move {
                courier.deliver(queued).await;
                drop(slot);
            });
        }
    }

    async fn until(&self, due: Option<DateTime<Utc>>) {
        match due.map(|due| (due - self.clock.now()).max(TimeDelta::zero())) {
            Some(wait) => tokio::time::sleep(wait.to_std().unwrap_or_default()).await,
            None => std::future::pending().await,
        }
    }

    async fn deliver(&self, queued: Queued) {
        if let Some(posting) = queued.letter.write() {
            let outcome = post::post(&self.client, posting, &self.clock).await;
            let again = queued.letter.report(queued.attempt, outcome);
            let due = again.map(|wait| self.clock.now() + delta(wait));
            lock(&self.queue).finish(queued, due);
        } else {
            lock(&self.queue).finish(queued, None);
        }
        self.progress.send_replace(());
        self.wake.notify_one();
    }
}
