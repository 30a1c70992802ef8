//! pip and npm, as they are set up on this machine: each installs one pinned package into a folder and runs no script of it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::recipe::{Client, Package};

/// The shell's status for a program that does not exist.
const NOT_FOUND: i32 = 127;

/// Installs `package` into `part`; whatever the client starts holds `lock`.
pub(super) fn install(package: &Package, part: &Path, lock: &File) -> Result<(), String> {
    match package.client {
        Client::Pip => install_with_pip(package, part, lock),
        Client::Npm => install_with_npm(package, part, lock),
    }
}

fn install_with_pip(package: &Package, part: &Path, lock: &File) -> Result<(), String> {
    let wanted = part.join("requirements.txt");
    let mut line = format!("{}=={}", package.name, package.version);
    for hash in package.hashes {
        line.push_str(" --hash=sha256:");
        line.push_str(hash);
    }
    fs::write(&wanted, line).map_err(|error| error.to_string())?;
    let options = [
        "install",
        "--quiet",
        "--require-hashes",
        "--only-binary=:all:",
        "--target",
    ];
    let mut reasons = Vec::new();
    for pip in ["python3 -m pip", "pip3", "pip"] {
        let mut command = client_command(pip, part, lock)?;
        command
            .args(options)
            .arg(part)
            .arg("--requirement")
            .arg(&wanted);
        command
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
            .env("PIP_NO_INPUT", "1");
        command.env("PIP_ROOT_USER_ACTION", "ignore");
        match finish(&mut command, pip) {
            Ok(()) => return Ok(()),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(reasons.join("; "))
}

fn install_with_npm(package: &Package, part: &Path, lock: &File) -> Result<(), String> {
    let Package { name, version, .. } = package;
    let wanted =
        serde_json::json!({ "name": "fetch", "private": true, "dependencies": { name: version } });
    let locked = serde_json::json!({
        "name": "fetch", "lockfileVersion": 3, "requires": true,
        "packages": {
            "": wanted,
            format!("node_modules/{name}"): { "version": version, "integrity": package.hashes.join(" ") },
        },
    });
    for (file, content) in [("package.json", &wanted), ("package-lock.json", &locked)] {
        fs::write(part.join(file), content.to_string()).map_err(|error| error.to_string())?;
    }
    let mut command = client_command("npm", part, lock)?;
    command.args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]);
    finish(&mut command, "npm")?;
    link_libraries(&part.join("node_modules").join(name))
}

/// A client that works in `part`, makes what it installs readable for the servers' user and holds the lock.
fn client_command(client: &str, part: &Path, lock: &File) -> Result<Command, String> {
    let lock = lock.try_clone().map_err(|error| error.to_string())?;
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "umask 022; exec \"$@\"", "fetch"])
        .args(client.split(' '));
    command.current_dir(part).stdin(Stdio::from(lock));
    Ok(command)
}

fn finish(command: &mut Command, client: &str) -> Result<(), String> {
    let ended = command
        .output()
        .map_err(|error| format!("{client}: {error}"))?;
    if ended.status.success() {
        return Ok(());
    }
    if ended.status.code() == Some(NOT_FOUND) {
        return Err(format!("{client}: not installed"));
    }
    let complaint = String::from_utf8_lossy(&ended.stderr);
    let lines: Vec<&str> = complaint
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let end = lines[lines.len().saturating_sub(3)..].join(" / ");
    Err(format!("{client}: {}: {end}", ended.status))
}

/// One link that the package wants made by its install script, which is not run.
#[derive(Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

/// PostgreSQL's package keeps its libraries under their full versions only; the programs ask for the short
/// names. A package without such a list needs no links.
fn link_libraries(package: &Path) -> Result<(), String> {
    let list = package.join("native/pg-symlinks.json");
    let text = match fs::read(&list) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(|error| format!("{}: {error}", list.display()))?,
    };
    let links: Vec<Link> = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    for link in links {
        let target = package.join(&link.target);
        let Some(name) = link.source.file_name() else {
            continue;
        };
        if fs::symlink_metadata(&target).is_err() {
            std::os::unix::fs::symlink(name, &target).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_links_that_the_skipped_install_script_would_make_are_made() {
        let package = std::env::temp_dir().join(format!("tranche-links-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(package.join("native/lib")).unwrap();
        fs::write(package.join("native/lib/libpq.so.5.18"), "library").unwrap();
        let list = r#"[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so.5"}]"#;
        fs::write(package.join("native/pg-symlinks.json"), list).unwrap();
        link_libraries(&package).unwrap();
        link_libraries(&package).unwrap();
        assert_eq!(
            fs::read(package.join("native/lib/libpq.so.5")).unwrap(),
            b"library"
        );
        fs::remove_dir_all(package).unwrap();
    }
}
