//! The loss of accuracy if photos are cut close to the face, or rotated without EXIF.
//!
//! ```text
//! cargo run --release -p gallerist-bench -- crops FOLDER [--pairs PAIRS.tsv] [--only a,b,90] [--every N] [--model NAME]
//! ```
//!
//! Processes every photo below FOLDER, or every photo of the pairs (`verify --pairs` describes the file), unchanged and with each
//! change: (a) cut to the box of its face, (b) cut to 90 % of that box, (c) to (f) cut so that 20 % of the box is missing on the left,
//! top, right or bottom, and rotated by 90, 180 and 270 degrees. `--every N` takes every Nth photo or pair only. Prints a Markdown
//! table: the share of faces that are found again; the mean distance of the five landmarks from those in the whole photo, relative to
//! the distance between its eyes; the cosine with the template of the whole photo; and the accuracy of the pairs at the best threshold,
//! if both photos have the change.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use gallerist::encoder::{Device, Engine, Model};
use gallerist::evaluation::{self, Comparison, verification};
use gallerist::face::{Aligned, DetectOptions, Face, Landmarks, detect_turned};
use gallerist::image::{self, Limits, Photo};
use gallerist::ingest;
use gallerist::template::Template;
use gallerist_index::dot;
use rayon::prelude::*;

/// A change of a photo.
#[derive(Debug, Clone, Copy)]
enum Change {
    None,
    /// Cut to this share of the box of its face.
    Box(f32),
    /// Cut so that 20 % of the box is missing: at its left, top, right or bottom.
    Without(usize),
    /// Rotated clockwise by this number of quarter turns.
    Turned(u32),
}

const CHANGES: [(&str, &str, Change); 10] = [
    ("", "as it is", Change::None),
    ("a", "(a) cut to the box of its face", Change::Box(1.0)),
    ("b", "(b) cut to 90 % of the box", Change::Box(0.9)),
    ("c", "(c) 20 % of the face cut away, left", Change::Without(0)),
    ("d", "(d) top", Change::Without(1)),
    ("e", "(e) right", Change::Without(2)),
    ("f", "(f) bottom", Change::Without(3)),
    ("90", "turned by 90 degrees", Change::Turned(1)),
    ("180", "turned by 180 degrees", Change::Turned(2)),
    ("270", "turned by 270 degrees", Change::Turned(3)),
];

