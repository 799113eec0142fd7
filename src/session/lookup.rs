//! Look-ups: the templates or subjects closest to a template, without decisions.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Instant;

use super::Session;
use super::error::Result;
use crate::gallery::{Answer, Gallery, Search};
use crate::reply::{Candidate, Lookup};
use crate::template::Template;

/// The `k` templates with the highest scores. `probe` is the position of the template for the reply.
///
/// # Errors
/// The template has another dimension; the gallery failed.
pub fn search(gallery: &Gallery, probe: u64, template: &Template, k: usize) -> Result<Lookup> {
    let started = Instant::now();
    let answer = gallery.search(template, k)?;
    Ok(found(gallery, probe, &answer, started, &|| false)?.0)
}

/// Every template with at least the score `min_score`. Looking up the names of many takes long; `stop` ends that, and the second value is
/// then false.
///
/// # Errors
/// As [`search`].
pub fn range(
    gallery: &Gallery,
    probe: u64,
    template: &Template,
    min_score: f32,
    stop: &dyn Fn() -> bool,
) -> Result<(Lookup, bool)> {
    let started = Instant::now();
    let answer = gallery.range(template, min_score)?;
    found(gallery, probe, &answer, started, stop)
}

/// The reply for an answer. Each name is looked up once.
fn found(
    gallery: &Gallery,
    probe: u64,
    answer: &Answer,
    started: Instant,
    stop: &dyn Fn() -> bool,
) -> Result<(Lookup, bool)> {
    let processing_time_ms = started.elapsed().as_secs_f64() * 1e3;
    let mut names: HashMap<u64, String> = HashMap::new();
    let mut matches = Vec::with_capacity(answer.hits.len());
    let mut whole = true;
    for hit in &answer.hits {
        if stop() {
            whole = false;
            break;
        }
        let subject = match names.entry(hit.subject) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(place) => place.insert(gallery.name_of(hit)?.unwrap_or_default()).clone(),
        };
        matches.push(Candidate {
            face_id: hit.id,
            subject_id: hit.subject,
            subject,
            similarity: hit.score,
            distance: 1.0 - hit.score,
        });
    }
    let lookup = Lookup {
        probe,
        matches,
        complete: answer.complete,
        searched: answer.scanned,
        max_similarity: answer.max_score,
        processing_time_ms,
    };
    Ok((lookup, whole))
}

impl Session {
    /// The `k` subjects with the highest scores, each with its best template.
    ///
    /// # Errors
    /// As [`search`].
    pub fn closest_subjects(&self, probe: u64, template: &Template, k: usize) -> Result<Lookup> {
        let started = Instant::now();
        let found = self.gallery().identify(template, k, &Search::default())?;
        let matches = found.candidates.into_iter().map(|candidate| Candidate {
            face_id: candidate.template_id,
            subject_id: candidate.subject_id,
            subject: candidate.subject,
            similarity: candidate.score,
            distance: 1.0 - candidate.score,
        });
        Ok(Lookup {
            probe,
            matches: matches.collect(),
            complete: true,
            searched: found.searched,
            max_similarity: found.max_score,
            processing_time_ms: started.elapsed().as_secs_f64() * 1e3,
        })
    }
}
