//! `gallerist authentic`: pictures of pictures.

mod fit;
mod score;
pub mod text;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use clap::{Args, Subcommand};

#[cfg(feature = "server")]
use super::Usage;
use super::engine::{EngineArguments, PhotoArguments};
use super::naming::FacesArgument;
use super::{ExitStatus, Screen};
use crate::reply::AuthenticityPolicy;
use crate::session::{Guard, read_gate};

/// Tell the faces of people in front of the camera from pictures of pictures and manipulated pictures, by a gate that is fitted to your
/// examples of both. A gate knows the cameras and the attacks of its examples; no gate is built in.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Judge the faces in photos: genuine or attack
    Score(ScoreArguments),
    /// Fit a gate, and measure its error rates on people that it was not fitted to
    Fit(FitArguments),
    /// Measure the error rates of a gate on other photos
    Evaluate(EvaluateArguments),
}

/// Judge the faces in photos. Each line has the verdict, the probability of an attack, and the measures that contributed most. A photo that
/// is unlike those of the fit is marked: the error rates of the gate do not apply to it. A face that is too small is not judged.
#[derive(Debug, Args)]
pub struct ScoreArguments {
    /// Photos, or folders of photos
    #[arg(required = true)]
    photos: Vec<PathBuf>,
    /// The gate that `authentic fit` wrote
    #[arg(long, value_name = "FILE.json")]
    gate: PathBuf,
    /// Faces of a photo to judge: all, or the largest, with preference for the middle of the photo
    #[arg(long, value_enum, default_value = "largest")]
    faces: FacesArgument,
    #[command(flatten)]
    photo_options: PhotoArguments,
    #[command(flatten)]
    engine: EngineArguments,
}

/// Fit a gate. The error rates are those on people that the gate was not fitted to, by cross-validation. They hold for photos that are
/// taken like the examples. Give examples of every camera and kind of attack, with the same light and compression in both classes.
#[derive(Debug, Args)]
pub struct FitArguments {
    /// Genuine photos, with a folder for each person
    #[arg(long, value_name = "DIR")]
    genuine: PathBuf,
    /// Attacks, with a folder for each person. A person who is in both has the same folder name in both
    #[arg(long, value_name = "DIR")]
    attack: PathBuf,
    /// The gate file to write
    #[arg(long, value_name = "FILE.json")]
    out: PathBuf,
    /// What the examples are, in words; stored in the file
    #[arg(long, value_name = "TEXT", default_value = "")]
    describe: String,
    #[command(flatten)]
    photo_options: PhotoArguments,
    #[command(flatten)]
    engine: EngineArguments,
}

/// Measure the error rates of a gate on photos that it was not fitted to. With genuine photos alone the result is the share of them that is
/// refused.
#[derive(Debug, Args)]
pub struct EvaluateArguments {
    /// The gate that `authentic fit` wrote
    #[arg(long, value_name = "FILE.json")]
    gate: PathBuf,
    /// Genuine photos, with a folder for each person
    #[arg(long, value_name = "DIR", required_unless_present = "attack")]
    genuine: Option<PathBuf>,
    /// Attacks, with a folder for each person
    #[arg(long, value_name = "DIR")]
    attack: Option<PathBuf>,
    #[command(flatten)]
    photo_options: PhotoArguments,
    #[command(flatten)]
    engine: EngineArguments,
}

/// The gate that judges the faces of probe photos.
#[derive(Debug, Args)]
#[command(next_help_heading = "Authenticity")]
pub struct GateArguments {
    /// Judge the faces of photos by this gate of `authentic fit`. The verdict is reported beside the decision
    #[arg(long, value_name = "FILE.json")]
    gate: Option<PathBuf>,
    /// What the verdict changes: nothing, or a face that is not judged genuine is inconclusive; `off` does not use the gate. A photo that
    /// is unlike those of the fit is marked, and treated by its verdict
    #[arg(long, value_enum, default_value = "warn", requires = "gate")]
    authenticity: PolicyArgument,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum PolicyArgument {
    /// The gate is not used.
    Off,
    /// The verdict is reported.
    Warn,
    /// A face without the verdict genuine is inconclusive, also one that is too small to be judged.
    Refuse,
}

impl GateArguments {
    /// Requires that no gate is given.
    ///
    /// # Errors
    /// A gate is given. The text says why it cannot be.
    #[cfg(feature = "server")]
    pub fn require_none(&self, why: &str) -> Result<()> {
        match &self.gate {
            Some(_) => Err(Usage(format!("--gate: {why}")).into()),
            None => Ok(()),
        }
    }

    /// The gate and what its verdicts change; `None` if no gate is used.
    ///
    /// # Errors
    /// The file cannot be read, or is not a gate.
    pub fn guard(&self) -> Result<Option<Arc<Guard>>> {
        let policy = match self.authenticity {
            PolicyArgument::Off => return Ok(None),
            PolicyArgument::Warn => AuthenticityPolicy::Warn,
            PolicyArgument::Refuse => AuthenticityPolicy::Refuse,
        };
        let gate = self.gate.as_deref().map(read_gate).transpose()?;
        Ok(gate.map(|gate| Arc::new(Guard { gate, policy })))
    }
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    match &arguments.verb {
        Verb::Score(arguments) => score::run(arguments, screen),
        Verb::Fit(arguments) => fit::fit(arguments, screen),
        Verb::Evaluate(arguments) => fit::evaluate(arguments, screen),
    }
}
