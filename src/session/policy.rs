//! Policies: how a gallery is searched, and which threshold decides.

use std::sync::Arc;

use super::error::{Result, SessionError};
use super::{Session, Subjects};
use crate::calibration::{Calibration, CalibrationError};
use crate::decision::{Missed, Threshold};
use crate::experiment::Parsed;
use crate::gallery::{Gallery, Mode, Search, mode_name};
use crate::reply::{DecisionRequest, IdentifyRequest, Proof, SearchRequest, Way};

/// The miss probability at the threshold that [`Proof::Bounded`] allows.
pub const DELTA: f64 = 1e-5;

/// A search, a threshold, and their basis.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The search.
    pub search: Search,
    /// The threshold.
    pub threshold: Threshold,
    /// The calibration of the gallery, if it has one for this fusion.
    pub calibration: Option<Arc<Calibration>>,
    /// Why the calibration is out of date, in words; empty if it is up to date.
    pub stale: Vec<String>,
    /// The subjects that are searched; `None`: all.
    pub subjects: Option<Arc<Subjects>>,
    /// Number of the subjects that are searched, and of their templates.
    pub counts: (u64, u64),
    /// The miss rate of this search in an audit.
    pub missed: Option<Missed>,
}

/// The search for a request. Without a requested fusion, it has the fusion of `calibration`.
///
/// # Errors
/// A certificate is required from a graph; the width is outside its range.
pub fn search(request: &SearchRequest, calibration: Option<&Calibration>) -> Result<Search> {
    if request.way == Way::Graph && request.certify.is_some() {
        return Err(SessionError::GraphProvesNothing);
    }
    if !(1..=100_000).contains(&request.width) {
        let reason = format!("expected 1 to 100000 nodes, got {}", request.width);
        return Err(SessionError::Request { field: "width", reason });
    }
    let (mode, miss) = match (request.way, request.certify) {
        (Way::Exact, _) => (Mode::Exact, None),
        (Way::Graph, _) => (Mode::Graph { width: request.width as usize }, None),
        (Way::Scan, Some(Proof::Exact)) | (Way::Auto, Some(Proof::Exact) | None) => (Mode::Auto, None),
        (Way::Scan, _) | (Way::Auto, Some(Proof::Bounded)) => (Mode::Scan, Some(DELTA)),
    };
    let fusion = request.fusion.or(calibration.map(|calibration| calibration.fusion)).unwrap_or_default();
    Ok(Search { mode, miss, recall: None, fusion })
}

impl Session {
    /// The policy for a request in the present gallery. Calibrations and audits that were read before are remembered, so it does not
    /// wait for a running write.
    ///
    /// # Errors
    /// There is no threshold; a target rate that the calibration cannot estimate; a request that contradicts itself; the catalog failed.
    pub fn policy(&self, search: &SearchRequest, decision: &DecisionRequest) -> Result<Policy> {
        policy(self.gallery(), &self.documents, (search, decision), None)
    }

    /// The policy for an identification, with the subjects of its filter.
    ///
    /// # Errors
    /// As [`policy`](Self::policy); a subject or a list is not in the gallery.
    pub fn identification_policy(&self, request: &IdentifyRequest) -> Result<Policy> {
        self.policy_among(request, self.among(&request.among)?.map(Arc::new))
    }

    /// As [`identification_policy`](Self::identification_policy), with the subjects of its filter, which [`among`](Self::among) has selected.
    /// The threshold is that for their number.
    ///
    /// # Errors
    /// As [`policy`](Self::policy).
    pub fn policy_among(&self, request: &IdentifyRequest, subjects: Option<Arc<Subjects>>) -> Result<Policy> {
        policy(self.gallery(), &self.documents, (&request.search, &request.decision), subjects)
    }
}

pub(super) fn policy(
    gallery: &Gallery,
    documents: &Parsed,
    (request, decision): (&SearchRequest, &DecisionRequest),
    subjects: Option<Arc<Subjects>>,
) -> Result<Policy> {
    let counts = subjects.as_ref().map_or_else(|| gallery.counts(), |subjects| Ok(subjects.counts()))?;
    if !decision.threshold.is_empty() && !decision.target_fpir.is_empty() {
        let reason = "a threshold is given, and a target FPIR too: expected one of them".into();
        return Err(SessionError::Request { field: "threshold", reason });
    }
    require_rates(&decision.target_fpir)?;
    let needs_one = !decision.target_fpir.is_empty();
    let found = match documents.calibration(gallery, request.fusion) {
        Ok(None) if needs_one => {
            let fusion = request.fusion.map(|fusion| format!(" for fusion {}", fusion.name()));
            return Err(CalibrationError::Missing(fusion.unwrap_or_default()).into());
        }
        Err(error) if !decision.threshold.is_empty() => {
            tracing::warn!(%error, "the threshold given is used without a calibration");
            None
        }
        found => found?,
    };
    let (id, calibration) = found.map_or((0, None), |(id, calibration)| (id, Some(calibration)));
    let threshold = match (&decision.threshold[..], &calibration) {
        ([], Some(calibration)) if needs_one || !calibration.targets.is_empty() => {
            let first = calibration.targets.get(..1).unwrap_or_default();
            let targets = if needs_one { &decision.target_fpir[..] } else { first };
            if targets.len() > 2 {
                let reason = format!("expected one or two rates, got {}", targets.len());
                return Err(SessionError::Request { field: "target_fpir", reason });
            }
            calibration.threshold(id, targets, counts.0)?
        }
        ([], _) => Threshold::uncalibrated(gallery.binding()).ok_or(SessionError::NoThreshold)?,
        (given, _) => given_threshold(given)?,
    };
    let stale = calibration.as_ref().map(|one| one.stale(counts.0, counts.1)).unwrap_or_default();
    let search = search(request, calibration.as_deref())?;
    let missed = match search.mode {
        Mode::Graph { .. } => documents.audited(gallery, &mode_name(search.mode))?,
        _ => None,
    };
    Ok(Policy { search, threshold, calibration, stale, subjects, counts, missed })
}

/// One threshold, or two in ascending order.
fn given_threshold(given: &[f32]) -> Result<Threshold> {
    let refused = |reason: String| SessionError::Request { field: "threshold", reason };
    if let Some(wrong) = given.iter().find(|score| !(-1.0..=1.0).contains(*score)) {
        return Err(refused(format!("expected cosines from -1 to 1, got {wrong}")));
    }
    match *given {
        [one] => Ok(Threshold::given(one, one)),
        [low, high] if (low, high) == (0.0, 1.0) => Err(SessionError::Thresholds {
            low,
            high,
            reason: "every score from 0 to 1 would be inconclusive; a single score has a decimal point: 0.1",
        }),
        [low, high] if low >= high => {
            let reason = "expected the lower score first; between the two the decision is inconclusive";
            Err(SessionError::Thresholds { low, high, reason })
        }
        [low, high] => Ok(Threshold::given(low, high)),
        _ => Err(refused(format!("expected one or two scores, got {}", given.len()))),
    }
}

/// Requires target error rates that are rates, each once.
///
/// # Errors
/// [`SessionError::Request`] for the first that is not.
pub fn require_rates(targets: &[f64]) -> Result<()> {
    for (at, target) in targets.iter().enumerate() {
        let reason = match target {
            _ if !(*target > 0.0 && *target < 1.0) => {
                format!("expected rates above 0 and below 1, got {target}")
            }
            _ if targets[..at].contains(target) => format!("{target} is given twice"),
            _ => continue,
        };
        return Err(SessionError::Request { field: "target_fpir", reason });
    }
    Ok(())
}
