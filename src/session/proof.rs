//! Verification of replies by brute force, field by field.
//!
//! The reply of an identification is computed again from the gallery. Every template is scored. Photos are processed again. Names and
//! thresholds are read from the catalog. The result is compared with the reply. Fields that cannot be verified are listed.

mod compare;
mod expected;
mod probe;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use super::answer::refusals;
use super::error::Result;
use super::{Control, Session};
use crate::experiment::brute_force;
use crate::reply::{Identification, Match, PhotoRequest, Refusal, VERSION, Verdict};
use crate::vectors::VectorFile;
use compare::{PROCESSED_AGAIN, Problems, as_read};
use expected::Case;
use probe::Photos;

/// Verifies replies of a gallery.
pub struct Prover<'a> {
    session: &'a Session,
    photos: &'a PhotoRequest,
    /// The last opened file of vectors.
    file: Option<(PathBuf, VectorFile)>,
}

/// A line that may be a reply: its number, from 1, and its JSON or the reason why it has none.
pub type Line = (u64, Result<Value, String>);

/// The problems of a reply, and its unverified fields.
type Findings = (Vec<String>, Vec<String>);

impl<'a> Prover<'a> {
    /// `photos` must be the request that the replies were made with.
    pub fn new(session: &'a Session, photos: &'a PhotoRequest) -> Self {
        Self { session, photos, file: None }
    }

    /// Checks a batch of replies, which reads the gallery from memory only once. `None` if it was stopped.
    ///
    /// # Errors
    /// The gallery failed, or the networks cannot be loaded. Problems of a reply are in its verdict.
    pub fn check(&mut self, lines: &[Line], control: &Control<'_>) -> Result<Option<Vec<Verdict>>> {
        let Some(photos) = self.process_again(lines, control)? else { return Ok(None) };
        let gallery = self.session.gallery();
        let mut cases: Vec<(usize, Case)> = Vec::new();
        let mut verdicts: Vec<Option<Findings>> = Vec::new();
        for (at, (_, reply)) in lines.iter().enumerate() {
            verdicts.push(match reply {
                Err(problem) => Some((vec![problem.clone()], Vec::new())),
                Ok(reply) if reply["certificate"].is_null() => Some(self.without_search(reply, &photos)),
                Ok(reply) => match self.case(reply, &photos) {
                    Ok(case) => {
                        cases.push((at, case));
                        None
                    }
                    Err(problem) => Some((vec![problem], Vec::new())),
                },
            });
        }
        let subjects = gallery.counts()?.0;
        let questions: Vec<_> = cases.iter().map(|(_, case)| case.question(subjects)).collect();
        let Some(truths) = brute_force::answer(gallery, &questions, control.stop)? else { return Ok(None) };
        for ((at, case), truth) in cases.iter().zip(&truths) {
            let mut verdict = case.check(gallery, truth)?;
            let (then, now) = (case.claim.search.templates, gallery.view()?.len() as u64);
            if !verdict.0.is_empty() && then != now {
                let changed = format!(
                    "the gallery had {then} templates and now has {now}: it has changed since the reply"
                );
                verdict.0.push(changed);
            }
            verdicts[*at] = Some(verdict);
        }
        let verdict = |((number, reply), findings): (&Line, Option<Findings>)| {
            let (problems, not_proven) = findings.unwrap_or_default();
            let claimed = reply.as_ref().ok().map(|reply| reply["certificate"].clone());
            let certificate = claimed.and_then(|claimed| serde_json::from_value(claimed).ok());
            Verdict { reply: *number, certificate, holds: problems.is_empty(), problems, not_proven }
        };
        Ok(Some(lines.iter().zip(verdicts).map(verdict).collect()))
    }

    /// Processes the photos of these replies again; `None` if it was stopped.
    fn process_again(&self, lines: &[Line], control: &Control<'_>) -> Result<Option<Photos>> {
        let mut photos = Photos::new();
        let probes = lines.iter().filter_map(|(_, reply)| reply.as_ref().ok());
        let probes = probes.filter_map(|reply| serde_json::from_value(reply["probe"].clone()).ok());
        let wanted: BTreeSet<_> = probes.filter_map(|probe| probe::photo_of(&probe)).collect();
        if wanted.is_empty() {
            return Ok(Some(photos));
        }
        let engine = self.session.engine()?;
        let whole = probe::process_again(wanted, engine, self.photos, control, &mut photos)?;
        Ok(whole.then_some(photos))
    }

    fn case(&mut self, reply: &Value, photos: &Photos) -> Result<Case, String> {
        let claim = claim(reply)?;
        let dimension = self.session.gallery().binding().dimension;
        let found = probe::find(&claim.probe, dimension, photos, &mut self.file);
        let (probe, template) = found.map_err(|error| format!("probe: {error}"))?;
        if template.dimension() != dimension {
            return Err(format!("probe: {} components, expected {dimension}", template.dimension()));
        }
        Ok(Case { reply: reply.clone(), claim, probe, template })
    }

    /// Checks a reply for a photo or face without a template.
    fn without_search(&self, reply: &Value, photos: &Photos) -> Findings {
        let mut problems = Problems::default();
        match read::<Refusal>(reply) {
            Err(problem) => problems.add(problem),
            Ok(claimed) => match self.refused(&claimed, photos) {
                Some(expected) => problems.compare("", reply, &expected, PROCESSED_AGAIN, &|_| false),
                None => problems.add("probe: it is not refused when it is processed again"),
            },
        }
        (problems.into_lines(), vec!["probe.not_looked_at".into()])
    }

    /// The refusal that the photo of a reply gives now.
    fn refused(&self, claimed: &Refusal, photos: &Photos) -> Option<Value> {
        let photo = probe::photo_of(&claimed.probe)?;
        let processed = photos.get(&photo)?;
        let path = photo.0.to_string_lossy();
        let binding = self.session.gallery().binding();
        let refused = refusals(&path, processed.skip.as_ref(), &processed.census, binding);
        let same = |one: &&Refusal| one.probe.face == claimed.probe.face;
        refused.iter().find(same).map(as_read)
    }
}

/// The reply as a type. The error names the first field of a wrong type.
fn claim(reply: &Value) -> Result<Identification, String> {
    let claim: Identification = read(reply)?;
    if claim.version != VERSION {
        return Err(format!("version: expected {VERSION}, got {}", claim.version));
    }
    if claim.search.among.is_some() {
        return Err(
            "search.among: a search among some subjects is not recomputed; identify without a filter".into(),
        );
    }
    let is_cosine = |score: f32| (-1.0..=1.0).contains(&score);
    let scores = [("threshold", claim.threshold), ("no_match_below", claim.no_match_below)];
    let wrong = scores.into_iter().find(|(_, score)| !is_cosine(*score)).map(|(field, _)| field.to_owned());
    let listed = claim.matches.iter().position(|Match { similarity, .. }| !is_cosine(*similarity));
    let wrong = wrong.or(listed.map(|rank| format!("matches[{rank}].similarity")));
    let best = claim.certificate.max_similarity.filter(|score| !is_cosine(*score));
    let wrong = wrong.or(best.map(|_| "certificate.max_similarity".to_owned()));
    if let Some(field) = wrong {
        return Err(format!("{field}: expected a cosine from -1 to 1"));
    }
    if !(0.0..).contains(&claim.processing_time_ms) {
        return Err("processing_time_ms: expected a time".into());
    }
    Ok(claim)
}

/// A value as a type. The error names the first field of a wrong type.
fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| error.to_string())
}
