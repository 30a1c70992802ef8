//! A deposit or a withdrawal: set the money aside, answer, move it at Dwolla.
//!
//! - `reserve`: under the wallet's lock, checks that the money may move, writes the row and posts its
//!   beginning. The caller has its answer from here on.
//! - `transfer`: the one transfer at Dwolla, found again by the operation's id.
//! - finish: the row is `pending` and knows its transfer. Webhooks bring it further.
//!
//! When Dwolla refuses, the movement fails and its money is free again at once; the operation stands
//! in the dead letters, because our ledger and Dwolla's rules disagree. It can not be sent back: the
//! person may have asked anew.

use super::movement::{correlation, given_up};
use crate::handler::{Ctx, Handler};
use subjects::wallet::{RequestedType, Transaction, TransactionCreate, TransactionStatus};
use tranche::bus::ctx::Completed;
use tranche::bus::fault::Fault;
use tranche::domain::ledger;
use tranche::partners::dwolla::CreateTransfer;
use tranche::store::movements::{self, NewMovement, Report};

impl Handler for TransactionCreate {
    async fn handle(self, ctx: &Ctx) -> Result<Completed<Transaction>, Fault> {
        let begun = ctx
            .accept("reserve", movements::reserve(&movement(&self, ctx)))
            .await?;
        if ctx.has_done("release") {
            return Err(given_up());
        }
        let transfer = CreateTransfer {
            dwolla: ctx.services().partners.dwolla.clone(),
            source: begun.source,
            destination: begun.destination,
            amount: self.amount.usd(),
            correlation: correlation(ctx.operation()),
            owner: begun.customer,
        };
        match ctx.effect("transfer", &transfer).await {
            Ok(created) => {
                let started = Report {
                    transfer: Some(created.id),
                    ..Report::new(begun.id, TransactionStatus::Pending)
                };
                ctx.finish(movements::post(&started).answering()).await
            }
            Err(Fault::Reject(problem)) => {
                let failure = Some((problem.code.clone(), problem.message.clone()));
                let failed = Report {
                    failure,
                    ..Report::new(begun.id, TransactionStatus::Failed)
                };
                ctx.step("release", movements::post(&failed)).await?;
                Err(Fault::Reject(problem))
            }
            Err(fault) => Err(fault),
        }
    }
}

fn movement(create: &TransactionCreate, ctx: &Ctx) -> NewMovement {
    NewMovement {
        begins: match create.kind {
            RequestedType::Deposit => &ledger::DEPOSIT,
            RequestedType::Withdrawal => &ledger::WITHDRAWAL,
        },
        amount: create.amount.usd(),
        wallet: create.wallet_id,
        bank: Some(create.funding_source_id),
        other_wallet: None,
        investment: None,
        transfer_limit: ctx.services().config.dwolla.transfer_limit,
    }
}
