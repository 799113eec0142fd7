//! Builds replies from search results.

use super::Policy;
use crate::decision::{Certificate, Decision, Doubt, Threshold, decide, of_photo};
use crate::gallery::Candidates;
use crate::ingest::{Census, EncodedFace, RefusedFace, Skip};
use crate::reply::{Authenticity, Basis, Identification, Match, Model, Probe, Refusal, Searched, VERSION};
use crate::template::{Binding, Template};

/// The reply for a probe. `certificate` belongs to the search that returned `candidates`.
pub(super) fn identification(
    probe: Probe,
    candidates: &Candidates,
    certificate: Certificate,
    (policy, top_k): (&Policy, u32),
    binding: &Binding,
    milliseconds: f64,
) -> Identification {
    let best = candidates.candidates.first().map(|best| best.score);
    let (decision, doubt) = decided(best, &certificate, &policy.threshold, &probe);
    let (subjects, templates) = policy.counts;
    let rate =
        |score| policy.calibration.as_ref().map(|calibration| calibration.false_alarm_rate(score, subjects));
    let matches = candidates.candidates.iter().map(|candidate| Match {
        subject_id: candidate.subject_id,
        subject: candidate.subject.clone(),
        face_id: candidate.template_id,
        similarity: candidate.score,
        distance: 1.0 - candidate.score,
        is_match: policy.threshold.reached(candidate.score),
        false_alarm_rate: rate(candidate.score),
    });
    Identification {
        version: VERSION,
        decision,
        doubt,
        probe,
        matches: matches.collect(),
        threshold: policy.threshold.value,
        no_match_below: policy.threshold.no_match_below,
        calibration: basis(policy),
        certificate,
        search: Searched {
            mode: candidates.mode,
            fusion: policy.search.fusion,
            top_k,
            subjects,
            templates,
            among: None,
        },
        model: Model::from(binding),
        processing_time_ms: milliseconds,
    }
}

fn decided(
    best: Option<f32>,
    certificate: &Certificate,
    threshold: &Threshold,
    probe: &Probe,
) -> (Decision, Option<Doubt>) {
    if let Some(doubt) = probe.authenticity.as_ref().and_then(Authenticity::doubt) {
        return (Decision::Inconclusive, Some(doubt));
    }
    of_photo(decide(best, certificate, threshold), probe.not_looked_at.unwrap_or(0))
}

/// The basis of a policy's threshold.
fn basis(policy: &Policy) -> Basis {
    let mut basis = Basis::from(&policy.threshold);
    let Some(calibration) = &policy.calibration else { return basis };
    let (subjects, templates) = policy.counts;
    basis.nonmated_searches = Some(calibration.maxima.len());
    basis.n_subjects = Some(subjects);
    basis.n_templates = Some(templates);
    basis.fusion = Some(calibration.fusion);
    basis.stale = Some(policy.stale.clone());
    basis.lowest_target = Some(calibration.rarest(subjects));
    if policy.threshold.calibrated.is_none() {
        basis.fpir_ci95 = Some(calibration.fpir_interval(policy.threshold.value, subjects));
    }
    basis
}

/// The probe of a face in a photo.
pub(super) fn face(path: &str, face: &EncodedFace, census: &Census) -> Probe {
    Probe {
        path: path.to_owned(),
        face: Some(face.index),
        faces: Some(census.found),
        not_looked_at: Some(census.not_looked_at),
        bounds: Some(face.provenance.bounds),
        turned: Some(face.provenance.turned),
        quality: Some(face.provenance.quality),
        ..Probe::default()
    }
}

/// The probe of a row in a file.
pub(super) fn row(path: &str, row: u64) -> Probe {
    Probe { path: path.to_owned(), row: Some(row), ..Probe::default() }
}

/// The probe with its template.
pub(super) fn with_template(probe: Probe, template: &Template) -> Probe {
    Probe { template: Some(template.as_slice().to_vec()), ..probe }
}

/// The probes of a photo without templates: one for each refused face, and one for the photo if it was refused for another reason.
pub(super) fn refusals(path: &str, skip: Option<&Skip>, census: &Census, binding: &Binding) -> Vec<Refusal> {
    let of = |skip: &Skip, face: Option<&RefusedFace>| {
        let probe = Probe {
            path: path.to_owned(),
            face: face.map(|face| face.index),
            faces: Some(census.found),
            not_looked_at: Some(census.not_looked_at),
            bounds: face.map(|face| face.bounds),
            reasons: vec![skip.reason],
            detail: Some(skip.detail.clone()),
            ..Probe::default()
        };
        Refusal::new(probe, Model::from(binding))
    };
    let is_listed = |skip: &&Skip| census.refused.iter().any(|face| face.skip == **skip);
    let photo = skip.filter(|skip| !is_listed(skip)).map(|skip| of(skip, None));
    photo.into_iter().chain(census.refused.iter().map(|face| of(&face.skip, Some(face)))).collect()
}
