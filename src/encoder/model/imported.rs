//! Imported models: manifests beside their weights in the folder of the models, found by name.

use std::path::PathBuf;

use super::{Model, Runtime, models_dir};
use crate::encoder::EncoderError;

/// Longest name of an imported model, in bytes.
const LONGEST_NAME: usize = 64;

impl Model {
    /// The manifest of an imported model with this name, whether it exists or not. None if imported models cannot have this name.
    pub fn imported_manifest(name: &str) -> Option<PathBuf> {
        Self::check_imported_name(name).ok()?;
        Some(models_dir().join(format!("{name}.toml")))
    }

    /// Requires a name that is a plain file name, and not that of a built-in model.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub fn check_imported_name(name: &str) -> Result<(), String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        if name.len() > LONGEST_NAME || !starts_well || !name.chars().all(is_plain) || name.ends_with(".toml")
        {
            return Err(format!(
                "{name:?}: expected at most {LONGEST_NAME} letters, digits, `-`, `_` and `.`, a letter or digit first"
            ));
        }
        // Some file systems do not tell `Duo-128` from `duo-128`, and neither do people.
        let own =
            ["mtcnn", "stand-in"].into_iter().chain(Self::builtin().iter().map(|model| model.name.as_str()));
        if let Some(own) = own.into_iter().find(|own| own.eq_ignore_ascii_case(name)) {
            let how = if own == name { "is" } else { "differs only in its case from" };
            return Err(format!("{name:?} {how} the name of a built-in model"));
        }
        Ok(())
    }

    /// The imported model with this name. None if there is none.
    ///
    /// # Errors
    /// Its manifest is invalid.
    pub fn imported(name: &str) -> Result<Option<Self>, EncoderError> {
        match Self::imported_manifest(name).filter(|file| file.is_file()) {
            Some(file) => Self::from_manifest(&file).map(Some),
            None => Ok(None),
        }
    }

    /// The names of the imported models, sorted.
    pub fn imported_names() -> Vec<String> {
        let entries = std::fs::read_dir(models_dir()).into_iter().flatten().flatten();
        let name = |entry: std::fs::DirEntry| {
            let file = entry.file_name().into_string().ok()?;
            let name = file.strip_suffix(".toml")?.to_owned();
            Self::check_imported_name(&name).is_ok().then_some(name)
        };
        let mut names: Vec<String> = entries.filter_map(name).collect();
        names.sort();
        names
    }

    /// Whether this is a user's network that runs no code.
    pub fn is_graph(&self) -> bool {
        self.networks().iter().all(|(_, network)| network.runtime == Runtime::Graph)
    }
}
