//! `tranche demo`.

use crate::cli::Failure;
use std::path::Path;
use std::process::ExitCode;

/// Starts everything and plays the story.
pub(crate) async fn demo(config: &Path) -> Result<ExitCode, Failure> {
    super::run::start(config, |_| {}).await?;
    Ok(ExitCode::SUCCESS)
}
