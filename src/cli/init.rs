//! `gallerist init`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::engine::DetectorArguments;
use super::{ExitStatus, Screen, values};
use crate::gallery::{Gallery, GraphWhen};
use crate::reply::{Created, VERSION};
use crate::template::Binding;

/// Make an empty gallery that is bound to one model. Scores between templates of two models mean nothing.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Folder to make; it must not exist, or be empty
    gallery: PathBuf,
    /// A name from `gallerist model list`, or the TOML manifest of your own model
    #[arg(long, value_name = "NAME|FILE.toml", conflicts_with = "dimension")]
    model: Option<String>,
    #[command(flatten)]
    detector: DetectorArguments,
    /// For templates of another program: number of components. Photos cannot be enrolled in such a gallery
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096), conflicts_with = "detector")]
    dimension: Option<u16>,
    /// For templates of another program: the score from which two faces count as one person
    #[arg(long, value_name = "COSINE", value_parser = values::cosine, requires = "dimension", allow_negative_numbers = true)]
    threshold: Option<f32>,
    /// Build graphs for `--search graph`, which is approximate: never, for large segments (auto), or for all segments. Graphs make import
    /// and compaction much slower
    #[arg(long, value_enum, default_value = "never")]
    graph: Graph,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Graph {
    Never,
    Auto,
    Always,
}

impl From<Graph> for GraphWhen {
    fn from(graph: Graph) -> Self {
        match graph {
            Graph::Never => Self::Never,
            Graph::Auto => Self::Auto,
            Graph::Always => Self::Always,
        }
    }
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let binding = match arguments.dimension {
        Some(dimension) => Binding::external(usize::from(dimension), arguments.threshold),
        None => arguments.detector.binding(arguments.model.as_deref())?,
    };
    let gallery = Gallery::create(&arguments.gallery, &binding, arguments.graph.into())?;
    screen.text(format!(
        "made {}, bound to {}, {} numbers a template",
        gallery.directory().display(),
        binding.describe(),
        binding.dimension
    ))?;
    let gallery = gallery.directory().to_string_lossy().into_owned();
    screen.json(&Created { version: VERSION, gallery, model: binding })?;
    Ok(ExitStatus::Done)
}
