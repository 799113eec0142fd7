//! The searches behind a calibration. They are complete, and non-mated: for people who are not in the gallery, or for its own subjects,
//! each among the others.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{ExperimentError, Probe, now, parts};
use crate::calibration::{Calibration, CalibrationError, Measurement, Strangers, Suspect, suspects};
use crate::fusion::Fusion;
use crate::gallery::{Gallery, GalleryError, Ranking, Search, Selection};
use crate::template::Template;

/// The fewest searches from which a threshold can be derived.
pub const FEWEST_PROBES: usize = 20;
/// The fewest subjects that can be searched for among each other.
const FEWEST_LEFT_OUT: u64 = 20;
/// Suspects that are kept.
pub const MOST_SUSPECTS: usize = 100;
/// Searches between two checks of the stop flag.
const BLOCK: usize = 256;

/// Runs the searches of a calibration.
pub struct Calibrator<'a> {
    /// The gallery.
    pub gallery: &'a Gallery,
    /// How subjects of several templates are scored.
    pub fusion: Fusion,
    /// Target rates; the first is the gallery's.
    pub targets: &'a [f64],
    /// Called with the number of searches that are done.
    pub progress: &'a dyn Fn(usize),
    /// Ends the measurement when it becomes true.
    pub stop: &'a AtomicBool,
}

/// One search: its best score, the subject of that score, and the best score in each part.
struct Found {
    score: f32,
    subject: u64,
    in_parts: Vec<Option<f32>>,
}

/// All searches, and the number of subjects in each part.
struct Searched {
    found: Vec<Found>,
    sizes: Vec<u64>,
}

/// A probe and the subject that it must not find.
type Sought<'a> = (&'a Template, Option<u64>);