struct Arguments {
    folder: PathBuf,
    pairs: Vec<Pair>,
    photos: Vec<PathBuf>,
    changes: Vec<(&'static str, Change)>,
    model: Model,
}

struct Pair {
    a: PathBuf,
    b: PathBuf,
    same: bool,
}

/// The face of a photo.
struct Seen {
    bounds: [f32; 4],
    landmarks: Landmarks,
    template: Template,
}

/// Converts a point of a changed photo to the whole photo.
type Back = Box<dyn Fn([f32; 2]) -> [f32; 2]>;

/// A photo and its face after each of the changes.
type Looked = (PathBuf, Vec<Option<Seen>>);

/// Runs the benchmark with the arguments after its name.
///
/// # Errors
/// A file is missing or invalid, or a network fails.
pub fn run(arguments: &[String]) -> Result<()> {
    let arguments = parse(arguments)?;
    let engine = Engine::load(&arguments.model, Device::Cpu, false)?;
    let looked: Vec<Looked> = arguments
        .photos
        .par_iter()
        .map(|path| look(&engine, path, &arguments.changes))
        .collect::<Result<_>>()?;
    let whole = looked.iter().filter(|(_, seen)| seen[0].is_some()).count();
    println!("{} photos, {whole} of them with a face; {}", looked.len(), arguments.model.name);
    println!();
    println!("| photo | found | landmark error, median | 95 % | cosine, median | 5 % | accuracy | pairs |");
    println!("|---|---|---|---|---|---|---|---|");
    for (at, (name, _)) in arguments.changes.iter().enumerate() {
        let both: Vec<(&Seen, &Seen)> =
            looked.iter().filter_map(|(_, seen)| Some((seen[0].as_ref()?, seen[at].as_ref()?))).collect();
        let errors = sorted(both.iter().map(|(whole, cut)| apart(&whole.landmarks, &cut.landmarks)));
        let cosines = sorted(both.iter().map(|(whole, cut)| cosine(&whole.template, &cut.template)));
        let (accuracy, pairs) = accuracy(&arguments, &looked, at)?;
        println!(
            "| {name} | {:.2} % | {:.1} % | {:.1} % | {:.3} | {:.3} | {accuracy} | {pairs} |",
            100.0 * both.len() as f32 / whole.max(1) as f32,
            100.0 * quantile(&errors, 0.5),
            100.0 * quantile(&errors, 0.95),
            quantile(&cosines, 0.5),
            quantile(&cosines, 0.05),
        );
    }
    Ok(())
}

fn parse(arguments: &[String]) -> Result<Arguments> {
    let (mut folder, mut pairs, mut only, mut every) = (None, None, None, 1);
    let mut model = Model::default_available();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--pairs" => pairs = Some(value()?),
            "--only" => only = Some(value()?),
            "--every" => every = value()?.parse::<usize>()?.max(1),
            "--model" => model = Model::find(value()?)?,
            other if other.starts_with('-') => bail!("unknown option {other}"),
            _ => folder = Some(PathBuf::from(argument)),
        }
    }
    let folder = folder.context("FOLDER is missing")?;
    let wanted =
        |key: &str| key.is_empty() || only.is_none_or(|only| only.split(',').any(|wanted| wanted == key));
    let changes =
        CHANGES.iter().filter(|(key, ..)| wanted(key)).map(|&(_, name, change)| (name, change)).collect();
    let mut list = Vec::new();
    let photos: BTreeSet<PathBuf> = if let Some(file) = pairs {
        list = read_pairs(Path::new(file))?.into_iter().step_by(every).collect();
        list.iter().flat_map(|pair| [folder.join(&pair.a), folder.join(&pair.b)]).collect()
    } else {
        let found = ingest::walk(std::slice::from_ref(&folder)).filter(|input| input.problem.is_none());
        found.map(|input| input.path).step_by(every).collect()
    };
    ensure!(!photos.is_empty(), "{}: it contains no photo", folder.display());
    Ok(Arguments { folder, pairs: list, photos: photos.into_iter().collect(), changes, model })
}

fn read_pairs(file: &Path) -> Result<Vec<Pair>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let pairs = text.lines().filter_map(|line| {
        let mut fields = line.split('\t');
        let (a, b, same) = (fields.next()?, fields.next()?, fields.next()?);
        matches!(same, "0" | "1").then(|| Pair { a: a.into(), b: b.into(), same: same == "1" })
    });
    Ok(pairs.collect())
}

fn look(engine: &Engine, path: &Path, changes: &[(&str, Change)]) -> Result<Looked> {
    let limits = Limits::default();
    let photo = image::decode(&std::fs::read(path)?, &limits).with_context(|| path.display().to_string())?;
    let whole = see(engine, &photo)?;
    let mut seen = Vec::with_capacity(changes.len());
    for (_, change) in &changes[1..] {
        let Some((changed, back)) = whole.as_ref().and_then(|whole| changed(&photo, whole.bounds, *change))
        else {
            seen.push(None);
            continue;
        };
        let mut face = see(engine, &changed)?;
        if let Some(face) = &mut face {
            face.landmarks = face.landmarks.map(back);
        }
        seen.push(face);
    }
    seen.insert(0, whole);
    Ok((path.to_owned(), seen))
}

/// The face of a photo that `enroll` and `identify` use.
fn see(engine: &Engine, photo: &Photo) -> Result<Option<Seen>> {
    let (faces, _) = detect_turned(&*engine.detector, photo, &DetectOptions::default())?;
    let Some(Face { bounds, landmarks, .. }) = Face::most_prominent(&faces, photo).cloned() else {
        return Ok(None);
    };
    let aligned = Aligned::new(photo, &landmarks, &engine.model.chips());
    let template = engine.encoder.encode(&[aligned])?.remove(0);
    Ok(Some(Seen { bounds, landmarks, template }))
}

