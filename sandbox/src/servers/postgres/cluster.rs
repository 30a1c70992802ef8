//! A PostgreSQL data folder, ready to start.
//!
//! `initdb` takes about half a second of CPU; copying what it made takes a seventh of that. So it runs once for every version
//! into a template, and each new data folder is a copy, renamed into place at the end: a killed copy is no data folder.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::servers::error::{AtPath, ServerError};
use crate::servers::run::lock_file;
use crate::servers::tools::Tool;
use crate::servers::workspace::{as_server, give_to_server, short_hash};
use crate::servers::{Tools, Workspace};

/// Makes `data` a data folder unless it is one. `synced`: it must survive a power cut from the start.
pub(super) async fn prepare(tools: Tools, data: PathBuf, synced: bool) -> Result<(), ServerError> {
    let work = tokio::task::spawn_blocking(move || prepare_now(&tools, &data, synced));
    work.await
        .unwrap_or_else(|ended| std::panic::resume_unwind(ended.into_panic()))
}

fn prepare_now(tools: &Tools, data: &Path, synced: bool) -> Result<(), ServerError> {
    let marker = data.join("PG_VERSION");
    if marker.exists() {
        let made_by = fs::read_to_string(&marker).at("read", &marker)?;
        return check_major(&tools.postgres, data, made_by.trim());
    }
    let template = template(&tools.postgres, &tools.workspace)?;
    let part = data.with_added_extension("part");
    remove_tree(&part)?;
    // PostgreSQL refuses a data folder that others may enter.
    DirBuilder::new()
        .mode(0o700)
        .create(&part)
        .at("create the folder", &part)?;
    give_to_server(&part)?;
    run(
        Command::new("cp")
            .arg("-R")
            .arg(template.join("."))
            .arg(&part),
        &part,
    )?;
    if synced {
        run(initdb(&tools.postgres, &part).arg("--sync-only"), &part)?;
    }
    // An empty folder in its place is replaced; one with other files is refused by the system.
    fs::rename(&part, data).at("put a new data folder at", data)
}

fn check_major(tool: &Tool, data: &Path, data_major: &str) -> Result<(), ServerError> {
    if data_major == tool.version.major.to_string() {
        return Ok(());
    }
    Err(ServerError::OtherMajor {
        data: data.to_owned(),
        data_major: data_major.to_owned(),
        tool: tool.version,
    })
}

fn template(tool: &Tool, workspace: &Workspace) -> Result<PathBuf, ServerError> {
    let all = workspace.server_folder("templates")?;
    // Two installations of one version may differ in their defaults: where they are is part of the name.
    let name = format!("{}-{}", tool.version, short_hash(&tool.program));
    let template = all.join(name);
    let _turn = lock_file(&all.join("lock")).at("lock", &all.join("lock"))?;
    if !template.exists() {
        let part = template.with_added_extension("part");
        remove_tree(&part)?;
        let mut command = initdb(tool, &part);
        command.args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
        ]);
        run(command.args(["--no-sync", "--no-instructions"]), &part)?;
        fs::rename(&part, &template).at("put a template at", &template)?;
    }
    Ok(template)
}

fn initdb(tool: &Tool, data: &Path) -> Command {
    let mut command = Command::new(tool.sibling("initdb"));
    command.arg("--pgdata").arg(data);
    command
}

fn run(command: &mut Command, data: &Path) -> Result<(), ServerError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |status: String, output: String| ServerError::Prepare {
        program,
        data: data.to_owned(),
        status,
        output,
    };
    match as_server(command).stdin(Stdio::null()).output() {
        Ok(ended) if ended.status.success() => Ok(()),
        Ok(ended) => {
            let output = String::from_utf8_lossy(&ended.stderr).trim().to_owned();
            Err(failed(ended.status.to_string(), output))
        }
        Err(error) => Err(failed("no status".to_owned(), error.to_string())),
    }
}

fn remove_tree(folder: &Path) -> Result<(), ServerError> {
    if folder.exists() {
        fs::remove_dir_all(folder).at("remove", folder)?;
    }
    Ok(())
}
