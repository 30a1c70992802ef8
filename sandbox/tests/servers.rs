//! The private servers, tried on real ones: they keep what they promise to keep, and go when their owner goes.

#![expect(clippy::unwrap_used, reason = "a test ends with its first surprise")]

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use sandbox::servers::{
    Durability, NatsOptions, NatsServer, Postgres, PostgresOptions, Reporter, ServerError, Tools,
    Workspace,
};
use sqlx::{Connection, PgConnection};

/// More than any step takes on a busy machine.
const BOUND: Duration = Duration::from_secs(30);
/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(5);

static TOOLS: LazyLock<Tools> = LazyLock::new(|| {
    let workspace = Workspace::at(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap();
    Tools::obtain(&workspace, &Reporter::silent()).unwrap_or_else(|missing| panic!("{missing}"))
});

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < BOUND, "waited {BOUND:?} until {what}");
        std::thread::sleep(PAUSE);
    }
}

fn address(url: &str) -> SocketAddr {
    let after_user = url
        .split(['/', '@'])
        .find(|part| part.starts_with("127.0.0.1:"));
    after_user.unwrap().parse().unwrap()
}

fn answers(url: &str) -> bool {
    TcpStream::connect(address(url)).is_ok()
}

async fn sql(url: &str, statement: &'static str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(statement)
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

/// A folder for data that outlive a server, removed at the end of the test.
struct Kept(PathBuf);

impl Kept {
    fn new() -> Self {
        Self(
            TOOLS
                .workspace()
                .data(&format!("test-{}", uuid::Uuid::new_v4())),
        )
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
        let _ = std::fs::remove_file(self.0.with_added_extension("lock"));
    }
}

/// A stream with one message, made over the plain protocol.
mod stream {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpStream;

    fn request(url: &str, subject: &str, body: &str) -> serde_json::Value {
        let mut stream = TcpStream::connect(super::address(url)).unwrap();
        let size = body.len();
        let text = format!(
            "CONNECT {{\"verbose\":false}}\r\nSUB answer 1\r\nPUB {subject} answer {size}\r\n{body}\r\n"
        );
        stream.write_all(text.as_bytes()).unwrap();
        let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
        lines.find(|line| line.starts_with("MSG answer")).unwrap();
        serde_json::from_str(&lines.next().unwrap()).unwrap()
    }

    pub(super) fn create_with_one_message(url: &str) {
        let config = r#"{"name":"KEPT","subjects":["kept"],"storage":"file"}"#;
        let created = request(url, "$JS.API.STREAM.CREATE.KEPT", config);
        assert!(created.get("error").is_none(), "{created}");
        assert_eq!(request(url, "kept", "hello")["seq"], 1);
    }

    pub(super) fn messages(url: &str) -> serde_json::Value {
        request(url, "$JS.API.STREAM.INFO.KEPT", "")["state"]["messages"].take()
    }
}

#[tokio::test]
async fn nats_keeps_its_port_and_every_acknowledged_message_through_a_kill() {
    let nats = NatsServer::start(&TOOLS, NatsOptions::default())
        .await
        .unwrap();
    let (url, monitor_url) = (nats.url(), nats.monitor_url());
    stream::create_with_one_message(&url);

    nats.kill().await.unwrap();
    assert!(!answers(&url), "a killed server answers");
    nats.restart().await.unwrap();

    assert_eq!(
        (nats.url(), nats.monitor_url()),
        (url.clone(), monitor_url.clone())
    );
    assert!(answers(&monitor_url));
    assert_eq!(stream::messages(&url), 1);
    nats.restart().await.unwrap();
    assert_eq!(stream::messages(&url), 1);
}

#[tokio::test]
async fn postgres_keeps_its_port_and_every_commit_through_a_kill() {
    let postgres = Postgres::start(&TOOLS, PostgresOptions::default())
        .await
        .unwrap();
    postgres.create_database("fleet").await.unwrap();
    let url = postgres.url("fleet");
    let mut idle = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("CREATE TABLE kept AS SELECT 7::bigint AS x")
        .execute(&mut idle)
        .await
        .unwrap();

    postgres.kill().await.unwrap();
    postgres.restart().await.unwrap();
    assert_eq!(postgres.url("fleet"), url);
    assert_eq!(sql(&url, "SELECT x FROM kept").await, 7);

    postgres.stop().await.unwrap();
    assert!(!answers(&url), "a stopped server answers");
    postgres.restart().await.unwrap();
    assert_eq!(sql(&url, "SELECT x FROM kept").await, 7);
}

#[tokio::test]
async fn data_in_a_named_folder_outlive_the_server_and_throw_away_data_do_not() {
    let kept = Kept::new();
    let options = PostgresOptions {
        data_dir: Some(kept.0.clone()),
        durability: Durability::Durable,
        ..Default::default()
    };
    let first = Postgres::start(&TOOLS, options.clone()).await.unwrap();
    first.create_database("fleet").await.unwrap();
    let run_folder = first.log_path().parent().unwrap().to_owned();
    drop(first);
    assert!(!run_folder.exists(), "the run folder is left");

    let second = Postgres::start(&TOOLS, options).await.unwrap();
    assert_eq!(sql(&second.url("fleet"), "SELECT 1::bigint").await, 1);
    assert_eq!(second.data_dir(), kept.0);

    let nats = NatsServer::start(&TOOLS, NatsOptions::default())
        .await
        .unwrap();
    let store = nats.store_dir().to_owned();
    assert!(store.exists());
    drop(nats);
    assert!(!store.exists(), "throw-away data are left");
}

#[tokio::test]
async fn servers_run_side_by_side_with_data_of_their_own() {
    let start_nats = || NatsServer::start(&TOOLS, NatsOptions::default());
    let start_postgres = || Postgres::start(&TOOLS, PostgresOptions::default());
    let (one, two, three, four) = tokio::try_join!(
        start_nats(),
        start_nats(),
        start_postgres(),
        start_postgres()
    )
    .unwrap();
    assert_ne!(one.url(), two.url());
    assert_ne!(three.url("postgres"), four.url("postgres"));

    stream::create_with_one_message(&one.url());
    assert_eq!(stream::messages(&two.url()), serde_json::Value::Null);
    three.create_database("only_here").await.unwrap();
    assert!(PgConnection::connect(&four.url("only_here")).await.is_err());
}

#[tokio::test]
async fn a_database_is_copied_from_a_template_and_dropped_under_a_connection() {
    let postgres = Postgres::start(&TOOLS, PostgresOptions::default())
        .await
        .unwrap();
    postgres.create_database("template_a").await.unwrap();
    let mut template = PgConnection::connect(&postgres.url("template_a"))
        .await
        .unwrap();
    sqlx::raw_sql("CREATE TABLE t AS SELECT 3::bigint AS x")
        .execute(&mut template)
        .await
        .unwrap();
    template.close().await.unwrap();

    let (one, two) = ("copy_1", "copy_2");
    let copies = [
        postgres.create_from_template(one, "template_a"),
        postgres.create_from_template(two, "template_a"),
    ];
    futures::future::try_join_all(copies).await.unwrap();
    assert_eq!(sql(&postgres.url(one), "SELECT x FROM t").await, 3);

    let _connected = PgConnection::connect(&postgres.url(two)).await.unwrap();
    postgres.drop_database(two).await.unwrap();
    postgres.drop_database(two).await.unwrap();
    assert!(PgConnection::connect(&postgres.url(two)).await.is_err());
    let refused = postgres
        .create_database("x\"; DROP DATABASE copy_1; --")
        .await;
    assert!(matches!(refused, Err(ServerError::Name(_))), "{refused:?}");
}

#[tokio::test]
async fn settings_reach_the_servers() {
    let options = PostgresOptions {
        max_connections: 17,
        settings: vec![("work_mem".to_owned(), "5MB".to_owned())],
        ..Default::default()
    };
    let postgres = Postgres::start(&TOOLS, options).await.unwrap();
    let url = postgres.url("postgres");
    let setting = "SELECT current_setting('max_connections')::bigint";
    assert_eq!(sql(&url, setting).await, 17);
    assert_eq!(
        sql(
            &url,
            "SELECT setting::bigint FROM pg_settings WHERE name = 'work_mem'"
        )
        .await,
        5120
    );
    assert_eq!(
        sql(
            &url,
            "SELECT count(*) FROM pg_settings WHERE name = 'synchronous_commit' AND setting = 'on'"
        )
        .await,
        1
    );

    let options = NatsOptions {
        config_extra: "no_such_key: 1".to_owned(),
        ..Default::default()
    };
    let refused = NatsServer::start(&TOOLS, options).await.unwrap_err();
    assert!(matches!(&refused, ServerError::Ended { .. }), "{refused}");
    assert!(
        refused.to_string().contains("no_such_key"),
        "the log is not in the error: {refused}"
    );
}

#[tokio::test]
async fn a_server_that_was_killed_from_outside_can_be_restarted() {
    let nats = NatsServer::start(&TOOLS, NatsOptions::default())
        .await
        .unwrap();
    let pid = Pid::from_raw(i32::try_from(nats.pid().await.unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    nats.stop().await.unwrap();
    nats.restart().await.unwrap();
    assert!(answers(&nats.url()));
}

/// The owner's part of the next test, in a process of its own: starts both servers, tells where, and waits to be killed.
async fn own_servers_until_killed() {
    let nats = NatsServer::start(&TOOLS, NatsOptions::default())
        .await
        .unwrap();
    let postgres = Postgres::start(&TOOLS, PostgresOptions::default())
        .await
        .unwrap();
    let owned = [
        (nats.url(), nats.pid().await, nats.log_path()),
        (
            postgres.url("postgres"),
            postgres.pid().await,
            postgres.log_path(),
        ),
    ];
    println!("\n{OWNED}{}", serde_json::to_string(&owned).unwrap());
    std::future::pending::<()>().await;
}

const OWNER: &str = "TRANCHE_TEST_OWNER";
const OWNED: &str = "owned: ";

#[tokio::test]
async fn servers_and_their_folders_are_gone_after_their_owner_was_killed() {
    if std::env::var_os(OWNER).is_some() {
        return own_servers_until_killed().await;
    }
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args([
            "servers_and_their_folders_are_gone_after_their_owner_was_killed",
            "--exact",
        ])
        .arg("--nocapture")
        .env(OWNER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let line = lines
        .find_map(|line| line.strip_prefix(OWNED).map(str::to_owned))
        .unwrap();
    let servers: Vec<(String, i32, PathBuf)> = serde_json::from_str(&line).unwrap();
    assert_eq!(servers.len(), 2);
    for (url, pid, _) in &servers {
        assert!(answers(url));
        assert!(test_kill_process(Pid::from_raw(*pid).unwrap()).is_ok());
    }

    owner.kill().unwrap();
    owner.wait().unwrap();
    for (url, pid, log) in &servers {
        wait_until("the server is gone", || {
            test_kill_process(Pid::from_raw(*pid).unwrap()).is_err()
        });
        assert!(
            TcpListener::bind(address(url)).is_ok(),
            "{url} is still taken"
        );
        let folder: &Path = log.parent().unwrap();
        wait_until("the run folder is gone", || !folder.exists());
    }
}

#[tokio::test]
async fn the_remains_of_a_dead_run_are_removed_and_a_running_ones_are_not() {
    let first = NatsServer::start(&TOOLS, NatsOptions::default())
        .await
        .unwrap();
    // Another process may tidy up at any moment: the remains appear whole.
    let prepared = Kept::new();
    std::fs::create_dir_all(prepared.0.join("data")).unwrap();
    std::fs::write(prepared.0.join("log"), "").unwrap();
    let name = format!("1-{}", uuid::Uuid::new_v4());
    let remains = TOOLS.workspace().private().join("run").join(name);
    std::fs::rename(&prepared.0, &remains).unwrap();

    let _second = NatsServer::start(&TOOLS, NatsOptions::default())
        .await
        .unwrap();
    assert!(!remains.exists(), "the remains are left");
    assert!(
        first.store_dir().exists(),
        "a running server lost its folder"
    );
    first.restart().await.unwrap();
}

#[tokio::test]
async fn two_servers_never_share_data() {
    let kept = Kept::new();
    let options = NatsOptions {
        store_dir: Some(kept.0.clone()),
        ..Default::default()
    };
    let _first = NatsServer::start(&TOOLS, options.clone()).await.unwrap();
    let second = NatsServer::start(&TOOLS, options).await;
    assert!(
        matches!(second, Err(ServerError::InUse { .. })),
        "{second:?}"
    );
}
