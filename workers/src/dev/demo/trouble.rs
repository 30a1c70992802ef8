//! The bad days: a worker dies at the worst moment, a request comes twice, a partner refuses.

use super::customers::Person;
use super::rows;
use super::stage::{Stage, eventually};
use super::story::{Cast, Good, movement, operation, pay};
use super::timeline::Timeline;
use super::trace::{Mark, last};
use crate::cli::Failure;
use sandbox::{Effect, Fault, FaultSpec, LedgerQuery, Partner, When};
use uuid::Uuid;

/// The line on which the worker dies: Dwolla has answered, and nothing is recorded yet.
const WORST_MOMENT: &str = "effect.answered:transfer";
/// The key under which one request is sent twice.
const KEY: &str = "deposit-of-may-1";

/// What the story leaves to be checked.
pub(super) struct Bad {
    pub(super) killed: Uuid,
    pub(super) first: Uuid,
    pub(super) second: Uuid,
    pub(super) other_body: u16,
    pub(super) omar: Person,
    pub(super) letter: Uuid,
    /// The dead letter's class before it was replayed.
    pub(super) class: String,
}

/// Plays it.
pub(super) async fn play(
    stage: &mut Stage,
    timeline: &mut Timeline,
    good: &Good,
) -> Result<Bad, Failure> {
    let cast = Cast {
        nora: &good.nora,
        wallet: good.wallet,
        bank: good.bank,
    };
    let killed = killed(stage, timeline, &cast).await?;
    let (first, second, other_body) = twice(stage, timeline, &cast).await?;
    let (omar, letter, class) = refused(stage, timeline).await?;
    Ok(Bad {
        killed,
        first,
        second,
        other_body,
        omar,
        letter,
        class,
    })
}

/// The transfers at Dwolla that an operation made.
pub(super) fn transfers(stage: &Stage, operation: Uuid) -> Vec<Effect> {
    let query = LedgerQuery {
        kind: Some("transfer.created".to_owned()),
        correlation_id: Some(format!("txn-{operation}")),
        ..LedgerQuery::default()
    };
    stage.partners().ledger(&query)
}

async fn killed(
    stage: &mut Stage,
    timeline: &mut Timeline,
    cast: &Cast<'_>,
) -> Result<Uuid, Failure> {
    timeline.begin(
        "A worker is killed",
        "between the partner's answer and the commit, where money is paid twice elsewhere",
    );
    let old = stage.take_worker()?;
    let pid = old.pid();
    let status = old.stop().await?;
    timeline.line("process", &format!("worker {pid} is stopped: {status}"));
    let pid = stage.work(Some(WORST_MOMENT)).await?;
    timeline.line(
        "process",
        &format!("worker {pid} started, with SIGKILL set for {WORST_MOMENT}"),
    );

    let mark = Mark::here(stage).await?;
    let asked = cast
        .ask(stage, timeline, ("withdrawal", "80.00"), None)
        .await?
        .expect(202)?;
    let id = asked
        .operation
        .ok_or("expected the operation in the answer, got none")?;
    stage.take_worker()?.died().await?;
    timeline.line(
        "process",
        &format!("worker {pid} died of SIGKILL (signal 9)"),
    );
    mark.show_partners(stage, timeline);
    let known = rows::effect(&stage.db, id, "transfer").await?;
    timeline.note(
        "journal",
        &format!("effect transfer: {known}, and nobody here knows its end"),
    );
    timeline.note("row", &movement(stage, id).await?);

    let mark = Mark::here(stage).await?;
    let pid = stage.work(None).await?;
    timeline.line(
        "process",
        &format!("worker {pid} started: it looks for the transfer before anything else"),
    );
    eventually("the transfer is found again", async || {
        let known = rows::effect(&stage.db, id, "transfer").await?;
        Ok((known == "done").then_some(()))
    })
    .await?;
    timeline.line(
        "found",
        "the transfer is at Dwolla already: recorded, not repeated",
    );
    pay(stage, timeline, id).await?;
    operation(stage, timeline, id).await?;
    let rows = [
        movement(stage, id).await?,
        rows::wallet(&stage.db, cast.nora.profile).await?,
    ];
    mark.show(stage, timeline, &rows).await?;
    let made = transfers(stage, id).len();
    timeline.note(
        "proof",
        &format!("{made} transfer at Dwolla for operation {}", last(id)),
    );
    Ok(id)
}

