//! The searches behind a calibration: complete ones, for people who are not in the gallery, or for its own as if they were not.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use gallerist_index::{Selection, View};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{BEYOND, Calibration, CalibrationError, Curve, Growth, Strangers, Suspect, Tail, suspects};
use crate::decision::Fusion;
use crate::gallery::{Gallery, Ranking, Search};
use crate::template::Template;

/// Without so many searches no target can be told.
pub const FEWEST_PROBES: usize = 20;
/// With fewer subjects nobody is left to search among, or the one who is left is everybody's best.
const FEWEST_LEFT_OUT: u64 = 20;
/// Parts of the gallery that are searched too, as one in so many subjects, if there are [`FEWEST_IN_PARTS`].
const PARTS: [u64; 3] = [8, 4, 2];
const FEWEST_IN_PARTS: u64 = 16;
/// Suspects that are kept.
const KEPT: usize = 100;
/// Searches between two looks at whether to stop.
const BLOCK: usize = 256;

/// Somebody to search for.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// What it is: a path, or a row of a file.
    pub name: String,
    /// Who it shows, if that is known.
    pub person: Option<String>,
    /// Its template.
    pub template: Template,
}

/// How to measure.
pub struct Sample<'a> {
    /// The gallery.
    pub gallery: &'a Gallery,
    /// How subjects of several templates are scored.
    pub fusion: Fusion,
    /// Targets, the gallery's first.
    pub targets: &'a [f64],
    /// Told how many searches are done.
    pub progress: &'a dyn Fn(usize),
    /// Ends the measurement when it becomes true.
    pub stop: &'a AtomicBool,
}

/// One search: its best score, whose it is, and, in parts, the best scores.
struct Found {
    score: f32,
    subject: u64,
    in_parts: Vec<Option<f32>>,
}

/// All searches, and how many subjects each part has.
struct Searched {
    found: Vec<Found>,
    sizes: Vec<u64>,
}

/// A probe and the subject that it must not find.
type Sought<'a> = (&'a Template, Option<u64>);

