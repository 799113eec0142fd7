//! The probes of replies: in the reply itself, in the row of a file, or in a photo that is looked at again.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cli::engine::PhotoArguments;
use crate::cli::reply::Sought;
use crate::encoder::Engine;
use crate::ingest::{self, Census, EncodedFace, Faces, Finding, Skip};
use crate::template::Template;
use crate::vectors::VectorFile;

/// A probe, and what is known of it.
pub enum Seen {
    /// The reply has its template, and nothing says where that comes from.
    Told,
    /// A row of a file.
    Row { path: PathBuf, row: u64 },
    /// A face of a photo.
    Photo { path: PathBuf, face: EncodedFace, census: Census },
}

/// What became of a photo.
pub struct Looked {
    pub faces: Vec<EncodedFace>,
    pub skip: Option<Skip>,
    pub census: Census,
}

/// Photos by path and by which of their faces were looked at.
pub type Photos = HashMap<(PathBuf, bool), Looked>;

impl Seen {
    pub fn sought<'a>(&'a self, template: &'a Template) -> Sought<'a> {
        match self {
            Self::Told => Sought::Row { path: Path::new(""), row: 0, template },
            Self::Row { path, row } => Sought::Row { path, row: *row, template },
            Self::Photo { path, face, census } => Sought::Face { path, face, census },
        }
    }
}

/// The photo that a probe names, and whether all of its faces were looked at.
pub fn photo_of(probe: &Value) -> Option<(PathBuf, bool)> {
    if !probe["template"].is_null() || !probe["row"].is_null() {
        return None;
    }
    let several = probe["reasons"][0] == "several_faces";
    let all = several || probe["not_looked_at"].as_u64().unwrap_or(0) == 0;
    Some((PathBuf::from(probe["path"].as_str()?), all))
}

/// Looks at photos again, each once; `false` if it was stopped.
pub fn look_again(
    wanted: BTreeSet<(PathBuf, bool)>,
    engine: &Engine,
    look: &PhotoArguments,
    stop: &AtomicBool,
    photos: &mut Photos,
) -> Result<bool> {
    let count = wanted.len();
    for (all, which) in [(false, Faces::Largest), (true, Faces::All)] {
        let paths = wanted.iter().filter(|(_, every)| *every == all).map(|(path, _)| path.clone());
        let files = ingest::files(paths.collect::<Vec<_>>());
        ingest::run(engine, files, &look.options(which), &|_| false, stop, |outcome| {
            let (faces, skip) = match outcome.finding {
                Finding::Faces(faces) => (faces, None),
                Finding::Skipped(skip) => (Vec::new(), Some(skip)),
                Finding::Known => (Vec::new(), None),
            };
            photos.insert((outcome.input.path, all), Looked { faces, skip, census: outcome.census });
            anyhow::Ok(())
        })?;
    }
    Ok(photos.len() == count)
}

/// The probe of a reply and its template. `last` is the file of vectors that was opened last.
pub fn find(
    probe: &Value,
    dimension: usize,
    photos: &Photos,
    last: &mut Option<(PathBuf, VectorFile)>,
) -> Result<(Seen, Template)> {
    if !probe["template"].is_null() {
        return Ok((Seen::Told, told(&probe["template"], dimension)?));
    }
    let path = PathBuf::from(probe["path"].as_str().context("it has neither a template nor a path")?);
    if !probe["row"].is_null() {
        let row = probe["row"].as_u64().context("row: expected a whole number from 0")?;
        if last.as_ref().is_none_or(|(open, _)| *open != path) {
            // A pipe would wait for ever, a device never end.
            ensure!(path.is_file(), "{}: not a regular file", path.display());
            *last = Some((path.clone(), VectorFile::open(&path)?));
        }
        let file = last.as_mut().map(|(_, file)| file).context("a file was opened")?;
        ensure!(row < file.rows, "{} has no row {row}", path.display());
        let template = file.templates(row, 1)?.pop().context("a row gives a template")?;
        return Ok((Seen::Row { path, row }, template));
    }
    let looked =
        photo_of(probe).and_then(|photo| photos.get(&photo)).context("it was not looked at again")?;
    let index = probe["face"].as_u64().context("face: expected a whole number from 0")?;
    let face = looked.faces.iter().find(|face| face.index as u64 == index).with_context(|| {
        let why = looked.skip.as_ref().map(|skip| format!(" ({skip})")).unwrap_or_default();
        format!("{}: face {index} of the reply is not found in it{why}", path.display())
    })?;
    let seen = Seen::Photo { path, face: face.clone(), census: looked.census.clone() };
    Ok((seen, face.template.clone()))
}

/// The template in a reply: as many numbers as the gallery's have, of length one.
fn told(template: &Value, dimension: usize) -> Result<Template> {
    let items = template.as_array().context("template: expected a list of numbers")?;
    ensure!(
        items.len() == dimension,
        "template: {} numbers, templates of this gallery have {dimension}",
        items.len()
    );
    let number = |(at, item): (usize, &Value)| {
        let number = item.as_f64().filter(|number| number.abs() <= 1.0);
        let number =
            number.with_context(|| format!("template[{at}]: expected a number from -1 to 1, got {item}"))?;
        anyhow::Ok(number as f32)
    };
    let numbers = items.iter().enumerate().map(number).collect::<Result<Vec<f32>>>()?;
    let length = numbers.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    ensure!((length - 1.0).abs() < 1e-3, "template: its length is {length:.3}, a template's is 1");
    Ok(Template::from_raw(&numbers)?)
}
