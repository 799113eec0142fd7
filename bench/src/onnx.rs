//! Imported ONNX files, compared with ONNX Runtime.
//!
//! ```text
//! bench/reference/onnx_models.py FOLDER
//! cargo run --release -p gallerist-bench -- onnx FOLDER
//! ```
//!
//! Converts every NAME.onnx in FOLDER and runs it on five pictures, together and one by one. Prints a Markdown table: the operator set, the
//! operations and weights after the conversion, the lowest cosine with the outputs in NAME.f32, and the largest difference between two
//! numbers of the unit vectors. Fails if a cosine is below 0.99999, or below 0.999 for weights in half precision.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use gallerist::encoder::{ChannelOrder, Device, Engine, Input, Kind, Model, Network, Runtime, Weights, onnx};
use gallerist::face::{Aligned, Chip, Crop};
use gallerist::template::Template;
use gallerist_index::dot;

/// Number of pictures.
const CROPS: u32 = 5;

/// Runs the comparison.
///
/// # Errors
/// A file is not converted, or its result differs.
pub fn run(arguments: &[String]) -> Result<()> {
    let [folder] = arguments else { bail!("onnx FOLDER") };
    let entries = std::fs::read_dir(folder).with_context(|| folder.clone())?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "onnx"));
    files.sort();
    println!("| file | operator set | operations | weights | lowest cosine | largest difference |");
    println!("|---|---|---|---|---|---|");
    let work = tempfile::tempdir()?;
    for file in &files {
        compare(file, work.path()).with_context(|| file.display().to_string())?;
    }
    println!("\n{} files agree.", files.len());
    Ok(())
}

fn compare(file: &Path, work: &Path) -> Result<()> {
    let converted = onnx::convert(std::fs::read(file)?, None)?;
    let weights = work.join("weights.safetensors");
    std::fs::write(&weights, &converted.bytes)?;
    let chip = *Chip::of_side(converted.side).first().context("no chip of this size")?;
    let model = Model {
        name: "imported".into(),
        dimension: converted.dimension,
        kind: Kind::Network(Network {
            runtime: Runtime::Graph,
            input: Input { chip, channels: ChannelOrder::Rgb, mean: [127.5; 3], scale: (1.0 / 127.5).into() },
            weights: Some(Weights::of(weights, &converted.bytes)),
        }),
        ..Model::named("mobilefacenet-192").context("no built-in model")?
    };
    let engine = Engine::load(&model, Device::Cpu, false)?;
    let expected = std::fs::read(file.with_extension("f32"))?;
    let expected: Vec<f32> = expected.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    ensure!(
        expected.len() == CROPS as usize * model.dimension,
        "{} numbers in the .f32 file",
        expected.len()
    );
    let face = |number| Aligned::of(chip, picture(number, converted.side));
    let crops: Vec<Aligned> = (0..CROPS).map(face).collect();
    let mut templates = engine.encoder.encode(&crops)?;
    for crop in &crops {
        templates.extend(engine.encoder.encode(std::slice::from_ref(crop))?);
    }
    let (mut lowest, mut largest) = (1.0_f32, 0.0_f32);
    for (template, expected) in templates.iter().zip(expected.chunks(model.dimension).cycle()) {
        let (found, expected) = (template.as_slice(), Template::from_raw(expected)?);
        lowest = lowest.min(dot(found, expected.as_slice()));
        let apart = found.iter().zip(expected.as_slice()).map(|(a, b)| (a - b).abs());
        largest = largest.max(apart.fold(0.0, f32::max));
    }
    let name = file.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let (opset, operations, count) = (converted.opset, converted.operations, converted.weights);
    println!("| {name} | {opset} | {operations} | {count} | {lowest:.7} | {largest:.1e} |");
    let least = if name.contains("half") { 0.999 } else { 0.999_99 };
    ensure!(lowest >= least, "cosine {lowest}");
    Ok(())
}

/// One of the pictures of `bench/reference/onnx_models.py`.
fn picture(number: u32, side: u32) -> Crop {
    let value =
        |x: u32, y: u32, c: u32| (x * (7 + number) + y * 13 + c * 29 + ((x * y) >> 3) + number * 41) & 255;
    let points = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
    Crop { side, pixels: points.flat_map(|(x, y)| [0, 1, 2].map(|c| value(x, y, c) as u8)).collect() }
}
