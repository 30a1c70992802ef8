//! What others rely on: the documented operations, and the configuration files.

use crate::harness::Fleet;
use reqwest::Method;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tranche::config::Config;

/// The wallet's operations as their users know them.
const OPERATIONS: &[(&str, &str, &str)] = &[
    (
        "bankAccountLink",
        "post",
        "/wallet/auth/linkaccount/{profile_id}/link",
    ),
    (
        "bankAccountExchangeToken",
        "post",
        "/wallet/auth/linkaccount/{profile_id}/exchange",
    ),
    (
        "bankAccountProcessToken",
        "post",
        "/wallet/auth/linkaccount/{profile_id}/process",
    ),
    (
        "bankAccountDelete",
        "delete",
        "/wallet/auth/linkaccount/{profile_id}",
    ),
    ("getWalletDetail", "get", "/wallet/auth/wallet/{profile_id}"),
    (
        "getTransactionList",
        "get",
        "/wallet/auth/wallet/{wallet_id}/transactions",
    ),
    (
        "createPendingTransaction",
        "post",
        "/wallet/auth/wallet/{wallet_id}/transactions",
    ),
    (
        "internalSyncTransaction",
        "post",
        "/wallet/internal/transaction/{trans_id}/sync",
    ),
    (
        "internalReCreateWallet",
        "post",
        "/wallet/internal/wallet/{wallet_id}/recreate",
    ),
    (
        "internalWalletSync",
        "post",
        "/wallet/internal/wallet/{wallet_id}/sync",
    ),
    (
        "webhookSetTransactionErrorStatus",
        "post",
        "/wallet/webhook/transaction/error",
    ),
    (
        "webhookProcessTransaction",
        "post",
        "/wallet/webhook/transaction/process",
    ),
    (
        "webhookUpdateWalletStatus",
        "post",
        "/wallet/webhook/wallet/status",
    ),
    ("processEvent", "post", "/queue/{service}/{topic}"),
];

fn config() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config")
}

#[test]
fn every_operation_is_documented_at_its_path() {
    let document = subjects::docs::openapi();
    for (operation, method, path) in OPERATIONS {
        let found = &document["paths"][*path][*method]["operationId"];
        assert_eq!(found, operation, "{method} {path}");
    }
}

#[tokio::test]
async fn every_documented_operation_is_reachable_and_refuses_strangers() {
    let fleet = Fleet::without_workers().await;
    for (operation, method, path) in OPERATIONS {
        let path: Vec<&str> = path.split('/').map(filled).collect();
        let method: Method = method.to_uppercase().parse().unwrap();
        let request = fleet.http.request(method, fleet.url(&path.join("/")));
        let status = request.body("{}").send().await.unwrap().status().as_u16();
        assert!(
            matches!(status, 400 | 401 | 403),
            "{operation}: expected a refusal, got {status}"
        );
    }
    let nowhere = fleet
        .http
        .get(fleet.url("/wallet/nowhere"))
        .send()
        .await
        .unwrap();
    assert_eq!(nowhere.status(), 404);
    fleet.finish().await;
}

/// A part of a path with an example in the place of a field.
fn filled(part: &str) -> &str {
    match part {
        "{service}" => "wallet",
        "{topic}" => "wallet_sync",
        _ if part.starts_with('{') => "1",
        _ => part,
    }
}

#[test]
fn every_field_of_the_configuration_has_a_key_and_every_key_a_field() {
    let base = fs::read_to_string(config().join("base.toml")).unwrap();
    let lines: Vec<&str> = base.lines().collect();
    loads(&base).unwrap();
    for (at, line) in lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !line.starts_with('#'))
    {
        let mut changed = lines.clone();
        if line.contains(" = ") {
            changed.remove(at);
            let loaded = loads(&changed.join("\n"));
            assert!(
                loaded.is_err(),
                "{line}: expected an error without it; is there a default?"
            );
        } else if line.starts_with('[') && *line != "[ingress.service_tokens]" {
            changed.insert(at + 1, "misspelt = 1");
            let loaded = loads(&changed.join("\n"));
            assert!(
                loaded.is_err(),
                "{line}: expected an error for a key that nothing reads"
            );
        }
    }
}

#[test]
fn every_environment_file_fits() {
    let mut environments = 0;
    for entry in fs::read_dir(config()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        Config::load(&config(), name).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        environments += 1;
    }
    assert!(environments >= 3, "expected base, local and production");
}

#[tokio::test]
async fn the_configuration_prints_no_secret() {
    let fleet = Fleet::without_workers().await;
    let config = fleet.config();
    let printed = format!("{config:?} {config:#?}");
    for secret in secrets(config) {
        assert!(
            secret.len() > 5,
            "expected every secret to be set in this fleet"
        );
        assert!(!printed.contains(&secret), "a secret is printed: {printed}");
    }
    // One that is kept as plain text by mistake has such a name.
    for line in format!("{config:#?}").lines() {
        let (name, value) = line.trim().split_once(": ").unwrap_or_default();
        if name.contains("secret") || name.contains("token") || name.contains("password") {
            assert!(!value.contains('"'), "{name} is printed as {value}");
        }
    }
    fleet.finish().await;
}

fn secrets(config: &Config) -> Vec<String> {
    use secrecy::ExposeSecret as _;
    let tokens = config.ingress.service_tokens.values();
    let fixed = [
        &config.postgres.url,
        &config.ingress.gateway_secret,
        &config.ingress.dwolla_webhook_secret,
        &config.dwolla.secret,
        &config.plaid.secret,
        &config.seal.key,
    ];
    fixed
        .into_iter()
        .chain(tokens)
        .map(|secret| secret.expose_secret().to_owned())
        .collect()
}

/// Loads this text as `base.toml`, with nothing over it.
fn loads(base: &str) -> Result<Value, Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("tranche-config-{}", uuid::Uuid::new_v4()));
    fs::create_dir(&folder)?;
    fs::write(folder.join("base.toml"), base)?;
    fs::write(folder.join("empty.toml"), "")?;
    let loaded = Config::load(&folder, "empty");
    fs::remove_dir_all(&folder)?;
    Ok(loaded.map(|config| Value::from(format!("{config:?}")))?)
}
