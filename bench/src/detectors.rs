//! SCRFD detectors in ONNX files, compared with ONNX Runtime and the published post-processing.
//!
//! ```text
//! bench/reference/scrfd.py FOLDER
//! cargo run --release -p gallerist-bench -- detectors FOLDER ENCODER.onnx
//! ```
//!
//! Converts every NAME.onnx in FOLDER and finds the faces in the pictures (NAME.png) that NAME.json lists. Prints a Markdown table: the operator
//! set, the operations and weights after the conversion, the time of the conversion and of one photo, the number of faces, and the
//! largest differences of boxes and landmarks, in pixels of the photo. Fails if the faces are others, in another order, or a number
//! differs by more than 0.05 pixels. The encoder is not run; it is only part of a model.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use gallerist::encoder::{
    ChannelOrder, DetectorFile, Device, Engine, Input, Kind, Model, Network, Runtime, Weights, onnx,
};
use gallerist::face::{Chip, DetectOptions, Face};
use gallerist::image::{self, Limits, Photo};
use serde::Deserialize;

/// Largest difference, in pixels.
const APART: f32 = 0.05;

#[derive(Deserialize)]
struct Expected {
    picture: String,
    faces: Vec<ExpectedFace>,
}

#[derive(Deserialize)]
struct ExpectedFace {
    r#box: [f32; 4],
    landmarks: [[f32; 2]; 5],
}

/// Runs the comparison.
///
/// # Errors
/// A file is not converted, or its faces differ.
pub fn run(arguments: &[String]) -> Result<()> {
    let [folder, encoder] = arguments else { bail!("detectors FOLDER ENCODER.onnx") };
    let entries = std::fs::read_dir(folder).with_context(|| folder.clone())?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "onnx"));
    files.sort();
    let work = tempfile::tempdir()?;
    let model = model(Path::new(encoder), work.path())?;
    println!(
        "| file | operator set | operations | weights | conversion, ms | photo, ms | faces | largest difference, px |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for file in &files {
        compare(&model, file).with_context(|| file.display().to_string())?;
    }
    println!("\n{} files agree.", files.len());
    Ok(())
}

/// A model of an imported encoder.
fn model(encoder: &Path, work: &Path) -> Result<Model> {
    let converted = onnx::convert(std::fs::read(encoder)?, None)?;
    let weights = work.join("weights.safetensors");
    std::fs::write(&weights, &converted.bytes)?;
    let input = Input {
        chip: *Chip::of_side(converted.side).first().context("no chip of this size")?,
        channels: ChannelOrder::Rgb,
        mean: [127.5; 3],
        scale: (1.0 / 127.5).into(),
    };
    let weights = Some(Weights::of(weights, &converted.bytes));
    Ok(Model {
        name: "imported".into(),
        dimension: converted.dimension,
        kind: Kind::Network(Network { runtime: Runtime::Graph, input, weights }),
        ..Model::named("mobilefacenet-192").context("no built-in model")?
    })
}

/// The largest difference of two numbers.
fn far(face: &Face, expected: &ExpectedFace) -> f32 {
    let numbers = face.bounds.iter().chain(face.landmarks.as_flattened());
    let others = expected.r#box.iter().chain(expected.landmarks.as_flattened());
    numbers.zip(others).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn compare(model: &Model, file: &Path) -> Result<()> {
    let start = Instant::now();
    let converted = onnx::detector::convert(std::fs::read(file)?)?;
    let conversion = start.elapsed();
    let model = model.clone().with_detector(DetectorFile::open(file, false)?);
    let engine = Engine::load(&model, Device::Cpu, false)?;
    let expected: Vec<Expected> = serde_json::from_slice(&std::fs::read(file.with_extension("json"))?)?;
    let (mut count, mut apart, mut times) = (0, 0.0_f32, Vec::new());
    for Expected { picture, faces: expected } in &expected {
        let path = file.with_file_name(format!("{picture}.png"));
        let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let photo: Photo = image::decode(&bytes, &Limits::default())?;
        let start = Instant::now();
        let options = DetectOptions { min_face: 1.0, min_share: 0.0 };
        let mut found: Vec<Face> = engine.detector.detect(&photo, &options)?;
        times.push(start.elapsed());
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        ensure!(
            found.len() == expected.len(),
            "{picture}: {} faces, expected {}",
            found.len(),
            expected.len()
        );
        count += found.len();
        // Scores that differ by less than the noise of the runtimes have no order.
        let mut last = f32::INFINITY;
        for expected in expected {
            let nearest = (0..found.len())
                .min_by(|&a, &b| far(&found[a], expected).total_cmp(&far(&found[b], expected)));
            let face = found.remove(nearest.context("no face")?);
            apart = apart.max(far(&face, expected));
            ensure!(face.score <= last + 1e-5, "{picture}: another order");
            last = face.score;
        }
    }
    times.sort();
    let middle = times.get(times.len() / 2).context("no picture")?;
    let name = file.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let (opset, operations, weights) = (converted.opset, converted.operations, converted.weights);
    println!(
        "| {name} | {opset} | {operations} | {weights} | {:.0} | {:.0} | {count} | {apart:.4} |",
        conversion.as_secs_f64() * 1e3,
        middle.as_secs_f64() * 1e3
    );
    ensure!(apart <= APART, "differences of {apart} pixels");
    Ok(())
}
