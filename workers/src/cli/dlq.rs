//! `tranche dlq`: dead letters at a terminal.
#![expect(
    clippy::doc_markdown,
    reason = "doc comments here are the help that a terminal shows"
)]

use super::{Failure, say};
use crate::fleet;
use clap::Subcommand;
use serde_json::{Value, json};
use std::sync::Arc;
use tranche::bus::engine::Engine;
use tranche::config::Config;
use tranche::ops::dlq;
use tranche::store::dead_letters::{Act, DeadLetter, Filter};
use uuid::Uuid;

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub(crate) enum Dlq {
    /// Show open dead letters, newest first.
    List {
        /// 'wallet/transaction_create' or 'wallet/*'.
        #[arg(long)]
        topic: Option<String>,
        /// rejected, exhausted, ambiguous, bug, undecodable, unknown_topic or max_deliveries.
        #[arg(long)]
        class: Option<String>,
        /// open, replayed, discarded or resolved.
        #[arg(long, default_value = "open")]
        state: String,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: i64,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show one with its attempts and effects. A body with personal data stays sealed.
    Show {
        /// The dead letter.
        id: Uuid,
    },
    /// Send one back into its queue. The operation keeps its id and its keys at the partner.
    Replay {
        /// The dead letter.
        id: Uuid,
        /// Why, for the audit.
        #[arg(long)]
        reason: String,
        /// Who, for the audit.
        #[arg(long, env = "USER", default_value = "operator")]
        actor: String,
    },
    /// Put one aside for good.
    Discard {
        /// The dead letter.
        id: Uuid,
        /// Why, for the audit.
        #[arg(long)]
        reason: String,
        /// Who, for the audit.
        #[arg(long, env = "USER", default_value = "operator")]
        actor: String,
    },
    /// Note what you found out at the partner about an effect in doubt.
    Mark {
        /// The dead letter.
        id: Uuid,
        /// The effect's name, as `show` prints it.
        #[arg(long)]
        effect: String,
        /// It happened, with this answer (JSON). Without it: it did not happen.
        #[arg(long)]
        done: Option<String>,
        /// What you saw, for the audit.
        #[arg(long)]
        reason: String,
        /// Who, for the audit.
        #[arg(long, env = "USER", default_value = "operator")]
        actor: String,
    },
}

pub(crate) async fn run(config: &Config, act: Dlq) -> Result<(), Failure> {
    let (engine, _) = fleet::engine(config, "dlq").await?;
    match act {
        Dlq::List {
            topic,
            class,
            state,
            limit,
            json,
        } => {
            let filter = Filter {
                topic,
                class,
                state: Some(state),
                limit,
            };
            list(&dlq::list(&engine, &filter).await?, json);
        }
        Dlq::Show { id } => show(&engine, id).await?,
        Dlq::Replay { id, reason, actor } => {
            dlq::replay(
                &engine,
                &Act {
                    letter: id,
                    actor: &actor,
                    reason: &reason,
                },
            )
            .await?;
            say(&format!("{id} is sent back"));
        }
        Dlq::Discard { id, reason, actor } => {
            dlq::discard(
                &engine,
                &Act {
                    letter: id,
                    actor: &actor,
                    reason: &reason,
                },
            )
            .await?;
            say(&format!("{id} is put aside"));
        }
        Dlq::Mark {
            id,
            effect,
            done,
            reason,
            actor,
        } => {
            let answer: Option<Value> = done.as_deref().map(serde_json::from_str).transpose()?;
            let act = Act {
                letter: id,
                actor: &actor,
                reason: &reason,
            };
            dlq::mark(&engine, &act, &effect, answer.as_ref()).await?;
            let word = if answer.is_some() { "done" } else { "not done" };
            say(&format!(
                "{effect} of {id} is noted as {word}; it may be replayed now"
            ));
        }
    }
    engine.flush().await;
    Ok(())
}

fn list(letters: &[DeadLetter], json: bool) {
    if json {
        for letter in letters {
            say(&json!(letter).to_string());
        }
        return;
    }
    if letters.is_empty() {
        say("no dead letters");
        return;
    }
    say(&format!(
        "{:<36}  {:<19}  {:<30}  {:<14}  REASON",
        "ID", "SINCE (UTC)", "TOPIC", "CLASS"
    ));
    for letter in letters {
        let since = letter.created_at.format("%Y-%m-%d %H:%M:%S");
        let topic = format!("{}/{}", letter.service, letter.topic);
        let reason = format!("{}: {}", letter.code, letter.message);
        say(&format!(
            "{}  {since}  {topic:<30}  {:<14}  {reason}",
            letter.id, letter.class
        ));
    }
}

async fn show(engine: &Arc<Engine>, id: Uuid) -> Result<(), Failure> {
    let letter = dlq::show(engine, id).await?;
    let letter = letter.ok_or_else(|| format!("there is no dead letter {id}"))?;
    let mut value = json!(letter);
    value["body"] = if letter.sealed {
        json!("sealed: it holds personal data")
    } else {
        match serde_json::from_slice(&letter.body) {
            Ok(body) => body,
            Err(_) => json!(String::from_utf8_lossy(&letter.body)),
        }
    };
    say(&serde_json::to_string_pretty(&value)?);
    Ok(())
}

pub(crate) async fn requeue(config: &Config) -> Result<(), Failure> {
    let (engine, _) = fleet::engine(config, "requeue").await?;
    let count = dlq::requeue(&engine).await?;
    say(&format!(
        "{count} operations are due again; the workers' relays publish them"
    ));
    Ok(())
}
