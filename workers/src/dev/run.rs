//! `tranche dev` and `tranche sandbox`.
//!
//! `tranche dev` begins with empty servers each time and keeps nothing: what is seen can always be
//! made again by the same commands. A kept database would have to be migrated between branches, and
//! would meet partners that have forgotten everything, since the sandbox lives in memory.

use crate::cli::{Failure, say, stop_on_signal};
use crate::dev::checkout::Checkout;
use crate::dev::stack::{self, Options, SERVICE_TOKENS, Stack};
use crate::fleet;
use sandbox::servers::Reporter;
use sandbox::{Sandbox, SandboxConfig};
use std::net::SocketAddr;
use std::path::Path;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The database of `tranche dev` and `tranche demo`.
const DATABASE: &str = "tranche";

/// Starts everything in this terminal until Ctrl-C or SIGTERM.
pub(crate) async fn dev(config: &Path) -> Result<(), Failure> {
    let stop = stop_on_signal();
    let checkout = Checkout::around(config)?;
    say("Starting NATS, PostgreSQL and the partners' sandbox, private to this checkout");
    let stack = tokio::select! {
        stack = start(&checkout, |_| {}) => stack?,
        () = stop.cancelled() => return Ok(()),
    };
    let serving = stack.ingress(stop.clone()).await?;
    let mut worker = tokio::spawn(fleet::run_worker(stack.config.clone(), "*", stop.clone()));
    let identity = Uuid::new_v4();
    let session = stack.sandbox.control().log_in(identity, None);
    let url = format!("http://{}", serving.address);
    say(&screen(&stack, &url, identity, &session.cookie));
    let ended = tokio::select! {
        () = stop.cancelled() => {
            say("Stopping: running work finishes first");
            worker.await?
        }
        ended = &mut worker => ended?,
    };
    stop.cancel();
    serving.finished().await?;
    ended?;
    let Stack { sandbox, nats, .. } = stack;
    sandbox.stop().await;
    drop(nats);
    say("Stopped.");
    Ok(())
}

/// Servers, sandbox, a migrated database, streams.
pub(crate) async fn start(
    checkout: &Checkout,
    adjust: fn(&mut tranche::config::Config),
) -> Result<Stack, Failure> {
    let tools = stack::tools(
        &checkout.root,
        Reporter::new(|line| say(&format!("  {line}"))),
    );
    let tools = tools.await?;
    let postgres = stack::postgres(&tools, true).await?;
    postgres.create_database(DATABASE).await?;
    let options = Options {
        durable: true,
        adjust,
    };
    let stack = Stack::start(&tools, postgres, DATABASE, &checkout.config, &options).await?;
    let pool = tranche::store::connect(&stack.config.postgres.url, 1).await?;
    tranche::store::migrate(&pool).await?;
    pool.close().await;
    Ok(stack)
}

fn screen(stack: &Stack, url: &str, identity: Uuid, cookie: &str) -> String {
    let tokens: Vec<String> = SERVICE_TOKENS
        .iter()
        .map(|(name, token)| format!("    {name:<12}{token}"))
        .collect();
    let user = format!(
        "{{\"id\":1,\"version\":1,\"identity_id\":\"{identity}\",\"email\":\"nora@mail.test\",\
         \"first_name\":\"Nora\",\"last_name\":\"Example\"}}"
    );
    format!(
        "
  Tranche is up: ingress and all workers in this process. Ctrl-C stops everything.
  Data are fresh at each start and go when it stops.

    ingress     {url}
    sandbox     {sandbox}
    ledger      {sandbox}/_sandbox/ledger     what really happened at the partners
    nats        {nats}
    postgres    {postgres}

  Internal callers: -H 'Authorization: Bearer <token>'
{tokens}

  A person, signed in: -H 'Cookie: <cookie>'
    identity    {identity}
    cookie      {cookie}

  First, tell the directory of that person (paste it; it answers 200):

curl -sS -X POST {url}/queue/directory/user_upsert \\
  -H 'Authorization: Bearer {directory}' -H 'Content-Type: application/json' \\
  -H 'Prefer: wait=3' -d '{user}'

  The operation behind it is in the header Tranche-Operation (curl -i), and stands at
    {url}/operations/<operation>     for internal callers and for whom it is
",
        sandbox = stack.sandbox.url(),
        nats = stack.nats.url(),
        postgres = stack.postgres.url(DATABASE),
        tokens = tokens.join("\n"),
        directory = SERVICE_TOKENS[0].1,
    )
}

/// Starts the partners' sandbox alone until Ctrl-C.
pub(crate) async fn sandbox(listen: SocketAddr) -> Result<(), Failure> {
    let stop: CancellationToken = stop_on_signal();
    let sandbox = Sandbox::start(SandboxConfig {
        listen,
        ..SandboxConfig::default()
    })
    .await?;
    say(&format!(
        "dwolla  {}\nplaid   {}\nkratos  {}\nledger  {}/_sandbox/ledger",
        sandbox.dwolla_url(),
        sandbox.plaid_url(),
        sandbox.kratos_url(),
        sandbox.url(),
    ));
    stop.cancelled().await;
    sandbox.stop().await;
    Ok(())
}
