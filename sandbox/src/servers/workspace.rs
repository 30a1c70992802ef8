//! Where a checkout keeps what it fetched, what it keeps between runs, and what its running servers use.
//!
//! Normally that is `.tranche/` in the checkout. PostgreSQL refuses to run as root, so under uid 0 every server runs as
//! [`SERVER_UID`] instead; that user must be able to reach the binaries and the data, which it cannot below a home like
//! `/root`. Then the folder is `/var/tmp/tranche-<hash of the checkout's path>`. Asking the user to create an account, or
//! user namespaces, were the alternatives: the first is a manual step, the second is switched off in most containers.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::error::{AtPath, ServerError};

/// The user and group ("nobody") that servers run as when the caller is root.
pub const SERVER_UID: u32 = 65534;

/// A checkout and its private folder.
#[derive(Clone, Debug)]
pub struct Workspace {
    private: PathBuf,
}

impl Workspace {
    /// The workspace of the checkout at `root`; creates its private folder.
    pub fn at(root: impl AsRef<Path>) -> Result<Self, ServerError> {
        let root = root.as_ref();
        let checkout = root.canonicalize().at("find the checkout", root)?;
        let private = if is_root() {
            PathBuf::from(format!("/var/tmp/tranche-{}", short_hash(&checkout)))
        } else {
            checkout.join(".tranche")
        };
        create_private(&private)?;
        Ok(Self { private })
    }

    /// The workspace of the checkout around the current directory: the nearest folder upwards that has a `Cargo.lock`.
    pub fn find() -> Result<Self, ServerError> {
        let here = std::env::current_dir().at("read the current directory", Path::new("."))?;
        let root = here
            .ancestors()
            .find(|folder| folder.join("Cargo.lock").is_file());
        Self::at(root.ok_or_else(|| ServerError::NoCheckout { from: here.clone() })?)
    }

    /// The private folder itself.
    pub fn private(&self) -> &Path {
        &self.private
    }

    /// A folder for data that outlive the process, e.g. `data("postgres")`. Not created yet.
    pub fn data(&self, name: &str) -> PathBuf {
        self.private.join("data").join(name)
    }

    /// A subfolder that the servers' user may write to.
    pub(super) fn server_folder(&self, name: &str) -> Result<PathBuf, ServerError> {
        let folder = self.private.join(name);
        fs::create_dir_all(&folder).at("create the folder", &folder)?;
        give_to_server(&folder)?;
        Ok(folder)
    }

    /// A subfolder that only the caller may write to.
    pub(super) fn own_folder(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.private.join(name);
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
        Ok(folder)
    }
}

/// Makes `command` run as the servers' user, in a directory that this user can enter.
pub(super) fn as_server(command: &mut Command) -> &mut Command {
    // Locale C also keeps macOS from starting threads inside PostgreSQL's postmaster, which it refuses.
    command.current_dir("/").env("LC_ALL", "C");
    if is_root() {
        command.uid(SERVER_UID).gid(SERVER_UID);
    }
    command
}

/// Hands one file or folder to the servers' user.
pub(super) fn give_to_server(path: &Path) -> Result<(), ServerError> {
    if is_root() {
        chown(path, Some(SERVER_UID), Some(SERVER_UID)).at("hand to the servers' user", path)?;
    }
    Ok(())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Programs are run from this folder, and under `/var/tmp` anyone could have made it first: it must be ours.
fn create_private(folder: &Path) -> Result<(), ServerError> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => other.at("create the folder", folder)?,
    }
    let found = fs::symlink_metadata(folder).at("look at the folder", folder)?;
    if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() {
        return Err(ServerError::NotOurs {
            folder: folder.to_owned(),
        });
    }
    fs::set_permissions(folder, Permissions::from_mode(0o755)).at("open for reading", folder)
}

/// Twelve hexadecimal digits that stand for a path.
pub(super) fn short_hash(path: &Path) -> String {
    let hash = Sha256::digest(path.as_os_str().as_encoded_bytes());
    hex::encode(&hash[..6])
}
