//! Arguments that say how a gallery is searched and which score decides, shared by the verbs that decide.

use crate::gallery::Mode;
use anyhow::{Context, Result, ensure};
use clap::Args;

use super::values;
use crate::calibration::{Calibration, CalibrationError};
use crate::decision::{Missed, Threshold};
use crate::experiment::record;
use crate::fusion::Fusion;
use crate::gallery::{Gallery, Search, mode_name};

/// How the gallery is searched.
#[derive(Debug, Args)]
#[command(next_help_heading = "Search")]
pub struct SearchOptions {
    /// How to search: auto is complete and takes the quickest way to be; graph is approximate
    #[arg(long, value_enum, default_value = "auto", value_name = "WAY")]
    pub search: Way,
    /// Nodes that the walk through a graph keeps
    #[arg(long, value_name = "NODES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub width: u32,
    /// Insist on a proof that nobody is missed: exact, always; bounded, but for one in 100,000 of those whose
    /// score is the threshold itself
    #[arg(long, value_enum, value_name = "PROOF")]
    pub certify: Option<Proof>,
    /// How a person's templates are made one score [default: that of the calibration, else max]
    #[arg(long, value_enum)]
    pub fusion: Option<Fusion>,
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

/// The probability of a miss at the threshold that `--certify bounded` allows.
pub const DELTA: f64 = 1e-5;

impl SearchOptions {
    /// How to search, with the fusion of `calibration` if none was given.
    pub fn search(&self, calibration: Option<&Calibration>) -> Result<Search> {
        ensure!(
            self.search != Way::Graph || self.certify.is_none(),
            "--search graph cannot prove that nobody is missed; leave --certify or --search graph out"
        );
        let (mode, miss) = match (self.search, self.certify) {
            (Way::Exact, _) => (Mode::Exact, None),
            (Way::Graph, _) => (Mode::Graph { width: self.width as usize }, None),
            (Way::Scan, Some(Proof::Exact)) | (Way::Auto, Some(Proof::Exact) | None) => (Mode::Auto, None),
            (Way::Scan, _) | (Way::Auto, Some(Proof::Bounded)) => (Mode::Scan, Some(DELTA)),
        };
        let fusion = self.fusion.or(calibration.map(|calibration| calibration.fusion)).unwrap_or_default();
        Ok(Search { mode, miss, recall: None, fusion })
    }

    /// What an audit of this way to search found that it misses.
    pub fn missed(&self, gallery: &Gallery, search: &Search) -> Result<Option<Missed>> {
        Ok(if self.search == Way::Graph { record::audited(gallery, &mode_name(search.mode))? } else { None })
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
    pub target_fpir: Vec<f64>,
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
    pub threshold: Vec<f32>,
}

/// How to search, which score decides, and what both rest on.
pub struct Deciding {
    pub search: Search,
    pub threshold: Threshold,
    pub calibration: Option<Calibration>,
    /// Why the calibration should be made anew.
    pub stale: Vec<String>,
    /// Subjects and templates in the gallery.
    pub counts: (u64, u64),
}

impl DecisionArguments {
    /// How a gallery is searched and which score decides.
    pub fn resolve(&self, gallery: &Gallery, search: &SearchOptions) -> Result<Deciding> {
        values::distinct("--target-fpir", &self.target_fpir)?;
        let counts = gallery.counts()?;
        let needs_one = !self.target_fpir.is_empty();
        let found = match record::calibration(gallery, search.fusion) {
            Ok(None) if needs_one => {
                let fusion = search.fusion.map(|fusion| format!(" for fusion {}", fusion.name()));
                return Err(CalibrationError::Missing(fusion.unwrap_or_default()).into());
            }
            Err(error) if !self.threshold.is_empty() => {
                tracing::warn!(%error, "the threshold given is used without a calibration");
                None
            }
            found => found?,
        };
        let (id, calibration) = found.map_or((0, None), |(id, calibration)| (id, Some(calibration)));
        let threshold = match (&self.threshold[..], &calibration) {
            (&[one], _) => Threshold::given(one, one),
            (&[low, high], _) => {
                ensure!(
                    (low, high) != (0.0, 1.0),
                    "--threshold {low},{high} would be inconclusive for every score from 0 to 1; one score has a decimal point: 0.1"
                );
                ensure!(
                    low < high,
                    "--threshold {low},{high}: expected the lower score first, as in {high},{low}; between them is inconclusive"
                );
                Threshold::given(low, high)
            }
            ([], Some(calibration)) => {
                ensure!(self.target_fpir.len() <= 2, "--target-fpir takes one or two rates");
                let first = calibration.targets.get(..1).unwrap_or_default();
                let targets = if needs_one { &self.target_fpir[..] } else { first };
                calibration.threshold(id, targets, counts.0)?
            }
            ([], None) => Threshold::uncalibrated(gallery.binding()).context(
                "this gallery's model has no threshold of its own; calibrate the gallery, or give one with --threshold",
            )?,
            _ => anyhow::bail!("--threshold takes one or two scores"),
        };
        let stale = calibration.as_ref().map(|one| one.stale(counts.0, counts.1)).unwrap_or_default();
        Ok(Deciding { search: search.search(calibration.as_ref())?, threshold, calibration, stale, counts })
    }
}
