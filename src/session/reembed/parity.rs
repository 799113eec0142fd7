//! How a gallery and its successor recognise the same people: each template of a person with several is searched for among all others.

use std::collections::HashMap;

use super::super::error::Result;
use super::super::{Control, Policy, Session, Stopped};
use crate::gallery::{GalleryError, View};
use crate::reply::{DecisionRequest, ParityOfGallery, ReembedParity, SearchRequest};
use crate::session::SessionError;
use crate::template::Template;

/// Most searches in each gallery.
const MOST: usize = 10_000;
/// Searches between two looks at the stop flag.
const BLOCK: u64 = 32;

/// A gallery that is searched.
struct Side<'a> {
    session: &'a Session,
    view: View,
    policy: Option<Policy>,
    rank1: u64,
    accepted: u64,
}

/// Compares two galleries by the templates that both have, given as ids and subjects. `None`: no subject has two. The inner error means that it was
/// stopped.
///
/// # Errors
/// A gallery failed; a calibration cannot be read.
pub(super) fn compare(
    [before, after]: [&Session; 2],
    templates: &[(u64, u64)],
    control: &Control<'_>,
) -> Result<Result<Option<ReembedParity>, Stopped>> {
    let mut of: HashMap<u64, u64> = HashMap::new();
    templates.iter().for_each(|(_, subject)| *of.entry(*subject).or_default() += 1);
    let eligible: Vec<(u64, u64)> =
        templates.iter().filter(|(_, subject)| of[subject] > 1).copied().collect();
    if eligible.is_empty() {
        return Ok(Ok(None));
    }
    let probes = eligible.len().min(MOST);
    let chosen = (0..probes).map(|at| eligible[at * eligible.len() / probes]);
    let mut sides = [Side::of(before)?, Side::of(after)?];
    let mut same_first = 0;
    for (done, (id, subject)) in (0..).zip(chosen) {
        if done % BLOCK == 0 {
            if control.is_stopped() {
                return Ok(Err(Stopped { looked_at: done, total: probes as u64, unit: "search" }));
            }
            control.report("faces compared", done, Some(probes as u64));
        }
        let [one, other] = &mut sides;
        let first = [one.search(id, subject)?, other.search(id, subject)?];
        same_first += u64::from(first[0] == first[1]);
    }
    let [before, after] = sides.map(Side::counted);
    let people = of.values().filter(|templates| **templates > 1).count() as u64;
    let (eligible, probes) = (eligible.len() as u64, probes as u64);
    Ok(Ok(Some(ReembedParity { people, eligible, probes, same_first, before, after })))
}

impl<'a> Side<'a> {
    fn of(session: &'a Session) -> Result<Self> {
        let policy = match session.policy(&SearchRequest::default(), &DecisionRequest::default()) {
            Err(SessionError::NoThreshold | SessionError::Calibration(_)) => None,
            policy => Some(policy?),
        };
        Ok(Self { session, view: session.gallery().view()?, policy, rank1: 0, accepted: 0 })
    }

    /// Searches for a template of `subject` among all others, and returns the first candidate.
    fn search(&mut self, id: u64, subject: u64) -> Result<Option<u64>> {
        let gallery = self.session.gallery();
        let row = self.view.get(id).map_err(GalleryError::from)?;
        let probe = row.and_then(|row| Template::from_raw(&row.vector).ok());
        let probe = probe.ok_or(GalleryError::UnknownTemplate { id })?;
        let search = self.policy.as_ref().map(|policy| policy.search).unwrap_or_default();
        let ranking = gallery.rank_left_out(&self.view, &probe, Some(id), 1, &search)?;
        let first = ranking.subjects.first().map(|(subject, ..)| *subject);
        self.rank1 += u64::from(first == Some(subject));
        let vector = probe.as_slice();
        let own = gallery.score_left_out(&self.view, vector, subject, Some(id), search.fusion)?;
        let threshold = self.policy.as_ref().map(|policy| policy.threshold.value);
        self.accepted += u64::from(own.zip(threshold).is_some_and(|(score, threshold)| score >= threshold));
        Ok(first)
    }

    fn counted(self) -> ParityOfGallery {
        let Self { policy, rank1, accepted, .. } = self;
        ParityOfGallery {
            rank1,
            accepted,
            threshold: policy.as_ref().map(|policy| policy.threshold.value),
            calibrated: policy.is_some_and(|policy| policy.threshold.calibrated.is_some()),
        }
    }
}
