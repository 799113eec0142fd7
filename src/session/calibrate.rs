//! Calibration: thresholds for target error rates.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{Result, SessionError};
use super::policy::require_rates;
use super::probes::Probes;
use super::{Control, Session, Stopped};
use crate::calibration::Calibration;
use crate::decision::Operating;
use crate::experiment::{Calibrator, FEWEST_PROBES, MOST_SUSPECTS, Probe, record};
use crate::fusion::Fusion;
use crate::gallery::Gallery;
use crate::number::plural;
use crate::reply::{Calibrated, Model, PhotoRequest, RowSkipped, VERSION};

/// The request for a calibration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrateRequest {
    /// The non-mated probes.
    pub strangers: Strangers,
    /// Target FPIRs, above 0 and below 1. The first one is the default of the gallery.
    pub target_fpir: Vec<f64>,
    /// How the scores of a subject's templates become one score.
    pub fusion: Fusion,
    /// Which photos and faces are used.
    pub photos: PhotoRequest,
    /// Whether invalid rows are skipped; otherwise they are an error.
    pub skip_invalid: bool,
}

/// The probes of the non-mated searches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strangers {
    /// People who are not in the gallery: a folder of photos, or a file of vectors with the names of its rows.
    Given(PathBuf, Option<PathBuf>),
    /// Templates of people who are not in the gallery.
    Probes(Vec<Probe>),
    /// Subjects of the gallery, each searched for among the other subjects.
    LeftOut {
        /// Most subjects to search for, at least 20.
        people: u32,
        /// Seed of the random choice of subjects.
        seed: u64,
    },
}

/// A measured calibration. It is not stored yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The calibration.
    pub calibration: Calibration,
    /// Warnings, in words.
    pub warnings: Vec<String>,
    /// Skipped rows.
    pub invalid: Vec<RowSkipped>,
}

impl Session {
    /// Measures the best scores of non-mated searches. Stores nothing. The inner error means that the measurement was stopped.
    ///
    /// # Errors
    /// Too few probes or subjects; a target rate that these searches cannot estimate; the probes cannot be read; the gallery failed.
    pub fn calibrate(
        &self,
        request: &CalibrateRequest,
        control: &Control<'_>,
    ) -> Result<Result<Measured, Stopped>> {
        if request.target_fpir.is_empty() {
            let reason = "expected at least one rate".into();
            return Err(SessionError::Request { field: "target_fpir", reason });
        }
        require_rates(&request.target_fpir)?;
        let mut warnings = Vec::new();
        let (probes, invalid) = match &request.strangers {
            Strangers::LeftOut { .. } => (None, Vec::new()),
            Strangers::Probes(probes) => {
                let read = Probes { probes: probes.clone(), ..Probes::default() };
                (Some(self.without_subjects(read, &mut warnings)?), Vec::new())
            }
            Strangers::Given(path, names) => {
                match self.strangers(request, (path, names.as_deref()), control, &mut warnings)? {
                    Ok((probes, invalid)) => (Some(probes), invalid),
                    Err(stopped) => return Ok(Err(stopped)),
                }
            }
        };
        let subjects = self.gallery().counts()?.0;
        let total = match (&request.strangers, &probes) {
            (_, Some(probes)) => probes.len() as u64,
            (Strangers::LeftOut { people, .. }, None) => subjects.min((*people).into()),
            (_, None) => 0,
        };
        let done = Cell::new(0);
        let progress = |searches| {
            done.set(searches as u64);
            control.report("searches", searches as u64, Some(total));
        };
        let (gallery, fusion) = (self.gallery(), request.fusion);
        let calibrator = Calibrator {
            gallery,
            fusion,
            targets: &request.target_fpir,
            progress: &progress,
            stop: control.stop,
        };
        let calibration = match (&request.strangers, &probes) {
            (Strangers::LeftOut { people, seed }, _) => {
                warnings.push(
                    "measured with the gallery's own photos, each person looked up among the others: photos taken elsewhere may \
                     score otherwise"
                        .into(),
                );
                calibrator.left_out(*people as usize, *seed)?
            }
            (_, probes) => calibrator.given(probes.as_deref().unwrap_or_default())?,
        };
        let stopped = Stopped { looked_at: done.get(), total, unit: "search" };
        Ok(calibration.map(|calibration| Measured { calibration, warnings, invalid }).ok_or(stopped))
    }

    /// The calibration of another gallery of the same model.
    ///
    /// # Errors
    /// It has no calibration, or has another model.
    pub fn calibration_of(&self, other: &Gallery) -> Result<Measured> {
        let found = record::calibration(other, None)?;
        let not_calibrated =
            || SessionError::Input(format!("{} is not calibrated", other.directory().display()));
        let (_, calibration) = found.ok_or_else(not_calibrated)?;
        calibration.require(self.gallery().binding())?;
        let mut warnings = vec![
            "measured on another gallery: its people and photos may differ from those of this gallery".into(),
        ];
        if self.gallery().binding().is_external() {
            warnings.push(
                "the models of both galleries are unknown: if they differ, every threshold and rate of this calibration is wrong"
                    .into(),
            );
        }
        Ok(Measured { calibration, warnings, invalid: Vec::new() })
    }