async fn twice(
    stage: &Stage,
    timeline: &mut Timeline,
    cast: &Cast<'_>,
) -> Result<(Uuid, Uuid, u16), Failure> {
    timeline.begin(
        "The same request, twice",
        "one Idempotency-Key is one transfer",
    );
    let mark = Mark::here(stage).await?;
    let wish = ("deposit", "25.00");
    let one = cast
        .ask(stage, timeline, wish, Some(KEY))
        .await?
        .expect(202)?;
    let two = cast
        .ask(stage, timeline, wish, Some(KEY))
        .await?
        .expect(202)?;
    let other = cast
        .ask(stage, timeline, ("deposit", "26.00"), Some(KEY))
        .await?;
    let missing = "expected the operation in the answer, got none";
    let (one, two) = (one.operation.ok_or(missing)?, two.operation.ok_or(missing)?);
    pay(stage, timeline, one).await?;
    let rows = [
        movement(stage, one).await?,
        rows::wallet(&stage.db, cast.nora.profile).await?,
    ];
    mark.show(stage, timeline, &rows).await?;
    Ok((one, two, other.status))
}

async fn refused(
    stage: &Stage,
    timeline: &mut Timeline,
) -> Result<(Person, Uuid, String), Failure> {
    timeline.begin(
        "Dwolla refuses a customer",
        "a dead letter with everything that an operator needs",
    );
    let mark = Mark::here(stage).await?;
    let forbidden = Fault::Status {
        status: 403,
        when: When::Before,
        retry_after: None,
    };
    let fault = FaultSpec::once(Partner::Dwolla, "POST", "/customers$", forbidden);
    stage.partners().arm(fault);
    timeline.line(
        "fault",
        "armed at the partner: the next POST /customers is answered 403",
    );
    let omar = Person::signed_in(stage, "Omar", 2, "900456123");
    omar.introduce(stage, timeline).await?;
    omar.approve(stage, timeline).await?;
    let letter = eventually("the refusal stands in the dead letters", async || {
        rows::letter(&stage.db, "wallet_create").await
    })
    .await?;
    stage.settled().await?;
    let rows = [
        rows::wallet(&stage.db, omar.profile).await?,
        format!(
            "dead_letters {}: {}, {}, {}: {}",
            last(letter.id),
            letter.state,
            letter.class,
            letter.code,
            letter.message
        ),
    ];
    mark.show(stage, timeline, &rows).await?;
    replay(stage, timeline, &omar, letter.id).await?;
    Ok((omar, letter.id, letter.class))
}

async fn replay(
    stage: &Stage,
    timeline: &mut Timeline,
    omar: &Person,
    letter: Uuid,
) -> Result<(), Failure> {
    timeline.begin(
        "An operator replays it",
        "with the real commands, as child processes of this one",
    );
    let mark = Mark::here(stage).await?;
    let id = letter.to_string();
    let reason = "Dwolla lifted the block";
    for arguments in [
        &["dlq", "list"][..],
        &["dlq", "replay", &id, "--reason", reason, "--actor", "demo"],
        &["dlq", "list"],
    ] {
        let quoted = |word: &&str| word.contains(' ').then(|| format!("'{word}'"));
        let words = arguments.iter();
        let words = words.map(|word| quoted(word).unwrap_or_else(|| (*word).to_owned()));
        let words: Vec<String> = words.collect();
        timeline.line("command", &format!("tranche {}", words.join(" ")));
        timeline.quote(&stage.program.run(arguments).await?);
    }
    omar.wallet(stage, "verified").await?;
    timeline.line("seen", "his front end shows the wallet as verified");
    stage.settled().await?;
    let row = rows::wallet(&stage.db, omar.profile).await?;
    mark.show(stage, timeline, &[row]).await
}
