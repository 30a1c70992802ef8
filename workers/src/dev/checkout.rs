//! Where the checkout is, from wherever in it a command is run.

use crate::cli::Failure;
use std::path::{Path, PathBuf};

/// The file that makes a folder the configuration's.
const REFERENCE: &str = "base.toml";

/// A checkout of this project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Its folder; private servers keep what they need beside it.
    pub root: PathBuf,
    /// The folder with the configuration files.
    pub config: PathBuf,
}

impl Checkout {
    /// The checkout whose configuration `config` names: as it is, or, when it is relative, below the
    /// current folder or the nearest folder above that has it.
    pub fn around(config: &Path) -> Result<Self, Failure> {
        Self::from(&std::env::current_dir()?, config)
    }

    fn from(here: &Path, config: &Path) -> Result<Self, Failure> {
        let found = here
            .ancestors()
            .map(|folder| folder.join(config))
            .find(|folder| folder.join(REFERENCE).is_file());
        let found = found.ok_or_else(|| {
            format!(
                "expected {REFERENCE} in {}, here or in a folder above {}: run this in the \
                 checkout, or name the folder with --config",
                config.display(),
                here.display()
            )
        })?;
        let config = found.canonicalize()?;
        let root = config.parent().unwrap_or(&config).to_owned();
        Ok(Self { root, config })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_found_from_any_folder_of_the_checkout() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let expected = Checkout {
            root: root.canonicalize().unwrap(),
            config: root.join("config").canonicalize().unwrap(),
        };
        for here in ["", "workers", "workers/src/dev"] {
            let found = Checkout::from(&expected.root.join(here), Path::new("config"));
            assert_eq!(found.unwrap(), expected, "{here:?}");
        }
    }

    #[test]
    fn a_folder_without_a_checkout_above_says_what_to_do() {
        let error = Checkout::from(Path::new("/"), Path::new("config")).unwrap_err();
        assert!(error.to_string().contains("--config"), "{error}");
    }
}