/// The changed photo, and the conversion of its points to the whole photo. None if the changed photo is empty.
fn changed(photo: &Photo, bounds: [f32; 4], change: Change) -> Option<(Photo, Back)> {
    let (width, height) = (photo.width as f32, photo.height as f32);
    let [left, top, right, bottom] = bounds;
    let cut = match change {
        Change::None => [0.0, 0.0, width, height],
        Change::Box(share) => {
            let trim = |near: f32, far: f32| (far - near) * (1.0 - share) / 2.0;
            let (x, y) = (trim(left, right), trim(top, bottom));
            [left + x, top + y, right - x, bottom - y]
        }
        Change::Without(side) => {
            let mut cut = [0.0, 0.0, width, height];
            let inward = [right - left, bottom - top, left - right, top - bottom];
            cut[side] = bounds[side] + 0.2 * inward[side];
            cut
        }
        Change::Turned(quarters) => {
            let turned = (0..quarters).fold(photo.clone(), |photo, _| quarter(&photo));
            let back = move |[x, y]: [f32; 2]| match quarters {
                1 => [y, height - 1.0 - x],
                2 => [width - 1.0 - x, height - 1.0 - y],
                _ => [width - 1.0 - y, x],
            };
            return Some((turned, Box::new(back)));
        }
    };
    let [left, top, right, bottom] =
        [cut[0].max(0.0), cut[1].max(0.0), cut[2].min(width), cut[3].min(height)]
            .map(|at| at.round() as usize);
    let row = |y: usize| {
        let start = 3 * y * photo.width as usize;
        &photo.pixels[start + 3 * left..start + 3 * right]
    };
    if left >= right || top >= bottom {
        return None;
    }
    let pixels = (top..bottom).flat_map(row).copied().collect();
    let cut = Photo { width: (right - left) as u32, height: (bottom - top) as u32, pixels };
    Some((cut, Box::new(move |[x, y]| [x + left as f32, y + top as f32])))
}

/// The photo rotated clockwise by a quarter turn.
fn quarter(photo: &Photo) -> Photo {
    let (width, height) = (photo.width as usize, photo.height as usize);
    let from = |x: usize, y: usize| 3 * ((height - 1 - x) * width + y);
    let at = (0..width).flat_map(|y| (0..height).map(move |x| (x, y)));
    let pixels = at.flat_map(|(x, y)| photo.pixels[from(x, y)..].iter().take(3)).copied().collect();
    Photo { width: photo.height, height: photo.width, pixels }
}

/// Mean distance of the landmarks, relative to the distance between the eyes of the first.
fn apart(whole: &Landmarks, cut: &Landmarks) -> f32 {
    let distance = |a: &[f32; 2], b: &[f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let sum: f32 = whole.iter().zip(cut).map(|(a, b)| distance(a, b)).sum();
    sum / whole.len() as f32 / distance(&whole[0], &whole[1])
}

fn cosine(a: &Template, b: &Template) -> f32 {
    dot(a.as_slice(), b.as_slice())
}

fn sorted(values: impl Iterator<Item = f32>) -> Vec<f32> {
    let mut values: Vec<f32> = values.collect();
    values.sort_by(f32::total_cmp);
    values
}

fn quantile(sorted: &[f32], share: f32) -> f32 {
    sorted.get((sorted.len().saturating_sub(1) as f32 * share) as usize).copied().unwrap_or(f32::NAN)
}

/// The accuracy at the best threshold of the pairs with a face in both photos after a change, and the number of these pairs.
fn accuracy(arguments: &Arguments, looked: &[Looked], at: usize) -> Result<(String, usize)> {
    let templates: HashMap<&Path, &Template> = looked
        .iter()
        .filter_map(|(path, seen)| Some((path.as_path(), &seen[at].as_ref()?.template)))
        .collect();
    let of = |path: &Path| templates.get(arguments.folder.join(path).as_path()).copied();
    let comparisons: Vec<Comparison> = (0..)
        .zip(&arguments.pairs)
        .filter_map(|(pair, Pair { a, b, same })| {
            let score = Some(cosine(of(a)?, of(b)?));
            Some(Comparison { a: 2 * pair, b: 2 * pair + u64::from(!same), score })
        })
        .collect();
    if comparisons.is_empty() {
        return Ok((String::new(), 0));
    }
    let options = evaluation::Options { repetitions: 0, ..Default::default() };
    let accuracy = verification(&comparisons, &options)?.accuracy.value;
    Ok((format!("{:.2} %", 100.0 * accuracy), comparisons.len()))
}
