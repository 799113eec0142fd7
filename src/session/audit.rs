//! Audits: what a way to search misses, people who are in a gallery twice, photos of other people.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use super::error::{Result, SessionError};
use super::probes::Source;
use super::{Control, Policy, Session, Stopped};
use crate::audit::Audit;
use crate::experiment::{Auditor, Probe, record};
use crate::reply::{PhotoRequest, RowSkipped};
use crate::template::Template;

/// An audit of a gallery.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRequest {
    /// Probes of people who are in the gallery: a folder of their folders of photos, or a file of vectors with the names of its rows.
    /// `None`: the gallery's own templates.
    pub mated: Option<(PathBuf, Option<PathBuf>)>,
    /// The most probes, and templates that are examined.
    pub sample: u32,
    /// The seed of every random choice.
    pub seed: u64,
    /// The share of searches in which an approximate search may miss the mate.
    pub max_loss: f64,
    /// The score at which two subjects are listed as doubles. `None`: above the scores of strangers.
    pub doubles_above: Option<f32>,
    /// Length of the candidate lists.
    pub top_k: u32,
    /// Which photos and faces count.
    pub photos: PhotoRequest,
    /// Whether rows that are no templates are left out.
    pub skip_invalid: bool,
}

/// An audit, and what there is to say about its probes.
#[derive(Debug, Clone, PartialEq)]
pub struct Audited {
    /// The audit.
    pub audit: Audit,
    /// Probe photos with more than one face, of which the largest was taken.
    pub several: u64,
    /// Rows that were left out.
    pub invalid: Vec<RowSkipped>,
}

/// Mated probes with the names of their people.
struct Given {
    probes: Vec<(Template, String)>,
    several: u64,
    invalid: Vec<RowSkipped>,
}

impl Session {
    /// Audits the way to search of a policy. The inner error says that it was stopped.
    ///
    /// # Errors
    /// A probe without the name of a subject; the probes cannot be read; the gallery failed.
    pub fn audit(
        &self,
        request: &AuditRequest,
        policy: &Policy,
        control: &Control<'_>,
    ) -> Result<Result<Audited, Stopped>> {
        let given = match &request.mated {
            None => Given { probes: Vec::new(), several: 0, invalid: Vec::new() },
            Some((path, names)) => match self.mates(request, (path, names.as_deref()), control)? {
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

    /// Keeps what an audit found that its way to search misses: certificates of approximate searches state it from then on.
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
        let source = Source {
            path,
            names,
            dimension: Some(self.gallery().binding().dimension),
            networks: self.networks(),
            photos: &request.photos,
            skip_invalid: request.skip_invalid,
            control: *control,
        };
        for photo in source.listed()?.into_iter().flatten() {
            self.mate(photo.person.as_deref(), &photo.name)?;
        }
        let read = match source.read()? {
            Ok(read) => read,
            Err(stopped) => return Ok(Err(stopped)),
        };
        let named = |probe: Probe| {
            self.mate(probe.person.as_deref(), &probe.name)?;
            Ok((probe.template, probe.person.unwrap_or_default()))
        };
        let probes = read.probes.into_iter().map(named).collect::<Result<_>>()?;
        Ok(Ok(Given { probes, several: read.several, invalid: read.invalid }))
    }

    /// The subject that the mated probe `name` shows.
    ///
    /// # Errors
    /// Its person is not known, or not in the gallery.
    pub fn mate(&self, person: Option<&str>, name: &str) -> Result<u64> {
        let person = person.ok_or_else(|| SessionError::NoPerson(name.to_owned()))?;
        let unknown = |error| {
            SessionError::Input(format!("{name}: mated probes are of people in the gallery: {error}"))
        };
        Ok(self.gallery().subject(person).map_err(unknown)?.id)
    }
}
