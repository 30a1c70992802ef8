//! What changes when a million operations are stored.

use crate::completions::drain;
use crate::load::{idle_latency, offer};
use crate::people::People;
use crate::surroundings::Surroundings;
use crate::{Failure, Scale, machine, report};

/// Measures at each size; operations that nobody works on are written straight into the tables.
pub(crate) async fn measure(
    surroundings: &mut Surroundings,
    scale: &Scale,
    people: &People,
    limit: f64,
) -> Result<(), Failure> {
    for stored in scale.stored {
        grow(surroundings, *stored).await?;
        report::title(&format!("with {stored} stored operations"));
        let commands = (0..scale.completions / 4).map(|_| ("directory/offer_upsert", offer()));
        drain(surroundings, commands.collect(), "offer_upsert", limit).await?;
        let count = scale.completions / 20;
        let commands = (0..count).map(|n| ("wallet/transaction_create", people.deposit(n)));
        drain(
            surroundings,
            commands.collect(),
            "transaction_create",
            limit,
        )
        .await?;
        people.settled(surroundings).await?;
        idle_latency(surroundings, "idle, without partner", scale.samples).await?;
        for (name, pid) in surroundings.processes().await {
            report::line(&format!(
                "    memory, {name:<50} {:>9.1} MB",
                machine::resident_mb(pid)
            ));
        }
    }
    Ok(())
}

async fn grow(surroundings: &Surroundings, to: i64) -> Result<(), Failure> {
    let sql = "with have as (select count(*) as n from operations), made as (
            insert into operations (id, service, topic, caller, request_hash, headers, payload,
                state, attempt, lease_token, worker, result, finished_at)
            select gen_random_uuid(), 'directory', 'offer_upsert', '{\"kind\":\"service\",\"name\":\"x\"}',
                   repeat('0', 64), '{}', '{}', 'completed', 1, 0, 'bench', '{\"id\":1}', now()
            from have, generate_series(1, greatest($1 - have.n, 0))
            returning id), told as (
            insert into outbox (operation, kind, subject, payload, sent_at)
            select id, 'event', 'events.directory.offer_upsert.stored', '{}', now() from made)
        insert into journal (operation, name, kind, state, answer)
        select id, 'step', 'step', 'done', '{}' from made";
    sqlx::query(sql).bind(to).execute(&surroundings.db).await?;
    sqlx::query("analyze").execute(&surroundings.db).await?;
    Ok(())
}
