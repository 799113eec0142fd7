//! Batches: probes of several requests in one pass over the gallery, each with its own threshold, list length and subjects.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use super::answer::{identification, with_template};
use super::error::{Result, SessionError};
use super::{Policy, Session};
use crate::decision::Certificate;
use crate::gallery::{Candidates, Search, Selected};
use crate::reply::{Among, Identification, IdentifyRequest, Probe};
use crate::template::Template;

/// Longest candidate list of a probe that shares a pass with probes that want shorter ones.
const SHORT_LIST: u32 = 64;

/// A probe of a batch.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The probe, for the reply.
    pub probe: &'a Probe,
    /// Its template.
    pub template: &'a Template,
    /// Its request.
    pub request: &'a IdentifyRequest,
    /// The policy for this request, made with [`Session::identification_policy`].
    pub policy: &'a Policy,
}

/// The subjects among whom a probe is searched, at one moment of the gallery.
pub struct Subjects {
    request: Among,
    ids: HashSet<u64>,
    /// Whether `ids` are the only subjects that are searched; otherwise all but these are.
    only: bool,
    selected: Selected,
    /// Number of the subjects, and of their templates.
    counts: (u64, u64),
}

impl std::fmt::Debug for Subjects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subjects")
            .field("request", &self.request)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

impl Subjects {
    /// Number of the subjects, and of their templates.
    pub fn counts(&self) -> (u64, u64) {
        self.counts
    }

    fn passes(&self, subject: u64) -> bool {
        self.ids.contains(&subject) == self.only
    }
}

impl Session {
    /// The subjects of a filter in the present gallery; `None` if the filter leaves nobody out.
    ///
    /// # Errors
    /// A subject or a list is not in the gallery; the gallery failed.
    pub fn among(&self, request: &Among) -> Result<Option<Subjects>> {
        if request.is_everybody() {
            return Ok(None);
        }
        let left_out = self.subject_ids(&request.not_subjects, &request.not_lists)?;
        let only = request.subjects.is_some() || request.lists.is_some();
        let ids = if only {
            let (subjects, lists) = (request.subjects.as_deref(), request.lists.as_deref());
            let given = self.subject_ids(subjects.unwrap_or_default(), lists.unwrap_or_default())?;
            given.difference(&left_out).copied().collect()
        } else {
            left_out
        };
        let passes = |subject: u64| ids.contains(&subject) == only;
        let (selected, templates) = self.gallery().select(&passes)?;
        let subjects = match only {
            true => ids.len() as u64,
            false => self.gallery().counts()?.0.saturating_sub(ids.len() as u64),
        };
        Ok(Some(Subjects { request: request.clone(), ids, only, selected, counts: (subjects, templates) }))
    }

    /// The ids, each of which must be of a subject, and those of the subjects on the lists.
    pub(super) fn subject_ids(&self, ids: &[u64], lists: &[String]) -> Result<HashSet<u64>> {
        for &id in ids {
            if self.gallery().subject_name(id)?.is_none() {
                return Err(SessionError::NoSubject { id });
            }
        }
        let mut all: HashSet<u64> = ids.iter().copied().collect();
        for list in lists {
            all.extend(self.gallery().list(list)?);
        }
        Ok(all)
    }

    /// Identifies templates of several requests in as few passes over the gallery as possible. The replies are in the order of the probes,
    /// and equal those of [`identify_templates`](Self::identify_templates) for each request alone.
    ///
    /// # Errors
    /// A template has another dimension; a list length is 0; the gallery failed.
    pub fn identify_batch(&self, probes: &[Asked<'_>]) -> Result<Vec<Identification>> {
        probes.iter().try_for_each(require)?;
        let mut replies: Vec<Option<Identification>> = probes.iter().map(|_| None).collect();
        let mut left: Vec<usize> = (0..probes.len()).collect();
        while let Some(&first) = left.first() {
            let (together, others) = left.iter().partition(|&&at| shares_a_pass(&probes[first], &probes[at]));
            left = others;
            let started = Instant::now();
            let found = self.found(probes, &together)?;
            let each = started.elapsed().as_secs_f64() * 1e3 / together.len() as f64;
            for (at, candidates) in together.into_iter().zip(found) {
                replies[at] = Some(self.reply(&probes[at], candidates, each));
            }
        }
        Ok(replies.into_iter().flatten().collect())
    }

    /// The candidates for some probes that share a pass.
    fn found(&self, probes: &[Asked<'_>], together: &[usize]) -> Result<Vec<Candidates>> {
        let Some(&first) = together.first() else { return Ok(Vec::new()) };
        let templates: Vec<&Template> = together.iter().map(|&at| probes[at].template).collect();
        let longest = together.iter().map(|&at| probes[at].request.top_k).max().unwrap_or(1) as usize;
        let search: &Search = &probes[first].policy.search;
        let Some(subjects) = &probes[first].policy.subjects else {
            return Ok(self.gallery().identify_all(&templates, longest, search)?);
        };
        if let Some(found) =
            self.gallery().identify_selected(&subjects.selected, &templates, longest, search)?
        {
            return Ok(found);
        }
        loop {
            // A subject was removed after the selection was made.
            let (selected, _) = self.gallery().select(&|subject| subjects.passes(subject))?;
            if let Some(found) = self.gallery().identify_selected(&selected, &templates, longest, search)? {
                return Ok(found);
            }
        }
    }

    fn reply(&self, asked: &Asked<'_>, mut candidates: Candidates, milliseconds: f64) -> Identification {
        let Asked { probe, template, request, policy } = *asked;
        candidates.candidates.truncate(request.top_k as usize);
        let certificate = Certificate::of(&candidates, policy.missed);
        let probe = probe.clone();
        let probe = if request.with_template { with_template(probe, template) } else { probe };
        let binding = self.gallery().binding();
        let asked = (policy, request.top_k);
        let mut reply = identification(probe, &candidates, certificate, asked, binding, milliseconds);
        reply.search.among = policy.subjects.as_ref().map(|subjects| subjects.request.clone());
        reply
    }
}

/// Whether two probes can be searched for in one pass.
fn shares_a_pass(one: &Asked<'_>, other: &Asked<'_>) -> bool {
    let same_subjects = match (&one.policy.subjects, &other.policy.subjects) {
        (None, None) => true,
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        _ => false,
    };
    let long = |asked: &Asked<'_>| Some(asked.request.top_k).filter(|length| *length > SHORT_LIST);
    same_subjects && one.policy.search == other.policy.search && long(one) == long(other)
}

/// Requires a candidate list of at least one place, and a policy for the filter of the request.
fn require(asked: &Asked<'_>) -> Result<()> {
    let Asked { request, policy, .. } = asked;
    if request.top_k == 0 {
        let reason = "expected at least 1 candidate, got 0".into();
        return Err(SessionError::Request { field: "top_k", reason });
    }
    let everybody = Among::default();
    if policy.subjects.as_ref().map_or(&everybody, |subjects| &subjects.request) != &request.among {
        let reason = "the policy is for another filter".into();
        return Err(SessionError::Request { field: "among", reason });
    }
    Ok(())
}
