//! Searches for people who are in the gallery twice, and for photos that do not show the person under whom they are enrolled.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::Auditor;
use crate::audit::{Double, LISTED, Outlier};
use crate::calibration::maxima::{CLOSEST, of_strangers};
use crate::calibration::suspects;
use crate::gallery::{GalleryError, Result, Search, Stored, TOGETHER, dot};
use crate::template::{Template, similarity};

/// A template and the best template of another subject: their ids, their subjects, the score.
struct Closest {
    templates: [u64; 2],
    subjects: [u64; 2],
    score: f32,
    /// The best scores with other subjects, in descending order.
    others: Vec<f32>,
}

/// Subjects of which all pairs are scored, at most.
const SAMPLE: usize = 1000;

impl Auditor<'_> {
    pub(super) fn doubles(&self, ids: &[u64]) -> Result<Option<Vec<Double>>> {
        let Some(mut closest) = self.closest(ids)? else { return Ok(None) };
        closest.sort_by(|one, other| other.score.total_cmp(&one.score));
        let least = match self.doubles_above {
            Some(least) => least,
            None => self.least_of_doubles(&closest)?,
        };
        let count = closest.iter().take_while(|pair| pair.score >= least).count();
        let mut seen: Vec<[u64; 2]> = Vec::new();
        let mut doubles = Vec::new();
        for pair in &closest[..count] {
            let [one, other] = pair.subjects;
            let key = [one.min(other), one.max(other)];
            if seen.contains(&key) || doubles.len() == LISTED {
                continue;
            }
            seen.push(key);
            let name = |id| Ok::<_, GalleryError>(self.gallery.subject_name(id)?.unwrap_or_default());
            doubles.push(Double {
                subjects: [name(one)?, name(other)?],
                templates: pair.templates,
                score: pair.score,
            });
        }
        Ok(Some(doubles))
    }

    /// The score from which on two subjects are doubles: above those of strangers.
    fn least_of_doubles(&self, closest: &[Closest]) -> Result<f32> {
        // One template a subject: the best of many would be more than strangers score.
        let mut oldest: BTreeMap<u64, &Closest> = BTreeMap::new();
        for pair in closest {
            let known = oldest.entry(pair.subjects[0]).or_insert(pair);
            if pair.templates[0] < known.templates[0] {
                *known = pair;
            }
        }
        let step = oldest.len().div_ceil(SAMPLE).max(1);
        let ids: Vec<u64> = oldest.values().step_by(step).map(|pair| pair.templates[0]).collect();
        let mut vectors = Vec::with_capacity(ids.len());
        for row in self.gallery.view()?.vectors(&ids) {
            vectors.extend(row?.map(|row| row.vector));
        }
        let later = |(at, one): (usize, &Vec<f32>)| {
            vectors[at + 1..].iter().map(|other| dot(one, other)).collect::<Vec<f32>>()
        };
        let pairs = vectors.iter().enumerate().flat_map(later).collect();
        let subjects = self.gallery.counts()?.0;
        let best = of_strangers(oldest.values().map(|pair| pair.others.as_slice()), pairs, subjects);
        Ok(suspects::least(&best, subjects))
    }

    /// The best template of another subject for each of these.
    fn closest(&self, ids: &[u64]) -> Result<Option<Vec<Closest>>> {
        let view = self.gallery.view()?;
        let mut closest = Vec::with_capacity(ids.len());
        for (done, block) in ids.chunks(TOGETHER).enumerate() {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            (self.progress)("templates compared with other people", done * TOGETHER, ids.len());
            let mut rows = Vec::with_capacity(block.len());
            for row in view.vectors(block) {
                let template =
                    |row: Stored| Some((row.id, row.subject, Template::from_raw(&row.vector).ok()?));
                rows.extend(row?.and_then(template));
            }
            let probes: Vec<&Template> = rows.iter().map(|(.., template)| template).collect();
            let rankings = self.gallery.rank(&view, &probes, 1 + CLOSEST, &Search::default(), None)?;
            for ((id, subject, _), ranking) in rows.iter().zip(rankings) {
                let others: Vec<_> =
                    ranking.subjects.iter().filter(|(other, ..)| other != subject).take(CLOSEST).collect();
                closest.extend(others.first().map(|&&(other, template, score)| Closest {
                    templates: [*id, template],
                    subjects: [*subject, other],
                    score,
                    others: others.iter().map(|(.., score)| *score).collect(),
                }));
            }
        }
        Ok(Some(closest))
    }

    pub(super) fn outliers(&self, ids: &[u64]) -> Result<Option<Vec<Outlier>>> {
        let view = self.gallery.view()?;
        let mut alone: Vec<(u64, f32)> = Vec::new();
        for row in view.vectors(ids) {
            let Some(row) = row? else { continue };
            let mut own = f32::NEG_INFINITY;
            let mut others = view.ids_of(row.subject)?;
            others.retain(|other| *other != row.id);
            for other in view.vectors(&others) {
                if let Some(other) = other? {
                    own = own.max(similarity(dot(&row.vector, &other.vector)));
                }
            }
            // Who matches another photo of the person is the person.
            if own.is_finite() && own < self.threshold {
                alone.push((row.id, own));
            }
        }
        let suspicious: Vec<u64> = alone.iter().map(|(id, _)| *id).collect();
        let Some(closest) = self.closest(&suspicious)? else { return Ok(None) };
        let mut outliers = Vec::new();
        for pair in closest {
            let own = alone.iter().find(|(id, _)| *id == pair.templates[0]).map_or(1.0, |(_, own)| *own);
            if pair.score <= own {
                continue;
            }
            let known = self.gallery.template(pair.templates[0])?;
            outliers.push(Outlier {
                subject: self.gallery.subject_name(pair.subjects[0])?.unwrap_or_default(),
                template: pair.templates[0],
                path: known
                    .and_then(|known| known.path)
                    .map_or_else(String::new, |path| path.to_string_lossy().into_owned()),
                own,
                other: pair.score,
                closer_to: self.gallery.subject_name(pair.subjects[1])?.unwrap_or_default(),
            });
        }
        outliers.sort_by(|one, other| one.own.total_cmp(&other.own));
        outliers.truncate(LISTED);
        Ok(Some(outliers))
    }
}
