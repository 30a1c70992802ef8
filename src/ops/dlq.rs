//! Dead letters: list, show, replay, discard, mark.

use crate::bus::engine::Engine;
use crate::bus::publish::PublishError;
use crate::store::StoreError;
use crate::store::dead_letters::{Act, Acted, DeadLetter, Filter};
use crate::store::outbox::Posted;
use serde_json::Value;
use uuid::Uuid;

/// Why an act on a dead letter was not done.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It may not be done.
    #[error("dead letter {letter}: {reason}")]
    Refused {
        /// The dead letter.
        letter: Uuid,
        /// Why not.
        reason: String,
    },
    /// It was committed, and the relay will publish it.
    #[error("committed; the broker is away, a worker's relay publishes it")]
    Later(#[from] PublishError),
}

/// Dead letters, newest first.
pub async fn list(engine: &Engine, filter: &Filter) -> Result<Vec<DeadLetter>, StoreError> {
    engine.dead_letters.list(filter).await
}

/// One dead letter.
pub async fn show(engine: &Engine, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
    engine.dead_letters.get(id).await
}

/// Sends a dead letter back into its queue, under a new message id and the old operation id.
pub async fn replay(engine: &Engine, act: &Act<'_>) -> Result<(), ActError> {
    let letter = engine.dead_letters.get(act.letter).await?;
    let operation = letter
        .and_then(|letter| letter.operation)
        .unwrap_or(act.letter);
    match engine.dead_letters.replay(act).await? {
        Acted::Done(messages) => {
            for message in messages {
                engine
                    .publisher
                    .send(&Posted { operation, message })
                    .await?;
            }
            Ok(())
        }
        Acted::Refused(reason) => Err(ActError::Refused {
            letter: act.letter,
            reason,
        }),
    }
}

/// Puts a dead letter aside for good.
pub async fn discard(engine: &Engine, act: &Act<'_>) -> Result<(), ActError> {
    done(engine.dead_letters.discard(act).await?, act.letter)
}

/// Notes what a person found out about an effect in doubt.
pub async fn mark(
    engine: &Engine,
    act: &Act<'_>,
    effect: &str,
    answer: Option<&Value>,
) -> Result<(), ActError> {
    done(
        engine.dead_letters.mark(act, effect, answer).await?,
        act.letter,
    )
}

fn done(acted: Acted, letter: Uuid) -> Result<(), ActError> {
    match acted {
        Acted::Done(_) => Ok(()),
        Acted::Refused(reason) => Err(ActError::Refused { letter, reason }),
    }
}

/// Publishes every unfinished operation again that nobody works on; answers how many.
pub async fn requeue(engine: &Engine) -> Result<usize, StoreError> {
    Ok(engine.outbox.requeue().await?.len())
}
