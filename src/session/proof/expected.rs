//! Computes a reply again from the gallery and compares it with the given reply.

use std::sync::Arc;

use serde_json::Value;

use super::compare::{EXACT, PROCESSED_AGAIN, Problems, as_read};
use super::probe::ProbeSource;
use crate::decision::certificate::Kind;
use crate::decision::{Certificate, Decision, Missed, Origin, Threshold};
use crate::experiment::brute_force::{Question, SAME, Truth};
use crate::experiment::record;
use crate::gallery::{Candidate, Candidates, Gallery, Mode, Proof, Search, mode_name};
use crate::reply::{Basis, Identification, Match};
use crate::session::answer::identification;
use crate::session::error::Result;
use crate::session::policy::{DELTA, Policy};
use crate::template::Template;

/// Most subjects in a message.
const NAMED: usize = 3;
/// Fields that depend on the request, or on the time of the search.
const ALWAYS_UNPROVEN: [&str; 2] = ["processing_time_ms", "search.top_k"];

/// A reply, as JSON and as a type, and its probe.
pub struct Case {
    pub reply: Value,
    pub claim: Identification,
    pub probe: ProbeSource,
    pub template: Template,
}

impl Case {
    /// The question for brute force: which subjects are missing in the candidate list. A bounded search promises nothing below the
    /// threshold, and an approximate search nothing at all. A short list is found elsewhere.
    pub fn question(&self, subjects: u64) -> Question<'_> {
        let claim = &self.claim;
        let listed: Vec<u64> = claim.matches.iter().map(|one| one.subject_id).collect();
        let last = claim.matches.last().map_or(f32::NEG_INFINITY, |one| one.similarity);
        let full = listed.len() >= claim.search.top_k as usize;
        let least = match claim.certificate.kind {
            _ if listed.len() as u64 == subjects => f32::INFINITY,
            Kind::Exact => last,
            Kind::Bounded if full => last.max(claim.no_match_below),
            Kind::Bounded => claim.no_match_below,
            Kind::Sampled | Kind::None => f32::INFINITY,
        };
        Question { probe: &self.template, fusion: self.claim.search.fusion, listed, least: least + SAME }
    }

    /// The problems of the reply, and its unverified fields.
    pub fn check(&self, gallery: &Gallery, truth: &Truth) -> Result<(Vec<String>, Vec<String>)> {
        let mut problems = Problems::default();
        let mut unproven: Vec<String> = ALWAYS_UNPROVEN.map(str::to_owned).into();
        let candidates = self.candidates(gallery, truth, &mut problems)?;
        self.complete(gallery, truth, &mut problems)?;
        let policy = self.policy(gallery, &mut problems, &mut unproven)?;
        let certificate = self.certificate(gallery, truth, &mut problems, &mut unproven)?;
        if self.claim.decision == Decision::NoMatch && !certificate.proves_absence() {
            problems.add(
                "the reply is no_match, but its certificate does not guarantee that no subject was missed",
            );
        }
        let candidates = Candidates {
            candidates,
            searched: certificate.searched,
            max_score: certificate.max_similarity,
            certificate: Proof::None, // from the index; the reply may state another one
            mode: self.claim.search.mode,
        };
        let asked = (&policy, self.claim.search.top_k);
        let (binding, time) = (gallery.binding(), self.claim.processing_time_ms);
        let probe = self.probe.probe(&self.claim.probe);
        let expected = as_read(&identification(probe, &candidates, certificate, asked, binding, time));
        problems.compare("", &self.reply, &expected, EXACT, &|path| path == "probe");
        self.probe.compare(&self.reply["probe"], &expected["probe"], &mut problems, &mut unproven);
        Ok((problems.into_lines(), unproven))
    }

    /// The expected candidates: those of the list with their known fields. Scores within the tolerance are copied from the reply.
    fn candidates(
        &self,
        gallery: &Gallery,
        truth: &Truth,
        problems: &mut Problems,
    ) -> Result<Vec<Candidate>> {
        let mut candidates: Vec<Candidate> = Vec::with_capacity(self.claim.matches.len());
        for (rank, listed) in self.claim.matches.iter().enumerate() {
            let &Match { subject_id: subject, face_id: template, similarity, .. } = listed;
            let known = truth.of(subject).zip(gallery.subject_name(subject)?);
            let Some((standing, name)) = known else {
                problems.add(format!("matches[{rank}]: subject {subject} is not in the gallery"));
                continue;
            };
            let score = if (standing.score - similarity).abs() <= SAME { similarity } else { standing.score };
            if candidates.iter().any(|other| other.subject_id == subject) {
                problems.add(format!("matches[{rank}]: subject {subject} is listed twice"));
            }
            if candidates.last().is_some_and(|better| better.score < score - SAME) {
                problems.add(format!("matches[{rank}]: its score is higher than the previous one"));
            }
            let best = standing.templates.first().copied().unwrap_or_default();
            let template_id = if standing.templates.contains(&template) { template } else { best };
            candidates.push(Candidate { subject_id: subject, subject: name, template_id, score });
        }
        Ok(candidates)
    }

    /// Requires that no subject is missing in the list, and that the list has the requested length.
    fn complete(&self, gallery: &Gallery, truth: &Truth, problems: &mut Problems) -> Result<()> {
        let claim = &self.claim;
        let wanted = gallery.counts()?.0.min(claim.search.top_k.into());
        let length = claim.matches.len() as u64;
        if length > wanted || (length < wanted && claim.certificate.kind == Kind::Exact) {
            problems.add(format!("matches: {length} candidates, expected {wanted}"));
        }
        let missed: Vec<String> = truth
            .subjects
            .iter()
            .filter(|standing| claim.matches.iter().all(|listed| listed.subject_id != standing.subject))
            .map(|standing| format!("{} ({:.6})", standing.subject, standing.score))
            .collect();
        if !missed.is_empty() {
            let (named, kind) = (missed[..missed.len().min(NAMED)].join(", "), claim.certificate.kind);
            problems.add(format!(
                "the certificate is {kind:?}, but {} subjects were missed: {named}",
                missed.len()
            ));
        }
        Ok(())
    }

    /// Computes the thresholds from the stated basis.
    fn policy(
        &self,
        gallery: &Gallery,
        problems: &mut Problems,
        unproven: &mut Vec<String>,
    ) -> Result<Policy> {
        let claim = &self.claim;
        let counts = gallery.counts()?;
        let found = match record::calibration(gallery, Some(claim.search.fusion)) {
            Err(_) if claim.calibration.origin == Origin::User => None, // `identify` also continues without it
            found => found?,
        };
        let (id, calibration) =
            found.map_or((0, None), |(id, calibration)| (id, Some(Arc::new(calibration))));
        let of_model = Threshold::uncalibrated(gallery.binding());
        let threshold = match (claim.calibration.origin, &calibration) {
            (Origin::User, _) => {
                unproven.extend(["threshold", "no_match_below"].map(str::to_owned));
                Some(Threshold::given(claim.threshold, claim.no_match_below))
            }
            (_, Some(calibration)) => {
                unproven.push("calibration.target_fpir".into());
                let first = calibration.targets.get(..1).unwrap_or_default();
                let claimed = targets(&claim.calibration);
                let targets = if claimed.is_empty() { first } else { &claimed[..] };
                match calibration.threshold(id, targets, counts.0) {
                    Ok(threshold) => Some(threshold),
                    Err(error) => {
                        problems.add(format!("calibration: {error}"));
                        of_model
                    }
                }
            }
            (_, None) => of_model,
        };
        let threshold = threshold.unwrap_or_else(|| {
            problems.add("threshold: this gallery has no threshold and no calibration");
            Threshold::given(claim.threshold, claim.no_match_below)
        });
        let stale = calibration.as_ref().map(|one| one.stale(counts.0, counts.1)).unwrap_or_default();
        let search = Search { mode: claim.search.mode, fusion: claim.search.fusion, ..Search::default() };
        Ok(Policy { search, threshold, calibration, stale, subjects: None, counts, missed: None })
    }

    /// The certificate that this search can have.
    fn certificate(
        &self,
        gallery: &Gallery,
        truth: &Truth,
        problems: &mut Problems,
        unproven: &mut Vec<String>,
    ) -> Result<Certificate> {
        let claim = &self.claim;
        let approximate = matches!(claim.search.mode, Mode::Graph { .. });
        let missed: Option<Missed> =
            if approximate { record::audited(gallery, &mode_name(claim.search.mode))? } else { None };
        let possible: &[Kind] = match claim.search.mode {
            Mode::Graph { .. } if missed.is_some() => &[Kind::Sampled],
            Mode::Graph { .. } => &[Kind::None],
            Mode::Scan => &[Kind::Exact, Kind::Bounded],
            _ => &[Kind::Exact],
        };
        if !possible.contains(&claim.certificate.kind) {
            problems.add(format!(
                "certificate.kind: search {} cannot prove {:?}, expected {:?}",
                mode_name(claim.search.mode),
                claim.certificate.kind,
                possible[0]
            ));
        }
        let delta = (claim.certificate.kind == Kind::Bounded).then(|| {
            unproven.push("certificate.delta".into());
            claim.certificate.delta.filter(|delta| *delta > 0.0 && *delta <= DELTA).unwrap_or(DELTA)
        });
        let searched = if approximate {
            unproven.push("certificate.searched".into());
            claim.certificate.searched
        } else {
            gallery.view()?.len() as u64
        };
        let listed = claim.matches.first().map(|best| best.similarity);
        let agrees = match (claim.certificate.max_similarity, truth.best) {
            (Some(claimed), Some(best)) if claim.certificate.kind == Kind::Exact => {
                (claimed - best).abs() <= SAME
            }
            (Some(claimed), Some(best)) => {
                claimed <= best + SAME && listed.is_none_or(|listed| claimed >= listed - SAME)
            }
            (claimed, best) => claimed.is_none() && best.is_none(),
        };
        Ok(Certificate {
            kind: claim.certificate.kind,
            delta,
            missed,
            searched,
            max_similarity: if agrees { claim.certificate.max_similarity } else { truth.best },
            complete: claim.certificate.kind >= Kind::Bounded,
        })
    }
}

