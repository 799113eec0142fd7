//! The choice of the face in a photo with several faces, by size and place alone and with the detector's score.
//!
//! ```text
//! cargo run --release -p gallerist-bench -- choices FOLDER [--every N]
//! ```
//!
//! FOLDER contains a folder for each person. In each photo with several faces, the most prominent face is chosen in two ways: with the same
//! detector score for all faces, and as [`Face::prominence`] does. If the two differ, prints both, each with its mean cosine with the same
//! person's other photos, which separates the person from other people and from patterns.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use gallerist::encoder::{Device, Engine, Model};
use gallerist::face::{Aligned, DetectOptions, Face};
use gallerist::image::{self, Limits, Photo};
use gallerist::ingest;
use gallerist::template::Template;
use gallerist_index::dot;
use rayon::prelude::*;

/// A photo: the chosen face, and the face chosen with equal detector scores, if it is another one.
struct Chosen {
    path: PathBuf,
    faces: usize,
    now: (Face, Template),
    before: Option<(Face, Template)>,
}

/// Runs the benchmark with the arguments after its name.
///
/// # Errors
/// A file is missing or invalid, or a network fails.
pub fn run(arguments: &[String]) -> Result<()> {
    let folder = PathBuf::from(arguments.first().context("FOLDER is missing")?);
    let every = match &arguments[1..] {
        [flag, every] if flag == "--every" => every.parse::<usize>()?.max(1),
        _ => 1,
    };
    let engine = Engine::load(&Model::default_available(), Device::Cpu, false)?;
    let photos: Vec<PathBuf> = ingest::walk(std::slice::from_ref(&folder))
        .filter(|input| input.problem.is_none())
        .map(|input| input.path)
        .step_by(every)
        .collect();
    let chosen: Vec<Chosen> = photos
        .par_iter()
        .map(|path| choose(&engine, path))
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect();
    let mut people: HashMap<Option<&Path>, Vec<&Chosen>> = HashMap::new();
    for photo in &chosen {
        people.entry(photo.path.parent()).or_default().push(photo);
    }
    let several = chosen.iter().filter(|photo| photo.faces > 1).count();
    println!("{} photos, {several} with several faces", photos.len());
    for photo in &chosen {
        let Some(before) = &photo.before else { continue };
        let others = || people[&photo.path.parent()].iter().filter(|other| other.path != photo.path);
        let alike = |template: &Template| {
            let sum: f32 = others().map(|other| dot(template.as_slice(), other.now.1.as_slice())).sum();
            sum / others().count() as f32
        };
        let show = |(face, template): &(Face, Template)| {
            format!("{:.0?} score {:.3} cosine {:.3}", face.bounds, face.score, alike(template))
        };
        println!("{}: before {}; now {}", photo.path.display(), show(before), show(&photo.now));
    }
    Ok(())
}

fn choose(engine: &Engine, path: &Path) -> Result<Option<Chosen>> {
    let photo = image::decode(&std::fs::read(path)?, &Limits::default())
        .with_context(|| path.display().to_string())?;
    let faces = engine.detector.detect(&photo, &DetectOptions::default())?;
    let sure: Vec<Face> = faces.iter().map(|face| Face { score: 1.0, ..face.clone() }).collect();
    let at = |faces: &[Face]| {
        let best = Face::most_prominent(faces, &photo)?;
        faces.iter().position(|face| face == best)
    };
    let (Some(now), Some(before)) = (at(&faces), at(&sure)) else { return Ok(None) };
    let encoded = |at: usize| -> Result<(Face, Template)> { encode(engine, &photo, &faces[at]) };
    Ok(Some(Chosen {
        path: path.to_owned(),
        faces: faces.len(),
        now: encoded(now)?,
        before: (now != before).then(|| encoded(before)).transpose()?,
    }))
}

fn encode(engine: &Engine, photo: &Photo, face: &Face) -> Result<(Face, Template)> {
    let aligned = Aligned::new(photo, &face.landmarks, &engine.model.chips());
    Ok((face.clone(), engine.encoder.encode(&[aligned])?.remove(0)))
}
