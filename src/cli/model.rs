//! `gallerist model`: the available models and their properties, and the import of others.

mod import;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use super::ExitStatus;
use super::screen::{Screen, Table};
use crate::encoder::Model;
use crate::reply::{ModelInfo, ModelListed, ModelPath, VERSION};

/// Show the available models, and import others.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the models
    List,
    Import(import::Arguments),
    /// Show the origin, the licence and the known limitations of a model
    Info {
        /// A name from `model list`, or the TOML manifest of your own model
        name: String,
    },
    /// Print the path of a model's weights
    Path {
        /// A name from `model list`, or the TOML manifest of your own model
        name: String,
    },
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    match &arguments.verb {
        Verb::List => list(screen)?,
        Verb::Import(arguments) => return import::run(arguments, screen),
        Verb::Info { name } => info(&Model::find(name)?, screen)?,
        Verb::Path { name } => {
            let path = Model::find(name)?.weights_file().context("this model has no weights")?;
            screen.text(path.display().to_string())?;
            screen.json(&ModelPath { version: VERSION, path: path.to_string_lossy().into_owned() })?;
        }
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
        let is_installed = model.weights_file().is_some_and(|file| file.is_file());
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

fn info(model: &Model, screen: Screen) -> Result<()> {
    let file = model.weights_file().unwrap_or_default();
    let sha256 = model.weights.as_ref().map_or("", |weights| weights.sha256.as_str());
    let fingerprint = model.fingerprint();
    screen.json(&ModelInfo {
        version: VERSION,
        name: model.name.clone(),
        dimension: model.dimension,
        licence: model.licence.clone(),
        provenance: model.provenance.clone(),
        caveats: model.caveats.clone(),
        threshold: model.threshold,
        threshold_basis: model.threshold_basis.clone(),
        weights: file.to_string_lossy().into_owned(),
        sha256: sha256.to_owned(),
        fingerprint: fingerprint.clone(),
    })?;
    let mut table = Table::new(&[]);
    table.row(["name", &model.name]);
    table.row(["dimension", &model.dimension.to_string()]);
    table.row(["licence", &model.licence]);
    table.row(["provenance", &model.provenance]);
    for (number, caveat) in model.caveats.iter().enumerate() {
        table.row([if number == 0 { "caveats" } else { "" }, caveat]);
    }
    table.row(["threshold", &format!("{:.3}: {}", model.threshold, model.threshold_basis)]);
    table.row(["weights", &file.display().to_string()]);
    table.row(["sha256", sha256]);
    table.row(["fingerprint", &fingerprint]);
    Ok(table.lines(0).iter().try_for_each(|line| screen.text(line))?)
}
