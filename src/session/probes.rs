//! Probes from photos or from a file of vectors, with the names of their people where they are known.

use std::path::Path;

use super::error::{Result, SessionError};
use super::{Control, Session, Stopped, engine};
use crate::experiment::Probe;
use crate::gallery::{GalleryError, Name};
use crate::ingest::{self, Faces, Finding, Input, Outcome, survey, walk};
use crate::reason::Reason;
use crate::reply::{PhotoRequest, RowSkipped};
use crate::template::{Binding, TemplateError};
use crate::vectors::{BLOCK, STANDARD_INPUT, VectorFile, read_names};
use engine::Networks;

/// Probes, and photos without a usable face.
#[derive(Debug, Default)]
pub struct Probes {
    /// The probes.
    pub probes: Vec<Probe>,
    /// Photos without a usable face.
    pub failed: Vec<Failed>,
    /// Photos with more than one face. The largest was used.
    pub several: u64,
    /// Skipped rows of a file.
    pub invalid: Vec<RowSkipped>,
}

/// A photo without a usable face.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The person in the photo according to its folder.
    pub person: Option<String>,
    /// Its path.
    pub name: String,
    /// The reason, in words.
    pub reason: String,
}

/// A photo before decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its path.
    pub name: String,
    /// The folder of the photo, which is the name of its person.
    pub person: Option<String>,
}

/// A source of probes.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// A `.npy` file with one probe per row, or a folder of photos. The largest face of each photo is used. The person of a photo is the
    /// folder directly below the given folder.
    pub path: &'a Path,
    /// Names of the people in a `.npy` file, one per row.
    pub names: Option<&'a Path>,
    /// The model that templates in a `.npy` file must be of, if it is known.
    pub binding: Option<&'a Binding>,
    /// The networks. They are loaded only for photos.
    pub networks: &'a Networks,
    /// Which photos and faces are used. The largest face of a photo is always used.
    pub photos: &'a PhotoRequest,
    /// Whether invalid rows are skipped; otherwise they are an error.
    pub skip_invalid: bool,
    /// Stops the reading and reports its progress.
    pub control: Control<'a>,
}

/// Whether a path is a file of vectors or the standard input. NumPy archives are included; opening one is an error with advice.
pub fn is_vectors(path: &Path) -> bool {
    let is = |extension: &str| path.extension().is_some_and(|given| given.eq_ignore_ascii_case(extension));
    path.as_os_str() == STANDARD_INPUT || is("npy") || is("npz")
}

/// Opens a file of vectors and checks every row. Returns the invalid rows; [`VectorFile::valid`] skips them.
///
/// # Errors
/// The file cannot be read; [`SessionError::BadRow`] if a row is invalid and `skip_invalid` is false.
pub fn open_rows(path: &Path, skip_invalid: bool) -> Result<(VectorFile, Vec<RowSkipped>)> {
    let file = VectorFile::open_or_standard_input(path)?;
    let mut invalid = Vec::new();
    for first in (0..file.rows).step_by(BLOCK) {
        for (row, template) in (first..).zip(file.block(first, BLOCK)?) {
            match template {
                Ok(_) => {}
                Err(error) if skip_invalid => invalid.push(left_out(path, row, &error)),
                Err(error) => return Err(SessionError::BadRow(file.bad_row(row, error))),
            }
        }
    }
    Ok((file, invalid))
}

fn left_out(path: &Path, row: u64, error: &TemplateError) -> RowSkipped {
    let (path, detail) = (path.to_string_lossy().into_owned(), error.to_string());
    RowSkipped { path, row, reason: error.reason(), detail }
}

impl Session {
    /// Probes for the gallery, from a folder of photos or from a file of vectors with the names of its rows.
    pub(super) fn probe_source<'a>(
        &'a self,
        (path, names): (&'a Path, Option<&'a Path>),
        (photos, skip_invalid): (&'a PhotoRequest, bool),
        control: &Control<'a>,
    ) -> Source<'a> {
        let (binding, networks) = (Some(self.gallery().binding()), self.networks());
        Source { path, names, binding, networks, photos, skip_invalid, control: *control }
    }
}

