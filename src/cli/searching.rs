//! Arguments for the search and the decision, shared by several commands.

use anyhow::Result;
use clap::Args;

use super::{Usage, values};
use crate::fusion;
use crate::reply::{self, DecisionRequest, SearchRequest};

/// How the gallery is searched.
#[derive(Debug, Args)]
#[command(next_help_heading = "Search")]
pub struct SearchOptions {
    /// Search mode: auto is complete and chooses the fastest mode; graph is approximate
    #[arg(long, value_enum, default_value = "auto", value_name = "WAY")]
    search: Way,
    /// Beam width of a graph search
    #[arg(long, value_name = "NODES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    width: u32,
    /// Required certificate. exact: no subject is missed. bounded: no subject above the threshold is missed; a subject exactly at the
    /// threshold is missed with probability 1e-5
    #[arg(long, value_enum, value_name = "PROOF")]
    certify: Option<Proof>,
    /// How the scores of a subject's templates become one score [default: that of the calibration, otherwise max]
    #[arg(long, value_enum)]
    fusion: Option<Fusion>,
}

/// Search modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Way {
    /// Complete, in the fastest mode.
    Auto,
    /// Every template is scored.
    Exact,
    /// By short codes that bound the scores.
    Scan,
    /// By a graph; approximate.
    Graph,
}

/// Required certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Proof {
    /// No subject is missed.
    Exact,
    /// No subject above the threshold is missed.
    Bounded,
}

/// How the scores of a subject's templates become one score.
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
    /// The request for the search.
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

    /// Whether the search is approximate. Its misses are known from an audit only.
    pub fn is_approximate(&self) -> bool {
        self.search == Way::Graph
    }
}

/// The threshold of the decision.
#[derive(Debug, Args)]
#[command(next_help_heading = "Decision")]
pub struct DecisionArguments {
    /// Target FPIR, such as 0.01: the share of non-mated searches with a false match, by the gallery's calibration. With two, a best score
    /// between their thresholds is inconclusive [default: the first target of the calibration]
    #[arg(
        long,
        value_name = "FPIR[,FPIR]",
        action = clap::ArgAction::Set, // an option that is given twice is an error
        value_delimiter = ',',
        num_args = 1,
        allow_negative_numbers = true,
        value_parser = values::rate
    )]
    target_fpir: Vec<f64>,
    /// Score at or above which a candidate matches. With two, lower one first, a best score between them is inconclusive [default: by the
    /// calibration, otherwise the model's threshold, uncalibrated]
    #[arg(
        long,
        value_name = "COSINE[,COSINE]",
        action = clap::ArgAction::Set, // an option that is given twice is an error
        value_delimiter = ',',
        num_args = 1,
        allow_negative_numbers = true,
        value_parser = values::cosine,
        conflicts_with = "target_fpir"
    )]
    threshold: Vec<f32>,
}

impl DecisionArguments {
    /// The request for the decision.
    ///
    /// # Errors
    /// A rate is given twice, or there are more than two values.
    pub fn request(&self) -> Result<DecisionRequest> {
        values::require_distinct("--target-fpir", &self.target_fpir)?;
        if self.target_fpir.len() > 2 {
            return Err(Usage("--target-fpir takes one or two rates".into()).into());
        }
        if self.threshold.len() > 2 {
            return Err(Usage("--threshold takes one or two scores".into()).into());
        }
        Ok(DecisionRequest { target_fpir: self.target_fpir.clone(), threshold: self.threshold.clone() })
    }
}
