//! The finder. For each server, in this order: the environment's override; a sufficient version on the PATH or where the
//! usual installers put it; what an earlier run fetched; a fetch by pip or npm; else one screen that says what to install.
//!
//! A candidate counts only if all its programs answer `--version`, run as the user that the servers run as: that tells
//! missing libraries, wrong platforms and unreachable folders from working programs without special cases. An override that
//! does not work is an error, never a reason to look elsewhere.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use super::fetch::{fetch, fetched};
use super::missing::{Absent, MissingTool};
use super::recipe::Recipe;
use super::workspace::as_server;
use super::{Reporter, Version, Workspace, nats, postgres};

/// The servers' programs, found or fetched, and the workspace whose folders they use.
#[derive(Clone, Debug)]
pub struct Tools {
    pub(super) workspace: Workspace,
    pub(super) nats: Tool,
    pub(super) postgres: Tool,
}

/// One server's program.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    pub(super) program: PathBuf,
    pub(super) version: Version,
}

impl Tool {
    /// The path of one of the server's programs, as an argument.
    pub(super) fn sibling(&self, name: &str) -> PathBuf {
        self.program.with_file_name(name)
    }
}

impl Tools {
    /// Finds or fetches every server; tells `reporter` what was chosen. Blocks while something is fetched (seconds).
    pub fn obtain(workspace: &Workspace, reporter: &Reporter) -> Result<Self, MissingTool> {
        let (nats, postgres) = thread::scope(|scope| {
            let nats = scope.spawn(|| obtain(&nats::RECIPE, workspace, reporter));
            let postgres = obtain(&postgres::RECIPE, workspace, reporter);
            (
                nats.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                postgres,
            )
        });
        match (nats, postgres) {
            (Ok(nats), Ok(postgres)) => Ok(Self {
                workspace: workspace.clone(),
                nats,
                postgres,
            }),
            (nats, postgres) => Err(MissingTool {
                absent: nats.err().into_iter().chain(postgres.err()).collect(),
            }),
        }
    }

    /// The workspace that the servers use.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// The version of nats-server.
    pub fn nats_version(&self) -> Version {
        self.nats.version
    }

    /// The version of PostgreSQL.
    pub fn postgres_version(&self) -> Version {
        self.postgres.version
    }
}

fn obtain(
    recipe: &'static Recipe,
    workspace: &Workspace,
    reporter: &Reporter,
) -> Result<Tool, Absent> {
    let mut absent = Absent {
        recipe,
        tried: Vec::new(),
    };
    if let Some(named) = std::env::var_os(recipe.variable) {
        let candidate = (
            PathBuf::from(named),
            format!("named by {}", recipe.variable),
        );
        return choose(recipe, [candidate], reporter, &mut absent.tried).ok_or(absent);
    }
    let installed = installed_folders(recipe);
    let earlier = fetched(recipe, workspace).map(|folder| (folder, "fetched earlier".to_owned()));
    if let Some(tool) = choose(
        recipe,
        installed.chain(earlier),
        reporter,
        &mut absent.tried,
    ) {
        return Ok(tool);
    }
    match fetch(recipe, workspace, reporter) {
        Ok(folder) => {
            let candidate = (folder, "fetched now".to_owned());
            choose(recipe, [candidate], reporter, &mut absent.tried).ok_or(absent)
        }
        Err(reason) => {
            absent.tried.push(reason);
            Err(absent)
        }
    }
}

/// Folders that have the server's program, each with where it was found.
fn installed_folders(recipe: &Recipe) -> impl Iterator<Item = (PathBuf, String)> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let on_path = on_path
        .into_iter()
        .map(|folder| (folder, "on the PATH".to_owned()));
    let well_known = (recipe.well_known)().into_iter();
    let well_known = well_known.map(|folder| (folder, "in a well-known folder".to_owned()));
    let server = recipe.programs[0];
    on_path
        .chain(well_known)
        .filter(move |(folder, _)| folder.join(server).is_file())
}

/// The first candidate that works and is new enough; why the others are not goes to `tried`.
fn choose(
    recipe: &Recipe,
    candidates: impl IntoIterator<Item = (PathBuf, String)>,
    reporter: &Reporter,
    tried: &mut Vec<String>,
) -> Option<Tool> {
    for (place, why) in candidates {
        match examine(recipe, &place) {
            Ok(tool) => {
                let (name, version) = (recipe.name, tool.version);
                reporter.say(&format!(
                    "{name} {version}: {} ({why})",
                    tool.program.display()
                ));
                return Some(tool);
            }
            Err(reason) => tried.push(format!("{} ({why}): {reason}", place.display())),
        }
    }
    None
}

