//! Probes from photos or from a file of vectors, with the names of the people they show where these are known.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use clap::Args;

use super::NothingUsable;
use super::engine::{EngineArguments, PhotoArguments};
use super::interrupt::Stopped;
use super::rows::RowArguments;
use super::screen::{Screen, plural};
use crate::encoder::Engine;
use crate::experiment::Probe;
use crate::gallery::{GalleryError, Name};
use crate::ingest::{self, Faces, Finding, Input, survey, walk};
use crate::vectors::{BLOCK, STANDARD_INPUT, read_names};

/// How probes are read: rows of files of vectors, photos, and the networks for these.
#[derive(Debug, Args)]
pub struct ProbeArguments {
    #[command(flatten)]
    pub rows: RowArguments,
    #[command(flatten)]
    pub photos: PhotoArguments,
    #[command(flatten)]
    pub engine: EngineArguments,
}

/// Probes, and photos that gave none.
#[derive(Default)]
pub struct Probes {
    pub probes: Vec<Probe>,
    /// Photos without a usable face: who they are said to show, the path, the reason.
    pub failed: Vec<(Option<String>, String, String)>,
    /// Photos with more than one face, of which the largest was taken.
    pub several: u64,
}

/// A photo that was not decoded yet.
pub struct Listed {
    /// Its path.
    pub name: String,
    /// The folder it lies in, which is its person.
    pub person: Option<String>,
}

/// A source of probes.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// A `.npy` file, read row by row, or a folder, of whose photos the largest faces are taken; a photo's person is the folder it lies in
    /// below that folder.
    pub path: &'a Path,
    /// Names of the people in a `.npy` file.
    pub names: Option<&'a Path>,
    /// Numbers in a template, if known.
    pub dimension: Option<usize>,
    /// Loads the networks; called only if there are photos.
    pub engine: &'a dyn Fn() -> Result<Engine>,
    pub arguments: &'a ProbeArguments,
    pub screen: Screen,
    pub stop: &'a AtomicBool,
}

/// Whether a path is a file of vectors or the standard input. NumPy archives count as such, and are refused later with advice.
pub fn is_vectors(path: &Path) -> bool {
    let is = |extension: &str| path.extension().is_some_and(|given| given.eq_ignore_ascii_case(extension));
    path.as_os_str() == STANDARD_INPUT || is("npy") || is("npz")
}

/// A warning for photos of several faces.
pub fn several_faces(photos: u64) -> Option<String> {
    (photos > 0).then(|| {
        format!(
            "{} with more than one face, the largest was taken; --single-face leaves them out",
            plural(photos, "photo")
        )
    })
}

impl Source<'_> {
    fn is_there(&self) -> bool {
        self.path.as_os_str() == STANDARD_INPUT || self.path.exists()
    }

    /// The photos below the folder, before any is looked at; `None` for a file of vectors.
    pub fn listed(&self) -> Result<Option<Vec<Listed>>> {
        ensure!(self.is_there(), "{}: no such file or folder", self.path.display());
        if is_vectors(self.path) {
            return Ok(None);
        }
        let listed: Vec<Listed> = walk(&[self.path.to_owned()])
            .map(|input| Listed { name: input.path.to_string_lossy().into_owned(), person: person(&input) })
            .collect();
        if listed.is_empty() {
            return Err(NothingUsable(format!("{}: there is no photo in it", self.path.display())).into());
        }
        Ok(Some(listed))
    }

    /// Reads all probes, unless the stop flag is set.
    pub fn read(&self) -> Result<Result<Probes, Stopped>> {
        ensure!(self.is_there(), "{}: no such file or folder", self.path.display());
        let read = if is_vectors(self.path) { Ok(self.vectors()?) } else { self.looked_at()? };
        if let Ok(Probes { probes, failed, .. }) = &read
            && probes.is_empty()
        {
            let first = failed.first().map(|(_, path, why)| format!(": {path}: {why}")).unwrap_or_default();
            let nothing = format!("{}: no probe in it is usable{first}", self.path.display());
            return Err(NothingUsable(nothing).into());
        }
        Ok(read)
    }

    fn vectors(&self) -> Result<Probes> {
        let (file, _) = self.arguments.rows.open(self.path, self.screen)?;
        if let Some(expected) = self.dimension.filter(|expected| *expected != file.dimension) {
            return Err(GalleryError::WrongDimension { expected, got: file.dimension }.into());
        }
        let names = self.names.map(|names| read_names(names, file.rows)).transpose()?;
        let mut probes = Vec::with_capacity(usize::try_from(file.rows)?);
        for first in (0..file.rows).step_by(BLOCK) {
            for (row, template) in file.valid(first, BLOCK)? {
                let person = names.as_ref().map(|names| names[row as usize].to_string());
                probes.push(Probe { name: format!("{} row {row}", self.path.display()), person, template });
            }
        }
        Ok(Probes { probes, ..Probes::default() })
    }

    fn looked_at(&self) -> Result<Result<Probes, Stopped>> {
        let engine = (self.engine)()?;
        let roots = [self.path.to_owned()];
        let total = survey(&roots).inputs;
        let bar = self.screen.progress(Some(total), "photos");
        let mut read = Probes::default();
        let mut no_photos = 0;
        let options = self.arguments.photos.options(Faces::Largest);
        ingest::run(&engine, walk(&roots), &options, &|_| false, self.stop, |outcome| {
            bar.inc(1);
            let person = person(&outcome.input);
            let name = outcome.input.path.to_string_lossy().into_owned();
            match outcome.finding {
                Finding::Faces(faces) => {
                    read.several += u64::from(outcome.census.not_looked_at > 0);
                    let face = faces.into_iter().next();
                    let probe = face.map(|face| Probe { name, person, template: face.template });
                    read.probes.extend(probe);
                }
                Finding::Skipped(skip) if skip.temporary => {
                    anyhow::bail!("{name}: {skip}; nothing was measured")
                }
                Finding::Skipped(skip) if skip.code == "not_a_photo" => no_photos += 1,
                Finding::Skipped(skip) => read.failed.push((person, name, skip.to_string())),
                Finding::Known => unreachable!("no photo is known to a measurement"),
            }
            anyhow::Ok(())
        })?;
        bar.finish_and_clear();
        let looked_at = (read.probes.len() + read.failed.len()) as u64 + no_photos;
        let stopped = self.stop.load(Ordering::Relaxed) && looked_at < total;
        Ok(if stopped { Err(Stopped { looked_at, total, unit: "photo" }) } else { Ok(read) })
    }
}

fn person(input: &Input) -> Option<String> {
    let folder = input.top_folder()?.to_string_lossy();
    Some(Name::new(&folder).map_or_else(|_| folder.into_owned(), |name| name.to_string()))
}