/// The target rates of a reply: for a match, and for no match if there are two.
fn targets(basis: &Basis) -> Vec<f64> {
    basis.target_fpir.into_iter().chain(basis.no_match.as_ref().map(|point| point.target_fpir)).collect()
}

impl ProbeSource {
    /// Compares the fields of the probe. If only its template is known, the other fields are not verified.
    fn compare(
        &self,
        claimed: &Value,
        expected: &Value,
        problems: &mut Problems,
        unproven: &mut Vec<String>,
    ) {
        match self {
            Self::Given => {
                const KNOWN: [&str; 9] = [
                    "path",
                    "row",
                    "face",
                    "faces",
                    "not_looked_at",
                    "bounds",
                    "quality",
                    "turned",
                    "template",
                ];
                for (field, value) in claimed.as_object().into_iter().flatten() {
                    match field.as_str() {
                        "template" => {}
                        "reasons" if *value == serde_json::json!([]) => {}
                        "reasons" => {
                            problems.add("probe.reasons: must be empty for a probe that was searched for")
                        }
                        known if KNOWN.contains(&known) => unproven.push(format!("probe.{known}")),
                        _ => problems.add(format!("probe.{field}: unexpected field")),
                    }
                }
            }
            Self::Photo { .. } | Self::Row { .. } => {
                if matches!(self, Self::Photo { .. }) {
                    unproven.push("probe.not_looked_at".into());
                }
                problems.compare("probe", claimed, expected, PROCESSED_AGAIN, &|_| false);
            }
        }
    }
}
