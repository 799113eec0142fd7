//! `gallerist set-threshold`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::screen::Screen;
use super::{ExitStatus, opening, values};
use crate::experiment::record;
use crate::reply::{ThresholdSet, VERSION};

/// Set the score at or above which two faces count as one person, for a gallery without a calibration. The default is the threshold of the
/// model. `calibrate` derives a threshold from an error rate.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// The score, -1 to 1
    #[arg(value_name = "COSINE", value_parser = values::cosine, allow_negative_numbers = true)]
    threshold: f32,
    /// Print what would be done; change nothing
    #[arg(long)]
    dry_run: bool,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let (threshold, dry_run) = (arguments.threshold, arguments.dry_run);
    let open = if dry_run { opening::to_read } else { opening::to_write };
    let mut gallery = open(&arguments.gallery)?;
    let before = gallery.binding().threshold;
    if !dry_run {
        gallery.set_threshold(threshold)?;
    }
    let was = before.map_or("there was none".into(), |before| format!("it was {before:.3}"));
    let done = if dry_run { "would be" } else { "is" };
    screen.text(format!("the threshold {done} {threshold:.3}, uncalibrated; {was}"))?;
    if let Ok(Some((_, calibration))) = record::calibration(&gallery, None) {
        let fusion = calibration.fusion.name();
        screen.text(format!(
            "the calibration of this gallery (fusion {fusion}) still decides; --threshold {threshold} decides once"
        ))?;
    }
    screen.json(&ThresholdSet { version: VERSION, threshold, before, dry_run })?;
    Ok(ExitStatus::Done)
}
