//! What can go wrong with a private server, told with the end of the server's own log.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a private server could not be started, stopped or asked.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A file or folder refused.
    #[error("cannot {what} {}: {source}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no checkout here.
    #[error("no folder from {} upwards has a Cargo.lock; start from inside the checkout", from.display())]
    NoCheckout {
        /// Where the search began.
        from: PathBuf,
    },
    /// The private folder was made by someone else.
    #[error("{} must be a folder of the current user, it is not; remove it", folder.display())]
    NotOurs {
        /// The folder.
        folder: PathBuf,
    },
    /// Another process uses the same data.
    #[error("{} is in use by another process; stop that one or choose another folder", data.display())]
    InUse {
        /// The folder of the data.
        data: PathBuf,
    },
    /// The data were written by another major version.
    #[error("{} was made by PostgreSQL {data_major}, found is PostgreSQL {tool}; put version {data_major} first, or remove the folder", data.display())]
    OtherMajor {
        /// The folder of the data.
        data: PathBuf,
        /// The version that made the data.
        data_major: String,
        /// The version that was found.
        tool: super::Version,
    },
    /// A tool that prepares data failed.
    #[error("{program} failed with {status} on {}: {output}", data.display())]
    Prepare {
        /// The program.
        program: String,
        /// The folder of the data.
        data: PathBuf,
        /// How it ended.
        status: String,
        /// What it wrote.
        output: String,
    },
    /// The server ended instead of getting ready.
    #[error("{server} ended with status {status} before it was ready; the end of its log:\n{log}")]
    Ended {
        /// Which server.
        server: &'static str,
        /// Its exit status, as the shell counts: 128 + N for signal N.
        status: i32,
        /// The last lines of its log.
        log: String,
    },
    /// The server neither became ready nor ended within the bound.
    #[error("{server} did not {what} within {bound:?}; the end of its log:\n{log}")]
    TimedOut {
        /// Which server.
        server: &'static str,
        /// What was waited for.
        what: &'static str,
        /// The bound.
        bound: Duration,
        /// The last lines of its log.
        log: String,
    },
    /// A database's name would need quoting.
    #[error(
        "{0:?} is no plain database name; use 1 to 63 of a-z, 0-9 and _, not starting with a digit"
    )]
    Name(String),
    /// PostgreSQL refused a statement.
    #[error("PostgreSQL refused: {0}")]
    Sql(#[from] sqlx::Error),
}

impl ServerError {
    /// Whether the server lost the race for its port, so that another port may do.
    pub(super) fn is_port_taken(&self) -> bool {
        matches!(self, Self::Ended { log, .. } if log.to_lowercase().contains("address already in use"))
    }
}

/// Names the file or folder that an [`io::Error`] keeps to itself.
pub(super) trait AtPath<T> {
    fn at(self, what: &'static str, path: &Path) -> Result<T, ServerError>;
}

impl<T> AtPath<T> for io::Result<T> {
    fn at(self, what: &'static str, path: &Path) -> Result<T, ServerError> {
        self.map_err(|source| ServerError::File {
            what,
            path: path.to_owned(),
            source,
        })
    }
}
