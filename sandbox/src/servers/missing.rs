//! The one screen that a person sees when a server can be neither found nor fetched.

use std::fmt;

use super::recipe::Recipe;

/// Some servers are neither installed nor can be fetched. Displayed, it says what to install and how.
#[derive(Debug)]
pub struct MissingTool {
    pub(super) absent: Vec<Absent>,
}

/// One server that is missing, and where it was looked for.
#[derive(Debug)]
pub(super) struct Absent {
    pub(super) recipe: &'static Recipe,
    pub(super) tried: Vec<String>,
}

impl std::error::Error for MissingTool {}

impl fmt::Display for MissingTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Absent { recipe, tried } in &self.absent {
            writeln!(
                f,
                "{} {} or newer is needed, but",
                recipe.name, recipe.minimum
            )?;
            for reason in tried {
                writeln!(f, "  - {reason}")?;
            }
            writeln!(f, "Install it in one of these ways and start again:")?;
            for (system, command) in recipe.by_hand {
                writeln!(f, "  {system:<22} {command}")?;
            }
            let (variable, server) = (recipe.variable, recipe.programs[0]);
            writeln!(
                f,
                "  {:<22} {variable}=<path of {server}, or its folder>",
                "installed elsewhere"
            )?;
        }
        Ok(())
    }
}
