//! Experiments: the searches of a gallery behind calibrations, audits and evaluations, and their results as documents of the gallery.
//!
//! [`Calibrator`], [`Auditor`] and [`Evaluator`] search; what follows from the scores is computed in `calibration`, `audit` and
//! `evaluation`, which never search. [`brute_force`] scores every template, to compare replies with. [`record`] keeps results in the
//! gallery and reads them again; [`Parsed`] remembers them.

mod auditor;
pub mod brute_force;
mod calibrator;
mod evaluator;
mod parsed;
pub mod record;

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use auditor::Auditor;
pub use calibrator::{Calibrator, FEWEST_PROBES, MOST_SUSPECTS};
pub use evaluator::{Evaluator, LabelledProbes};
pub use parsed::Parsed;

use crate::calibration::CalibrationError;
use crate::gallery::{Gallery, GalleryError, Selection, View};
use crate::template::Template;

/// Why an experiment gave no result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// The scores do not allow a calibration.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// The gallery failed.
    #[error(transparent)]
    Gallery(#[from] GalleryError),
}

/// Parts of the gallery that are searched as well: one in 8, 4 and 2 of its subjects, if it has [`FEWEST_IN_PARTS`] or more.
const PARTS: [u64; 3] = [8, 4, 2];
const FEWEST_IN_PARTS: u64 = 16;

/// A template to search for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// Its source: a path, or a row of a file.
    pub name: String,
    /// The name of the person it shows, if known.
    pub person: Option<String>,
    /// Its template.
    pub template: Template,
}

/// Seconds since 1970, UTC.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}

/// Nested parts of the gallery, smallest first: the number of subjects and the selection of rows of each.
fn parts(gallery: &Gallery, view: &View) -> Result<Vec<(u64, Selection)>, GalleryError> {
    if gallery.counts()?.0 < FEWEST_IN_PARTS {
        return Ok(Vec::new());
    }
    let first = gallery.first_templates()?;
    let mut parts = Vec::with_capacity(PARTS.len());
    for one_in in PARTS {
        let count = first.iter().filter(|(subject, _)| is_in(*subject, one_in)).count();
        if count > 0 {
            parts.push((count as u64, view.select(&|subject| is_in(subject, one_in))?));
        }
    }
    Ok(parts)
}

/// Whether a subject is in the part that holds one in `one_in` subjects, a power of two. Smaller parts lie within larger ones.
fn is_in(subject: u64, one_in: u64) -> bool {
    // Finaliser of SplitMix64 (Steele, Lea, Flood 2014): subjects are numbered in the order of their enrolment.
    let mut mixed = subject.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)).is_multiple_of(one_in)
}
