//! Probes from photos or from a file of vectors, with the names of the people they show where these are known.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};

use super::engine::PhotoArguments;
use super::screen::Screen;
use crate::calibration::Probe;
use crate::encoder::Engine;
use crate::gallery::{GalleryError, Name};
use crate::ingest::{self, Faces, Finding, survey, walk};
use crate::vectors::{BLOCK, VectorFile, read_names};

/// Probes, and those that gave none.
#[derive(Default)]
pub struct Probes {
    pub probes: Vec<Probe>,
    /// Photos without a usable face: who they are said to show, the path, the reason.
    pub failed: Vec<(Option<String>, String, String)>,
    /// Whether reading them was interrupted.
    pub interrupted: bool,
}

/// Whether a path is a file of vectors.
pub fn is_vectors(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"))
}

impl Probes {
    /// Reads a `.npy` file, row by row, or every photo below a folder by its largest face; a photo's person is the folder it lies in
    /// below that folder. `engine` is asked for only if there are photos.
    pub fn read(
        path: &Path,
        names: Option<&Path>,
        dimension: Option<usize>,
        engine: &dyn Fn() -> Result<Engine>,
        photos: &PhotoArguments,
        screen: Screen,
        stop: &AtomicBool,
    ) -> Result<Self> {
        ensure!(path.exists(), "{}: no such file or folder", path.display());
        if is_vectors(path) {
            return Self::from_vectors(path, names, dimension);
        }
        Self::from_photos(path, &engine()?, photos, screen, stop)
    }

    fn from_vectors(path: &Path, names: Option<&Path>, dimension: Option<usize>) -> Result<Self> {
        let file = VectorFile::open_or_standard_input(path)?;
        if let Some(expected) = dimension.filter(|expected| *expected != file.dimension) {
            return Err(GalleryError::WrongDimension { expected, got: file.dimension }.into());
        }
        let names = names.map(|names| read_names(names, file.rows)).transpose()?;
        let mut probes = Vec::with_capacity(usize::try_from(file.rows)?);
        for first in (0..file.rows).step_by(BLOCK) {
            for (row, template) in (first..).zip(file.templates(first, BLOCK)?) {
                let person = names.as_ref().map(|names| names[row as usize].to_string());
                probes.push(Probe { name: format!("{} row {row}", path.display()), person, template });
            }
        }
        Ok(Self { probes, ..Self::default() })
    }

    fn from_photos(
        path: &Path,
        engine: &Engine,
        photos: &PhotoArguments,
        screen: Screen,
        stop: &AtomicBool,
    ) -> Result<Self> {
        let roots = [path.to_owned()];
        let total = survey(&roots).inputs;
        let bar = screen.progress(Some(total), "photos");
        let mut read = Self::default();
        let mut no_photos = 0;
        let options = photos.options(Faces::Largest);
        ingest::run(engine, walk(&roots), &options, &|_| false, stop, |outcome| {
            bar.inc(1);
            let person = outcome.input.top_folder().map(|folder| {
                let text = folder.to_string_lossy();
                Name::new(&text).map_or_else(|_| text.into_owned(), |name| name.to_string())
            });
            let name = outcome.input.path.to_string_lossy().into_owned();
            match outcome.finding {
                Finding::Faces(faces, _) => {
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
        let seen = (read.probes.len() + read.failed.len()) as u64 + no_photos;
        read.interrupted = stop.load(Ordering::Relaxed) && seen < total;
        Ok(read)
    }
}
