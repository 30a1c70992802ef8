//! Every SQL statement of the store fits the migrated database.

use crate::harness::Fleet;
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _};
use std::path::Path;

#[tokio::test]
async fn every_statement_prepares_against_the_migrated_database() {
    let fleet = Fleet::without_workers().await;
    for statements in tranche::store::change::ALL {
        for sql in [statements.step, statements.finish] {
            let prepared = fleet.db.prepare(sqlx::SqlStr::from_static(sql)).await;
            prepared.unwrap_or_else(|e| panic!("{}: {e}", statements.name));
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/store/sql");
    let changes: Vec<&str> = tranche::store::change::ALL.iter().map(|s| s.name).collect();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if name.starts_with("change_") || changes.contains(&name) {
            continue;
        }
        let sql = std::fs::read_to_string(&path).unwrap();
        let prepared = fleet.db.prepare(AssertSqlSafe(sql).into_sql_str()).await;
        prepared.unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    fleet.finish().await;
}
