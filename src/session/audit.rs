//! Audits: misses of a search, duplicate subjects, and photos of other people.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{Result, SessionError};
use super::{Control, Policy, Session, Stopped};
use crate::audit::Audit;
use crate::experiment::{Auditor, Probe, record};
use crate::reply::{PhotoRequest, RowSkipped};
use crate::template::Template;

/// The request for an audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRequest {
    /// The mated probes.
    pub mated: Mated,
    /// Most probes, and most stored templates to search for.
    pub sample: u32,
    /// Seed of the random choices.
    pub seed: u64,
    /// Largest share of searches in which an approximate search may miss the mate, 0 to 1.
    pub max_loss: f64,
    /// Score at which two subjects are listed as possible duplicates. `None`: above the scores of different people.
    pub doubles_above: Option<f32>,
    /// Length of the candidate list.
    pub top_k: u32,
    /// Which photos and faces are used.
    pub photos: PhotoRequest,
    /// Whether invalid rows are skipped; otherwise they are an error.
    pub skip_invalid: bool,
}

/// The mated probes of an audit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mated {
    /// The gallery's own templates, each without itself.
    #[default]
    Own,
    /// A folder with one folder of photos per subject, or a file of vectors with the names of its rows.
    Given(PathBuf, Option<PathBuf>),
    /// Templates with the names of their subjects.
    Probes(Vec<(Template, String)>),
}

/// An audit, and remarks about its probes.
#[derive(Debug, Clone, PartialEq)]
pub struct Audited {
    /// The audit.
    pub audit: Audit,
    /// Probe photos with more than one face. The largest was used.
    pub several: u64,
    /// Skipped rows.
    pub invalid: Vec<RowSkipped>,
}

/// Mated probes with the names of their subjects.
#[derive(Default)]
struct Given {
    probes: Vec<(Template, String)>,
    several: u64,
    invalid: Vec<RowSkipped>,
}

impl Session {
    /// Audits the search of a policy. The inner error means that the audit was stopped.
    ///
    /// # Errors
    /// A probe has no subject in the gallery; the probes cannot be read; the gallery failed.
    pub fn audit(
        &self,
        request: &AuditRequest,
        policy: &Policy,
        control: &Control<'_>,
    ) -> Result<Result<Audited, Stopped>> {
        let given = match &request.mated {
            Mated::Own => Given::default(),
            Mated::Probes(probes) => {
                for (at, (_, person)) in probes.iter().enumerate() {
                    self.mated_subject(Some(person), &format!("probe {at}"))?;
                }
                Given { probes: probes.clone(), ..Given::default() }
            }
            Mated::Given(path, names) => match self.mates(request, (path, names.as_deref()), control)? {
                Ok(given) => given,
                Err(stopped) => return Ok(Err(stopped)),
            },
        };
        let at = Cell::new((0, 0));
        let progress = |what, done: usize, of: usize| {
            at.set((done as u64, of as u64));
            control.report(what, done as u64, Some(of as u64));
        };
        let auditor = Auditor {
            gallery: self.gallery(),
            search: policy.search,
            threshold: policy.threshold.value,
            top_k: request.top_k as usize,
            sample: request.sample as usize,
            seed: request.seed,
            bound: request.max_loss,
            doubles_above: request.doubles_above,
            progress: &progress,
            stop: control.stop,
        };
        let Given { probes, several, invalid } = given;
        let audit = auditor.run(&probes)?;
        let (looked_at, total) = at.get();
        let stopped = Stopped { looked_at, total, unit: "search" };
        Ok(audit.map(|audit| Audited { audit, several, invalid }).ok_or(stopped))
    }

    /// Stores the miss rate that the audit measured. Later certificates of this search state it.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn keep_audit(&self, audit: &Audit) -> Result<()> {
        Ok(record::keep_audit(self.gallery(), audit)?)
    }

    fn mates(
        &self,
        request: &AuditRequest,
        (path, names): (&Path, Option<&Path>),
        control: &Control<'_>,
    ) -> Result<Result<Given, Stopped>> {
        let source = self.probe_source((path, names), (&request.photos, request.skip_invalid), control);
        for photo in source.listed()?.into_iter().flatten() {
            self.mated_subject(photo.person.as_deref(), &photo.name)?;
        }
        let read = match source.read()? {
            Ok(read) => read,
            Err(stopped) => return Ok(Err(stopped)),
        };
        let named = |probe: Probe| {
            self.mated_subject(probe.person.as_deref(), &probe.name)?;
            Ok((probe.template, probe.person.unwrap_or_default()))
        };
        let probes = read.probes.into_iter().map(named).collect::<Result<_>>()?;
        Ok(Ok(Given { probes, several: read.several, invalid: read.invalid }))
    }

    /// The id of the subject in the mated probe `name`.
    ///
    /// # Errors
    /// The person is not known, or is not in the gallery.
    pub fn mated_subject(&self, person: Option<&str>, name: &str) -> Result<u64> {
        let person = person.ok_or_else(|| SessionError::NoPerson(name.to_owned()))?;
        let unknown = |error| {
            SessionError::Input(format!("{name}: mated probes are of people in the gallery: {error}"))
        };
        Ok(self.gallery().subject(person).map_err(unknown)?.id)
    }
}
