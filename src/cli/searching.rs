//! Arguments that say how a gallery is searched and which score decides, shared by the verbs that decide.

use anyhow::{Result, ensure};
use clap::Args;

use super::values;
use crate::fusion;
use crate::reply::{self, DecisionRequest, SearchRequest};

/// How the gallery is searched.
#[derive(Debug, Args)]
#[command(next_help_heading = "Search")]
pub struct SearchOptions {
    /// How to search: auto is complete and takes the quickest way to be; graph is approximate
    #[arg(long, value_enum, default_value = "auto", value_name = "WAY")]
    search: Way,
    /// Nodes that the walk through a graph keeps
    #[arg(long, value_name = "NODES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    width: u32,
    /// Insist on a proof that nobody is missed: exact, always; bounded, but for one in 100,000 of those whose
    /// score is the threshold itself
    #[arg(long, value_enum, value_name = "PROOF")]
    certify: Option<Proof>,
    /// How a person's templates are made one score [default: that of the calibration, else max]
    #[arg(long, value_enum)]
    fusion: Option<Fusion>,
}

/// Ways to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Way {
    /// Complete, in the quickest way.
    Auto,
    /// Every template is scored.
    Exact,
    /// By codes that bound scores.
    Scan,
    /// By walking a graph.
    Graph,
}

/// What a search must prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Proof {
    /// Nobody is missed.
    Exact,
    /// Nobody above the threshold is missed.
    Bounded,
}

/// How a person's templates are made one score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Fusion {
    /// The best score. More templates of a subject give more false alarms.
    Max,
    /// The mean of the scores: the score of the mean of the templates.
    Mean,
    /// The mean of the scores, each weighted by the quality of its photo (0 to 100). Where no quality is known, 50.
    Quality,
    /// The mean of the two best scores; the only one if there is only one.
    Top2,
}

impl From<Fusion> for fusion::Fusion {
    fn from(argument: Fusion) -> Self {
        match argument {
            Fusion::Max => Self::Max,
            Fusion::Mean => Self::Mean,
            Fusion::Quality => Self::Quality,
            Fusion::Top2 => Self::Top2,
        }
    }
}

impl SearchOptions {
    /// What is asked of the search.
    pub fn request(&self) -> SearchRequest {
        SearchRequest {
            way: match self.search {
                Way::Auto => reply::Way::Auto,
                Way::Exact => reply::Way::Exact,
                Way::Scan => reply::Way::Scan,
                Way::Graph => reply::Way::Graph,
            },
            width: self.width,
            certify: self.certify.map(|proof| match proof {
                Proof::Exact => reply::Proof::Exact,
                Proof::Bounded => reply::Proof::Bounded,
            }),
            fusion: self.fusion.map(fusion::Fusion::from),
        }
    }

    /// Whether a graph is walked, whose misses only an audit can tell.
    pub fn is_approximate(&self) -> bool {
        self.search == Way::Graph
    }
}

/// Which score decides.
#[derive(Debug, Args)]
#[command(next_help_heading = "Decision")]
pub struct DecisionArguments {
    /// The share of strangers who may be named, such as 0.01, by the gallery's calibration; with two, a best score
    /// between their thresholds is inconclusive [default: the calibration's first target]
    #[arg(
        long,
        value_name = "FPIR[,FPIR]",
        action = clap::ArgAction::Set, // given twice it is refused
        value_delimiter = ',',
        num_args = 1,
        allow_negative_numbers = true,
        value_parser = values::rate
    )]
    target_fpir: Vec<f64>,
    /// Score at or above which a candidate matches; with two, the lower one first, a best score between them is
    /// inconclusive [default: by the calibration, else the model's, uncalibrated]
    #[arg(
        long,
        value_name = "COSINE[,COSINE]",
        action = clap::ArgAction::Set, // given twice it is refused
        value_delimiter = ',',
        num_args = 1,
        allow_negative_numbers = true,
        value_parser = values::cosine,
        conflicts_with = "target_fpir"
    )]
    threshold: Vec<f32>,
}

impl DecisionArguments {
    /// What is asked of the decision.
    ///
    /// # Errors
    /// A rate is given twice, or there are too many.
    pub fn request(&self) -> Result<DecisionRequest> {
        values::distinct("--target-fpir", &self.target_fpir)?;
        ensure!(self.target_fpir.len() <= 2, "--target-fpir takes one or two rates");
        ensure!(self.threshold.len() <= 2, "--threshold takes one or two scores");
        Ok(DecisionRequest { target_fpir: self.target_fpir.clone(), threshold: self.threshold.clone() })
    }
}