    /// Stores a calibration. The newest one for a fusion is used. Returns its number.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn keep_calibration(&self, calibration: &Calibration) -> Result<i64> {
        Ok(record::keep_calibration(self.gallery(), calibration)?)
    }

    /// Reads the non-mated probes.
    #[expect(clippy::type_complexity, reason = "a stop is not an error, and skipped rows are returned")]
    fn strangers(
        &self,
        request: &CalibrateRequest,
        (path, names): (&Path, Option<&Path>),
        control: &Control<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<Result<(Vec<Probe>, Vec<RowSkipped>), Stopped>> {
        let source = self.probe_source((path, names), (&request.photos, request.skip_invalid), control);
        if let Some(listed) = source.listed()? {
            let strangers = listed.iter().filter(|photo| !self.is_subject(photo.person.as_deref()));
            require(strangers.count())?;
        }
        let mut read = match source.read()? {
            Ok(read) => read,
            Err(stopped) => return Ok(Err(stopped)),
        };
        let invalid = std::mem::take(&mut read.invalid);
        Ok(Ok((self.without_subjects(read, warnings)?, invalid)))
    }

    fn is_subject(&self, person: Option<&str>) -> bool {
        person.is_some_and(|name| self.gallery().subject(name).is_ok())
    }

    /// The probes without those whose person has the name of a subject.
    fn without_subjects(&self, read: Probes, warnings: &mut Vec<String>) -> Result<Vec<Probe>> {
        let given = read.probes.len();
        let mut probes = read.probes;
        probes.retain(|probe| !self.is_subject(probe.person.as_deref()));
        if probes.len() < given {
            let left = plural((given - probes.len()) as u64, "probe");
            warnings.push(format!("{left} with the name of a subject of the gallery skipped"));
        }
        if let Some(first) = read.failed.first() {
            let failed = plural(read.failed.len() as u64, "photo");
            let (name, why) = (&first.name, &first.reason);
            warnings.push(format!("{failed} without a usable face skipped, such as {name} ({why})"));
        }
        if read.several > 0 {
            let photos = plural(read.several, "photo");
            warnings.push(format!("{photos} with more than one face, the largest was used"));
        }
        require(probes.len())?;
        Ok(probes)
    }
}

/// Requires enough non-mated probes.
fn require(strangers: usize) -> Result<()> {
    if strangers >= FEWEST_PROBES {
        return Ok(());
    }
    Err(SessionError::FewStrangers { got: plural(strangers as u64, "probe"), needed: FEWEST_PROBES })
}

/// The thresholds for the targets of a calibration, in a gallery of `subjects` subjects.
///
/// # Errors
/// A target rate that the calibration cannot estimate.
pub fn operating_points(calibration: &Calibration, subjects: u64) -> Result<Vec<Operating>> {
    let point = |&target| calibration.operating(target, subjects);
    Ok(calibration.targets.iter().map(point).collect::<Result<_, _>>()?)
}

impl Measured {
    /// The reply. `id` is the number of the stored calibration; `None` if it was not stored.
    ///
    /// # Errors
    /// As [`operating_points`].
    pub fn reply(self, id: Option<i64>, subjects: u64) -> Result<Calibrated> {
        let Self { calibration, mut warnings, .. } = self;
        if let Some(tail) = calibration.tail.filter(|tail| !tail.is_good()) {
            let why =
                if tail.heavy { "is too heavy" } else { "does not follow a generalised Pareto distribution" };
            warnings.push(format!("the tail of the best scores {why}; only counted thresholds are used"));
        }
        if !calibration.suspects.is_empty() {
            warnings.push(format!(
                "{} may be in the gallery after all: see the suspects; if so, leave them out and calibrate again, the thresholds are \
                 too high",
                match calibration.suspects.len() {
                    MOST_SUSPECTS => format!("{MOST_SUSPECTS} or more probes"),
                    suspects => plural(suspects as u64, "probe"),
                }
            ));
        }
        Ok(Calibrated {
            version: VERSION,
            id,
            operating_points: operating_points(&calibration, subjects)?,
            n_subjects: calibration.subjects,
            n_templates: calibration.templates,
            fusion: calibration.fusion,
            strangers: calibration.strangers,
            nonmated_searches: calibration.maxima.len(),
            design: calibration.design,
            tail: calibration.tail,
            growth: calibration.growth,
            suspects: calibration.suspects,
            warnings,
            model: Model { name: calibration.model, fingerprint: calibration.fingerprint },
        })
    }
}