impl Calibrator<'_> {
    /// Searches for people who are not in the gallery; `None` if it was stopped.
    ///
    /// # Errors
    /// Too few probes, no subjects, a target that is no rate, a failing gallery.
    pub fn given(&self, probes: &[Probe]) -> Result<Option<Calibration>, ExperimentError> {
        if probes.len() < FEWEST_PROBES {
            return Err(CalibrationError::FewProbes { got: probes.len(), needed: FEWEST_PROBES }.into());
        }
        let sought: Vec<Sought<'_>> = probes.iter().map(|probe| (&probe.template, None)).collect();
        let Some(searched) = self.search_all(&sought, 1)? else { return Ok(None) };
        let mut images: HashMap<&str, f64> = HashMap::new();
        for person in probes.iter().filter_map(|probe| probe.person.as_deref()) {
            *images.entry(person).or_default() += 1.0;
        }
        // As if all images of a person scored alike.
        let named: f64 = images.values().sum();
        let alike: f64 = images.values().map(|images| images * images).sum();
        let design = (alike + probes.len() as f64 - named) / probes.len() as f64;
        self.calibration(&searched, design, Strangers::Given, |at| Ok(probes[at].name.clone())).map(Some)
    }

    /// Searches for up to `people` of the gallery's subjects, drawn with `seed`, by the oldest template of each, among all the others;
    /// `None` if it was stopped. Enrolled photos may be of better quality than later probes.
    ///
    /// # Errors
    /// As [`given`](Self::given).
    pub fn left_out(&self, people: usize, seed: u64) -> Result<Option<Calibration>, ExperimentError> {
        let mut first = self.gallery.first_templates()?;
        if (first.len() as u64) < FEWEST_LEFT_OUT {
            let subjects = first.len() as u64;
            return Err(CalibrationError::FewSubjects { subjects, needed: FEWEST_LEFT_OUT }.into());
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (chosen, _) = first.partial_shuffle(&mut random, people);
        let view = self.gallery.view()?;
        let mut templates = Vec::with_capacity(chosen.len());
        for &(subject, id) in chosen.iter() {
            let row = view.get(id).map_err(GalleryError::from)?;
            let template = row.and_then(|row| Template::from_raw(&row.vector).ok());
            templates.extend(template.map(|template| (template, subject)));
        }
        let sought: Vec<Sought<'_>> =
            templates.iter().map(|(template, subject)| (template, Some(*subject))).collect();
        let Some(searched) = self.search_all(&sought, 2)? else { return Ok(None) };
        let found = &searched.found;
        // Two who are each other's best are one pair that was seen twice.
        let best: HashMap<u64, u64> =
            templates.iter().zip(found).map(|((_, own), found)| (*own, found.subject)).collect();
        let mutual = best.iter().filter(|(own, other)| best.get(other) == Some(own)).count();
        let design = 1.0 + mutual as f64 / found.len().max(1) as f64;
        self.calibration(&searched, design, Strangers::LeftOut, |at| {
            let (_, subject) = templates[at];
            Ok(self.gallery.subject_name(subject)?.unwrap_or_default())
        })
        .map(Some)
    }

    /// The best score of each probe, without its own subject; `None` if it was stopped.
    fn search_all(&self, sought: &[Sought<'_>], k: usize) -> Result<Option<Searched>, ExperimentError> {
        let view = self.gallery.view()?;
        let parts = parts(self.gallery, &view)?;
        let mut found = Vec::with_capacity(sought.len());
        for block in sought.chunks(BLOCK) {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let probes: Vec<&Template> = block.iter().map(|(template, _)| *template).collect();
            let search = Search { fusion: self.fusion, ..Search::default() };
            let best = |among: Option<&Selection>| -> Result<Vec<_>, ExperimentError> {
                let rankings = self.gallery.rank(&view, &probes, k, &search, among)?;
                Ok(rankings.into_iter().zip(block).map(|(ranking, (_, own))| other(&ranking, *own)).collect())
            };
            let whole = best(None)?;
            let in_parts: Vec<Vec<Option<(u64, f32)>>> =
                parts.iter().map(|(_, part)| best(Some(part))).collect::<Result<_, _>>()?;
            for (at, whole) in whole.into_iter().enumerate() {
                let Some((subject, score)) = whole else {
                    return Err(CalibrationError::FewSubjects { subjects: 0, needed: 1 }.into());
                };
                let in_parts = in_parts.iter().map(|part| part[at].map(|(_, score)| score)).collect();
                found.push(Found { score, subject, in_parts });
            }
            (self.progress)(found.len());
        }
        let sizes = parts.iter().map(|(subjects, _)| *subjects).collect();
        Ok(Some(Searched { found, sizes }))
    }

    fn calibration(
        &self,
        Searched { found, sizes }: &Searched,
        design: f64,
        strangers: Strangers,
        name: impl Fn(usize) -> Result<String, ExperimentError>,
    ) -> Result<Calibration, ExperimentError> {
        let (subjects, templates) = self.gallery.counts()?;
        let mut order: Vec<usize> = (0..found.len()).collect();
        order.sort_by(|&one, &other| found[other].score.total_cmp(&found[one].score).then(one.cmp(&other)));
        let maxima: Vec<f32> = order.iter().map(|&at| found[at].score).collect();
        let mut suspects = Vec::new();
        for &at in order.iter().take(suspects::count(&maxima, subjects).min(MOST_SUSPECTS)) {
            let subject = self.gallery.subject_name(found[at].subject)?.unwrap_or_default();
            suspects.push(Suspect { probe: name(at)?, subject, score: found[at].score });
        }
        let parts: Vec<(u64, Vec<f32>)> = sizes
            .iter()
            .enumerate()
            .map(|(part, &subjects)| (subjects, found.iter().filter_map(|one| one.in_parts[part]).collect()))
            .collect();
        let measured = Measurement {
            made: now(),
            binding: self.gallery.binding(),
            subjects,
            templates,
            fusion: self.fusion,
            strangers,
            targets: self.targets,
            design,
            maxima,
            parts: &parts,
            suspects,
        };
        Ok(Calibration::of(measured)?)
    }
}

/// The best subject that is not `own`.
fn other(ranking: &Ranking, own: Option<u64>) -> Option<(u64, f32)> {
    ranking
        .subjects
        .iter()
        .find(|(subject, ..)| Some(*subject) != own)
        .map(|(subject, _, score)| (*subject, *score))
}