/// Runs every program once. `place` is their folder or the server's program.
pub(super) fn examine(recipe: &Recipe, place: &Path) -> Result<Tool, String> {
    let server = if place.is_dir() {
        place.join(recipe.programs[0])
    } else {
        place.to_owned()
    };
    // Debian links single programs into folders that lack their siblings: look where the link leads.
    let program = server.canonicalize().map_err(|error| error.to_string())?;
    let version = ask_version(&program, recipe.programs[0])?;
    if version < recipe.minimum {
        return Err(format!(
            "version {version}, at least {} is needed",
            recipe.minimum
        ));
    }
    for sibling in &recipe.programs[1..] {
        ask_version(&program.with_file_name(sibling), sibling)?;
    }
    Ok(Tool { program, version })
}

/// Every one of these programs says its name first: a file that does not is another program under its name.
fn ask_version(program: &Path, name: &str) -> Result<Version, String> {
    let mut command = Command::new(program);
    let command = as_server(&mut command)
        .arg("--version")
        .stdin(Stdio::null());
    let answer = command
        .output()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let printed = String::from_utf8_lossy(&answer.stdout);
    let is_itself = answer.status.success() && printed.starts_with(name);
    Version::parse(&printed)
        .filter(|_| is_itself)
        .ok_or_else(|| {
            let complaint = String::from_utf8_lossy(&answer.stderr);
            let said = format!("{}{}", printed.trim(), complaint.trim());
            format!(
                "{} --version: {}, {said:?}",
                program.display(),
                answer.status
            )
        })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const RECIPE: Recipe = Recipe {
        name: "Thing",
        programs: &["thing", "thing-init"],
        minimum: Version::new(2, 15, 0),
        variable: "TRANCHE_TEST_THING",
        well_known: Vec::new,
        package: || None,
        by_hand: &[("Anywhere", "get thing")],
    };

    /// A folder of programs that print what they are given.
    fn programs(answers: &[(&str, &str)]) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("tranche-programs-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        for (name, answer) in answers {
            let program = folder.join(name);
            fs::write(&program, format!("#!/bin/sh\n{answer}\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    #[test]
    fn the_first_candidate_that_works_and_is_new_enough_is_chosen() {
        let folders = [
            programs(&[
                ("thing", "echo thing v2.9.1"),
                ("thing-init", "echo thing-init 2.9.1"),
            ]),
            programs(&[("thing", "echo thing v2.16.0")]),
            programs(&[
                ("thing", "echo true 9.1"),
                ("thing-init", "echo thing-init 9.1"),
            ]),
            programs(&[
                ("thing", "echo libicu is missing >&2; exit 127"),
                ("thing-init", "echo thing-init 3.0"),
            ]),
            programs(&[
                ("thing", "echo thing v2.15.0"),
                ("thing-init", "echo thing-init 2.15.0"),
            ]),
            programs(&[
                ("thing", "echo thing v3.0"),
                ("thing-init", "echo thing-init 3.0"),
            ]),
        ];
        let candidates = folders.clone().map(|folder| (folder, "tried".to_owned()));
        let mut tried = Vec::new();
        let chosen = choose(&RECIPE, candidates, &Reporter::silent(), &mut tried).unwrap();

        assert_eq!(
            chosen.program,
            folders[4].canonicalize().unwrap().join("thing")
        );
        assert_eq!(chosen.version, Version::new(2, 15, 0));
        for (reason, part) in
            tried
                .iter()
                .zip(["at least 2.15", "thing-init", "true 9.1", "libicu"])
        {
            assert!(reason.contains(part), "{reason:?} does not say {part:?}");
        }
        assert_eq!(tried.len(), 4);
        for folder in folders {
            fs::remove_dir_all(folder).unwrap();
        }
    }

    #[test]
    fn an_override_may_name_the_program_or_its_folder() {
        let folder = programs(&[
            ("thing", "echo thing 2.15"),
            ("thing-init", "echo thing-init 2.15"),
        ]);
        let by_folder = examine(&RECIPE, &folder).unwrap();
        let by_program = examine(&RECIPE, &folder.join("thing")).unwrap();
        assert_eq!(by_folder.program, by_program.program);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_missing_server_is_told_with_reasons_and_remedies() {
        let absent = Absent {
            recipe: &RECIPE,
            tried: vec!["/opt: too old".to_owned()],
        };
        let screen = MissingTool {
            absent: vec![absent],
        }
        .to_string();
        for part in [
            "Thing 2.15 or newer",
            "/opt: too old",
            "get thing",
            "TRANCHE_TEST_THING=",
        ] {
            assert!(screen.contains(part), "{part:?} is missing in:\n{screen}");
        }
    }
}
