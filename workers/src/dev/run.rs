//! `tranche dev` and `tranche sandbox`.

use crate::cli::stop_on_signal;
use crate::cli::{Failure, say};
use crate::dev::stack::{self, Options, SERVICE_TOKENS, Stack};
use crate::fleet;
use sandbox::servers::Reporter;
use sandbox::{Sandbox, SandboxConfig};
use std::net::SocketAddr;
use std::path::Path;
use uuid::Uuid;

/// The database of `tranche dev`.
const DATABASE: &str = "tranche";

/// Starts everything in this terminal until Ctrl-C.
pub(crate) async fn dev(config: &Path) -> Result<(), Failure> {
    let stop = stop_on_signal();
    let stack = start(config, |_| {}).await?;
    let serving = stack.ingress(stop.clone()).await?;
    let url = format!("http://{}", serving.address);
    let worker = tokio::spawn(fleet::run_worker(stack.config.clone(), "*", stop.clone()));
    let identity = Uuid::new_v4();
    let session = stack.sandbox.control().log_in(identity, None);
    say(&screen(&stack, &url, identity, &session.cookie));
    stop.cancelled().await;
    say("stopping: running work finishes first");
    worker.await??;
    serving.finished().await?;
    Ok(())
}

/// Servers, sandbox, a migrated database, streams.
pub(crate) async fn start(
    config: &Path,
    adjust: fn(&mut tranche::config::Config),
) -> Result<Stack, Failure> {
    let checkout = config.parent().filter(|p| !p.as_os_str().is_empty());
    let checkout = checkout.unwrap_or_else(|| Path::new("."));
    let tools = stack::tools(checkout, Reporter::new(say)).await?;
    let postgres = stack::postgres(&tools, true).await?;
    postgres.create_database(DATABASE).await?;
    let options = Options {
        durable: true,
        adjust,
    };
    let stack = Stack::start(&tools, postgres, DATABASE, config, &options).await?;
    let pool = tranche::store::connect(&stack.config.postgres.url, 1).await?;
    tranche::store::migrate(&pool).await?;
    Ok(stack)
}

fn screen(stack: &Stack, url: &str, identity: Uuid, cookie: &str) -> String {
    let tokens: Vec<String> = SERVICE_TOKENS
        .iter()
        .map(|(name, token)| format!("    {name:<10} {token}"))
        .collect();
    format!(
        "\n  Tranche is up. Ctrl-C stops it and leaves nothing behind.\n
    ingress    {url}
    sandbox    {sandbox}   (ledger: {sandbox}/_sandbox/ledger)
    nats       {nats}
    postgres   {postgres}\n
  Internal callers (Authorization: Bearer …)
{tokens}\n
  A signed-in identity {identity}
    Cookie: {cookie}\n
  Tell the directory of a user, then read it back:
    curl -s {url}/queue/directory/user_upsert -H 'Prefer: wait=3' \\
      -H 'Authorization: Bearer dev-directory-token' -H 'Content-Type: application/json' \\
      -d '{{\"id\":1,\"version\":1,\"identity_id\":\"{identity}\",\"email\":\"nora@mail.test\",\"first_name\":\"Nora\",\"last_name\":\"Example\"}}'
",
        sandbox = stack.sandbox.url(),
        nats = stack.nats.url(),
        postgres = stack.postgres.url(DATABASE),
        tokens = tokens.join("\n"),
    )
}

/// Starts the partners' sandbox alone until Ctrl-C.
pub(crate) async fn sandbox(listen: SocketAddr) -> Result<(), Failure> {
    let stop = stop_on_signal();
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