impl Sample<'_> {
    /// Searches for people who are not in the gallery; `None` if it was stopped.
    ///
    /// # Errors
    /// Too few probes, no subjects, a target that is no rate, a failing gallery.
    pub fn given(&self, probes: &[Probe]) -> Result<Option<Calibration>, CalibrationError> {
        if probes.len() < FEWEST_PROBES {
            return Err(CalibrationError::FewProbes { got: probes.len(), needed: FEWEST_PROBES });
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
    /// `None` if it was stopped. Photos that were enrolled may be better than those that will be looked up.
    ///
    /// # Errors
    /// As [`given`](Self::given).
    pub fn left_out(&self, people: usize, seed: u64) -> Result<Option<Calibration>, CalibrationError> {
        let mut first = self.gallery.first_templates()?;
        if (first.len() as u64) < FEWEST_LEFT_OUT {
            return Err(CalibrationError::FewSubjects {
                subjects: first.len() as u64,
                needed: FEWEST_LEFT_OUT,
            });
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (chosen, _) = first.partial_shuffle(&mut random, people);
        let view = self.gallery.view();
        let mut templates = Vec::with_capacity(chosen.len());
        for &(subject, id) in chosen.iter() {
            let row = view.get(id).map_err(crate::gallery::GalleryError::from)?;
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

    /// The best score of each, own subjects aside; `None` if it was stopped.
    fn search_all(&self, sought: &[Sought<'_>], k: usize) -> Result<Option<Searched>, CalibrationError> {
        let view = self.gallery.view();
        let parts = parts(self.gallery, &view)?;
        let mut found = Vec::with_capacity(sought.len());
        for block in sought.chunks(BLOCK) {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let probes: Vec<&Template> = block.iter().map(|(template, _)| *template).collect();
            let search = Search { fusion: self.fusion, ..Search::default() };
            let best = |among: Option<&Selection>| -> Result<Vec<_>, CalibrationError> {
                let rankings = self.gallery.rank(&view, &probes, k, &search, among)?;
                Ok(rankings.into_iter().zip(block).map(|(ranking, (_, own))| other(&ranking, *own)).collect())
            };
            let whole = best(None)?;
            let in_parts: Vec<Vec<Option<(u64, f32)>>> =
                parts.iter().map(|(_, part)| best(Some(part))).collect::<Result<_, _>>()?;
            for (at, whole) in whole.into_iter().enumerate() {
                let Some((subject, score)) = whole else {
                    return Err(CalibrationError::FewSubjects { subjects: 0, needed: 1 });
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
        name: impl Fn(usize) -> Result<String, CalibrationError>,
    ) -> Result<Calibration, CalibrationError> {
        let (subjects, templates) = self.gallery.counts()?;
        let left_out = u64::from(strangers == Strangers::LeftOut);
        let mut order: Vec<usize> = (0..found.len()).collect();
        order.sort_by(|&one, &other| found[other].score.total_cmp(&found[one].score).then(one.cmp(&other)));
        let maxima: Vec<f32> = order.iter().map(|&at| found[at].score).collect();
        let mut suspects = Vec::new();
        for &at in order.iter().take(suspects::count(&maxima, subjects).min(KEPT)) {
            let subject = self.gallery.subject_name(found[at].subject)?.unwrap_or_default();
            suspects.push(Suspect { probe: name(at)?, subject, score: found[at].score });
        }
        let parts: Vec<(u64, Vec<f32>)> = sizes
            .iter()
            .enumerate()
            .map(|(part, &subjects)| (subjects, found.iter().filter_map(|one| one.in_parts[part]).collect()))
            .collect();
        let tail = Tail::fit(&maxima, design);
        let rarest = design / (BEYOND * maxima.len() as f64);
        let binding = self.gallery.binding();
        let calibration = Calibration {
            made: now(),
            model: binding.model.clone(),
            fingerprint: binding.fingerprint.clone(),
            dimension: binding.dimension,
            subjects: subjects - left_out,
            templates: templates - left_out.min(templates),
            fusion: self.fusion,
            strangers,
            targets: self.targets.to_vec(),
            design,
            curve: tail.map(|tail| Curve::of(&tail, &maxima, design, rarest)).unwrap_or_default(),
            tail,
            growth: Growth::measure(subjects, &maxima, &parts, design),
            maxima,
            suspects,
        };
        for &target in self.targets {
            calibration.operating(target, subjects)?;
        }
        Ok(calibration)
    }
}

/// Seconds since 1970, UTC.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}

/// Parts of the gallery, the smallest first, each within the next: how many subjects they have, and their rows.
pub(crate) fn parts(gallery: &Gallery, view: &View) -> Result<Vec<(u64, Selection)>, CalibrationError> {
    if gallery.counts()?.0 < FEWEST_IN_PARTS {
        return Ok(Vec::new());
    }
    let first = gallery.first_templates()?;
    Ok(PARTS
        .into_iter()
        .map(|one_in| {
            let count = first.iter().filter(|(subject, _)| is_in(*subject, one_in)).count();
            (count as u64, view.select(|_, subject| is_in(subject, one_in)))
        })
        .filter(|(subjects, _)| *subjects > 0)
        .collect())
}

/// The best subject that is not `own`.
fn other(ranking: &Ranking, own: Option<u64>) -> Option<(u64, f32)> {
    ranking
        .subjects
        .iter()
        .find(|(subject, ..)| Some(*subject) != own)
        .map(|(subject, _, score)| (*subject, *score))
}

/// Whether a subject is in the part of one in `one_in`, a power of two; smaller parts lie within larger ones.
fn is_in(subject: u64, one_in: u64) -> bool {
    // Finaliser of SplitMix64 (Steele, Lea, Flood 2014): subjects are numbered in the order of their enrolment.
    let mut mixed = subject.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)).is_multiple_of(one_in)
}
