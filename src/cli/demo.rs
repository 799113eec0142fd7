//! `gallerist demo`: the main job on sample photos, by the same commands a user types.

use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::End;
use super::screen::{Screen, plural};
use crate::decision::Decision;
use crate::encoder::Model;
use crate::vectors;

/// Dimensions that the synthetic templates spread over: about as many as real ones do.
const SPREAD: usize = 64;

/// Show the main things a gallery does, on sample photos. Prints each command before its output; nothing
/// but DIR is written to.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Sample photos, as `tools/setup` lays them out: `enroll/NAME/*`, `probe/NAME/*`, `stranger/*`
    #[arg(long, value_name = "DIR")]
    photos: PathBuf,
    /// Folder for the gallery; made anew each time
    #[arg(long, value_name = "DIR", default_value = "target/demo")]
    dir: PathBuf,
    /// Synthetic templates to look through besides: so that the look-up is one among many
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=10_000_000))]
    distractors: u64,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<End> {
    ensure!(!screen.is_json(), "the demo is for people: it has no JSON output");
    let photos = &arguments.photos;
    let (enroll, probe, stranger) = (photos.join("enroll"), photos.join("probe"), photos.join("stranger"));
    for folder in [&enroll, &probe, &stranger] {
        ensure!(
            folder.is_dir(),
            "{}: no such folder; tools/setup fetches the sample photos",
            folder.display()
        );
    }
    let gallery = arguments.dir.join("gallery");
    if gallery.join("catalog.sqlite").is_file() {
        fs::remove_dir_all(&gallery)
            .with_context(|| format!("{}: removing the last demo", gallery.display()))?;
    }
    fs::create_dir_all(&arguments.dir).with_context(|| format!("{}: making it", arguments.dir.display()))?;

    say(screen, "A gallery is a folder, bound to one model.")?;
    step(screen, &["init"], &[&gallery], &[], 0)?;
    if arguments.distractors > 0 {
        let model = Model::default_available();
        let file = arguments.dir.join("synthetic.npy");
        write_synthetic(&file, arguments.distractors, model.dimension)?;
        let many = plural(arguments.distractors, "synthetic template");
        say(screen, &format!("{many}, random numbers that stand for people who do not exist."))?;
        step(screen, &["import"], &[&gallery, &file], &["--from-model", &model.name], 0)?;
        fs::remove_file(&file).with_context(|| format!("{}: removing it", file.display()))?;
    }
    say(screen, "Every folder below this one is a person.")?;
    step(screen, &["enroll"], &[&gallery, &enroll], &["--subject-from", "dir"], 0)?;
    say(screen, "Other photos of the same people are recognised.")?;
    for photo in sorted(&probe)?.iter().map(|person| sorted(person)).collect::<Result<Vec<_>>>()?.concat() {
        step(screen, &["identify"], &[&gallery, &photo], &["--top-k", "3"], decided(Decision::Match))?;
    }
    say(screen, "Somebody who was never enrolled is not.")?;
    for photo in sorted(&stranger)? {
        step(screen, &["identify"], &[&gallery, &photo], &["--top-k", "3"], decided(Decision::NoMatch))?;
    }
    say(screen, "What is in the gallery, and is every byte of it as it was written?")?;
    if arguments.distractors == 0 {
        step(screen, &["subject", "list"], &[&gallery], &[], 0)?;
    }
    step(screen, &["stats"], &[&gallery], &[], 0)?;
    step(screen, &["check"], &[&gallery], &[], 0)?;
    say(screen, &format!("The gallery stays in {}; try it with photos of your own.", gallery.display()))?;
    Ok(End::Done)
}

fn decided(decision: Decision) -> i32 {
    i32::from(End::Decided(decision).code())
}

fn say(screen: Screen, what: &str) -> Result<()> {
    Ok(screen.text(format!("\n# {what}"))?)
}

/// Runs this program with the arguments, showing the command first. The exit code is part of the answer.
fn step(screen: Screen, verb: &[&str], paths: &[&Path], options: &[&str], expected: i32) -> Result<()> {
    let mut command = Command::new(std::env::current_exe().context("finding this program")?);
    command.args(verb).args(paths).args(options);
    let paths = paths.iter().map(|path| path.display().to_string());
    let words = verb
        .iter()
        .map(|word| (*word).to_owned())
        .chain(paths)
        .chain(options.iter().map(|o| (*o).to_owned()));
    let line = words
        .map(|word| if word.contains(' ') { format!("'{word}'") } else { word })
        .collect::<Vec<_>>()
        .join(" ");
    screen.text(format!("$ gallerist {line}"))?;
    stdout().flush()?;
    let status = command.status().context("running this program")?;
    ensure!(
        status.code() == Some(expected),
        "`gallerist {line}` ended with {}, expected exit code {expected}",
        status
    );
    Ok(())
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{}: reading it", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// Random directions in a random `SPREAD`-dimensional subspace, the same at every run.
fn write_synthetic(path: &Path, rows: u64, dimension: usize) -> Result<()> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let axes: Vec<Vec<f32>> = (0..SPREAD).map(|_| gaussian(&mut random, dimension)).collect();
    let mut file = fs::File::create(path).with_context(|| format!("{}: making it", path.display()))?;
    let mut write = || {
        let mut writer = vectors::Writer::new(&mut file, rows, dimension)?;
        for _ in 0..rows {
            let mut vector = vec![0.0; dimension];
            for (axis, weight) in axes.iter().zip(gaussian(&mut random, SPREAD)) {
                vector.iter_mut().zip(axis).for_each(|(x, a)| *x += weight * a);
            }
            writer.push(&vector)?;
        }
        writer.finish()
    };
    write().with_context(|| format!("{}: writing it", path.display()))
}

/// Nearly normal numbers: sums of four uniform ones.
fn gaussian(random: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    let mut uniform = || random.random::<f32>() - 0.5;
    (0..count).map(|_| uniform() + uniform() + uniform() + uniform()).collect()
}
