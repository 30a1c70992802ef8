//! Many wishes, one statement.
//!
//! Whoever wants something from the database hands it to a [`Coalescer`] and waits. While a statement
//! runs, wishes gather; the next statement takes all of them. So the batch grows by itself with the
//! load, and a lone wish is never delayed: there is no timer here.
//!
//! Two wishes for the same row must not meet in one statement (PostgreSQL would apply one of them),
//! so wishes name what they touch and the second waits for the next round. When a statement fails,
//! its wishes run one by one: a bad one fails alone.

use super::StoreError;
use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// The most wishes in one statement.
const BATCH_MAX: usize = 128;
/// Statements of one kind that run at the same time.
const LANES: usize = 2;
/// Wishes that may wait; more wait at the sender.
const QUEUE_MAX: usize = 4096;

/// A wish that can share a statement with others.
pub trait Wish: Clone + Send + Sync + 'static {
    /// The rows that it touches, as texts that never mean different rows.
    fn touches(&self) -> Vec<String>;
}

struct Waiting<W, A> {
    wish: W,
    answer: oneshot::Sender<Result<A, StoreError>>,
}

/// Gathers wishes of one kind and runs them together.
pub struct Coalescer<W, A> {
    queue: mpsc::Sender<Waiting<W, A>>,
}

impl<W, A> Clone for Coalescer<W, A> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
        }
    }
}

impl<W: Wish, A: Send + 'static> Coalescer<W, A> {
    /// Starts one whose statement is `run`: it answers as many wishes as it is given, in their order.
    pub fn start<F, R>(run: F) -> Self
    where
        F: Fn(Vec<W>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<A>, StoreError>> + Send + 'static,
    {
        let (queue, wishes) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(gather(wishes, Arc::new(run)));
        Self { queue }
    }

    /// The answer to a wish.
    pub async fn ask(&self, wish: W) -> Result<A, StoreError> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { wish, answer };
        self.queue
            .send(waiting)
            .await
            .map_err(|_| StoreError::Stopped)?;
        answered.await.map_err(|_| StoreError::Stopped)?
    }
}

async fn gather<W, A, F, R>(mut wishes: mpsc::Receiver<Waiting<W, A>>, run: Arc<F>)
where
    W: Wish,
    A: Send + 'static,
    F: Fn(Vec<W>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Vec<A>, StoreError>> + Send + 'static,
{
    let lanes = Arc::new(Semaphore::new(LANES));
    let mut postponed: VecDeque<Waiting<W, A>> = VecDeque::new();
    loop {
        let Ok(lane) = lanes.clone().acquire_owned().await else {
            return;
        };
        if postponed.is_empty() {
            match wishes.recv().await {
                Some(first) => postponed.push_back(first),
                None => return,
            }
        }
        while postponed.len() < BATCH_MAX {
            match wishes.try_recv() {
                Ok(next) => postponed.push_back(next),
                Err(_) => break,
            }
        }
        let batch = compatible(&mut postponed);
        let run = run.clone();
        tokio::spawn(async move {
            answer(batch, &*run).await;
            drop(lane);
        });
    }
}

/// Takes the wishes that do not touch one another's rows, in order, and leaves the rest.
fn compatible<W: Wish, A>(waiting: &mut VecDeque<Waiting<W, A>>) -> Vec<Waiting<W, A>> {
    let mut touched = HashSet::new();
    let mut batch = Vec::with_capacity(waiting.len());
    let mut rest = VecDeque::new();
    for one in waiting.drain(..) {
        let rows = one.wish.touches();
        if rows.iter().any(|row| touched.contains(row)) {
            rest.push_back(one);
        } else {
            batch.push(one);
        }
        // A postponed wish keeps its rows too: a later one for the same row must not overtake it.
        touched.extend(rows);
    }
    *waiting = rest;
    batch
}

async fn answer<W, A, F, R>(batch: Vec<Waiting<W, A>>, run: &F)
where
    W: Wish,
    A: Send + 'static,
    F: Fn(Vec<W>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Vec<A>, StoreError>> + Send + 'static,
{
    let wishes: Vec<W> = batch.iter().map(|waiting| waiting.wish.clone()).collect();
    match run(wishes).await {
        Ok(answers) => {
            for (waiting, answer) in batch.into_iter().zip(answers) {
                let _ = waiting.answer.send(Ok(answer));
            }
        }
        Err(error) if batch.len() > 1 => {
            tracing::debug!(%error, wishes = batch.len(), "a shared statement failed: one by one");
            for waiting in batch {
                let alone = run(vec![waiting.wish]).await;
                let _ = waiting.answer.send(alone.and_then(only));
            }
        }
        Err(error) => {
            if let Some(waiting) = batch.into_iter().next() {
                let _ = waiting.answer.send(Err(error));
            }
        }
    }
}

fn only<A>(answers: Vec<A>) -> Result<A, StoreError> {
    answers.into_iter().next().ok_or(StoreError::Stopped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Clone)]
    struct Touch(u32, &'static str);

    impl Wish for Touch {
        fn touches(&self) -> Vec<String> {
            vec![self.1.to_owned()]
        }
    }

    fn refused() -> StoreError {
        StoreError::Refused(sqlx::Error::RowNotFound)
    }

    #[tokio::test]
    async fn each_wish_gets_its_own_answer() {
        let coalescer = Coalescer::start(|wishes: Vec<Touch>| async move {
            Ok(wishes.iter().map(|w| w.0 * 10).collect())
        });
        let asked = (0..500u32).map(|n| coalescer.ask(Touch(n, "row")));
        let answers = futures::future::join_all(asked).await;
        for (n, answer) in (0u32..).zip(answers) {
            assert_eq!(answer.unwrap(), n * 10);
        }
    }

    #[tokio::test]
    async fn wishes_for_one_row_never_meet_and_never_overtake() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let coalescer = Coalescer::start(move |wishes: Vec<Touch>| {
            let log = log.clone();
            async move {
                assert!(wishes.iter().filter(|w| w.1 == "hot").count() <= 1);
                log.lock()
                    .unwrap()
                    .extend(wishes.iter().filter(|w| w.1 == "hot").map(|w| w.0));
                Ok(wishes.iter().map(|_| ()).collect())
            }
        });
        let asked =
            (0..50).map(|n| coalescer.ask(Touch(n, if n % 2 == 0 { "hot" } else { "cold" })));
        futures::future::join_all(asked).await;
        assert_eq!(seen.lock().unwrap().len(), 25);
    }

    #[tokio::test]
    async fn a_bad_wish_fails_alone() {
        let coalescer = Coalescer::start(|wishes: Vec<Touch>| async move {
            if wishes.iter().any(|w| w.0 == 7) {
                return Err(refused());
            }
            Ok(wishes.iter().map(|w| w.0).collect())
        });
        let rows = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let asked = (0..10u32)
            .zip(rows)
            .map(|(n, row)| coalescer.ask(Touch(n, row)));
        let answers = futures::future::join_all(asked).await;
        for (n, answer) in (0u32..).zip(answers) {
            assert_eq!(answer.is_err(), n == 7);
        }
    }
}
