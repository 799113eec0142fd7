//! `gallerist model`: the available models and their properties, and new ones.

mod fuse;
mod import;

pub use fuse::print_lines;

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};

use super::ExitStatus;
use super::screen::{Screen, Table};
use crate::encoder::Model;
use crate::reply::{ModelInfo, ModelListed, ModelPath, VERSION};

/// Show the available models, and make new ones from them.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the models
    List,
    /// Show the origin, the licence and the known limitations of a model
    Info {
        /// A name from `model list`, or the TOML manifest of your own model
        name: String,
    },
    Import(Box<import::Arguments>),
    Fuse(fuse::Arguments),
    /// Print the paths of a model's weights
    Path {
        /// A name from `model list`, or the TOML manifest of your own model
        name: String,
    },
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    match &arguments.verb {
        Verb::List => list(screen)?,
        Verb::Info { name } => info(&Model::find(name)?, screen)?,
        Verb::Import(arguments) => return import::run(arguments, screen),
        Verb::Fuse(arguments) => return fuse::run(arguments, screen),
        Verb::Path { name } => paths(&Model::find(name)?, screen)?,
    }
    Ok(ExitStatus::Done)
}

fn list(screen: Screen) -> Result<()> {
    let default = Model::default_available();
    let mut table = Table::new(&[1]);
    let imported = Model::imported_names();
    let imported = imported.iter().filter_map(|name| match Model::imported(name) {
        Ok(model) => model,
        Err(error) => {
            tracing::warn!("{error}");
            None
        }
    });
    for model in Model::builtin().iter().cloned().chain(imported) {
        let is_installed = model.is_installed();
        let is_default = model.name == default.name;
        screen.json(&ModelListed {
            name: model.name.clone(),
            dimension: model.dimension,
            licence: model.licence.clone(),
            default: is_default,
            installed: is_installed,
        })?;
        let note = match (is_installed, is_default) {
            (false, _) if model.is_graph() => "imported; its weights are missing",
            (true, _) if model.is_graph() => "imported",
            (false, _) => "not installed: run tools/setup",
            (true, true) => "default",
            (true, false) => "",
        };
        table.row([model.name.clone(), model.dimension.to_string(), model.licence.clone(), note.into()]);
    }
    Ok(table.lines(0).iter().try_for_each(|line| screen.text(line))?)
}

fn paths(model: &Model, screen: Screen) -> Result<()> {
    let files = model.files();
    ensure!(!files.is_empty(), "this model has no weights");
    for file in files {
        screen.text(file.path.display().to_string())?;
        screen.json(&ModelPath { version: VERSION, path: file.path.to_string_lossy().into_owned() })?;
    }
    Ok(())
}

fn info(model: &Model, screen: Screen) -> Result<()> {
    let description = ModelInfo::from(model);
    screen.json(&description)?;
    let mut table = Table::new(&[]);
    table.row(["name", &description.name]);
    table.row(["dimension", &description.dimension.to_string()]);
    for (number, member) in description.members.iter().enumerate() {
        let first = if number == 0 { "members" } else { "" };
        table.row([first, &format!("{}, weight {}", member.name, member.weight)]);
    }
    table.row(["licence", &description.licence]);
    table.row(["provenance", &description.provenance]);
    for (number, caveat) in description.caveats.iter().enumerate() {
        table.row([if number == 0 { "caveats" } else { "" }, caveat]);
    }
    table.row(["threshold", &format!("{:.3}: {}", description.threshold, description.threshold_basis)]);
    table.row(["detector", &description.detector]);
    for file in &description.files {
        table.row(["weights", &file.path]);
        table.row(["sha256", &file.sha256]);
    }
    table.row(["fingerprint", &description.fingerprint]);
    Ok(table.lines(0).iter().try_for_each(|line| screen.text(line))?)
}