impl Source<'_> {
    fn require(&self) -> Result<()> {
        if self.path.as_os_str() == STANDARD_INPUT || self.path.exists() {
            return Ok(());
        }
        Err(SessionError::Input(format!("{}: no such file or folder", self.path.display())))
    }

    /// The photos of the folder, before any is decoded; `None` for a file of vectors.
    ///
    /// # Errors
    /// There is no such folder, or no photo in it.
    pub fn listed(&self) -> Result<Option<Vec<Listed>>> {
        self.require()?;
        if is_vectors(self.path) {
            return Ok(None);
        }
        let listed: Vec<Listed> = walk(&[self.path.to_owned()])
            .map(|input| Listed { name: input.path.to_string_lossy().into_owned(), person: person(&input) })
            .collect();
        if listed.is_empty() {
            return Err(SessionError::NothingUsable(format!(
                "{}: the folder contains no photo",
                self.path.display()
            )));
        }
        Ok(Some(listed))
    }

    /// Reads all probes. The inner error means that it was stopped.
    ///
    /// # Errors
    /// There is no such file or folder; it contains no usable probe; the machine failed while a photo was processed.
    pub fn read(&self) -> Result<Result<Probes, Stopped>> {
        self.require()?;
        let read = if is_vectors(self.path) { Ok(self.vectors()?) } else { self.looked_at()? };
        if let Ok(Probes { probes, failed, .. }) = &read
            && probes.is_empty()
        {
            let first =
                failed.first().map(|one| format!(": {}: {}", one.name, one.reason)).unwrap_or_default();
            let nothing = format!("{}: no usable probe{first}", self.path.display());
            return Err(SessionError::NothingUsable(nothing));
        }
        Ok(read)
    }

    fn vectors(&self) -> Result<Probes> {
        let (file, invalid) = open_rows(self.path, self.skip_invalid)?;
        if let Some(binding) = self.binding {
            file.require_model(binding)?;
            let (expected, got) = (binding.dimension, file.dimension);
            if expected != got {
                return Err(GalleryError::WrongDimension { expected, got }.into());
            }
        }
        let names = self.names.map(|names| read_names(names, file.rows)).transpose()?;
        let mut probes = Vec::new();
        for first in (0..file.rows).step_by(BLOCK) {
            for (row, template) in file.valid(first, BLOCK)? {
                let person = names.as_ref().map(|names| names[row as usize].to_string());
                probes.push(Probe { name: format!("{} row {row}", self.path.display()), person, template });
            }
        }
        Ok(Probes { probes, invalid, ..Probes::default() })
    }

    fn looked_at(&self) -> Result<Result<Probes, Stopped>> {
        let loaded = self.networks.engine()?;
        let options = engine::options(&PhotoRequest { faces: Faces::Largest, ..self.photos.clone() })?;
        let roots = [self.path.to_owned()];
        let total = survey(&roots).inputs;
        let mut read = Probes::default();
        let mut looked_at = 0;
        self.control.report("photos", 0, Some(total));
        ingest::run(loaded, walk(&roots), &options, &|_| false, self.control.stop, |outcome| {
            looked_at += 1;
            self.control.report("photos", looked_at, Some(total));
            read.enter(outcome)
        })?;
        let stopped = self.control.is_stopped() && looked_at < total;
        Ok(if stopped { Err(Stopped { looked_at, total, unit: "photo" }) } else { Ok(read) })
    }
}

impl Probes {
    fn enter(&mut self, outcome: Outcome) -> Result<()> {
        let person = person(&outcome.input);
        let name = outcome.input.path.to_string_lossy().into_owned();
        match outcome.finding {
            Finding::Faces(faces) => {
                self.several += u64::from(outcome.census.not_looked_at > 0);
                let face = faces.into_iter().next();
                self.probes.extend(face.map(|face| Probe { name, person, template: face.template }));
            }
            Finding::Skipped(skip) if skip.is_temporary() => {
                return Err(SessionError::Input(format!("{name}: {skip}; nothing was measured")));
            }
            Finding::Skipped(skip) if skip.reason == Reason::NotAPhoto => {}
            Finding::Skipped(skip) => self.failed.push(Failed { person, name, reason: skip.to_string() }),
            Finding::Known => unreachable!("a measurement knows no photos"),
        }
        Ok(())
    }
}

/// The person in a photo according to the folder directly below the given one.
pub(super) fn person(input: &Input) -> Option<String> {
    let folder = input.top_folder()?.to_string_lossy();
    Some(Name::new(&folder).map_or_else(|_| folder.into_owned(), |name| name.to_string()))
}
