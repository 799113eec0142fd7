//! ONNX files of the usual architectures (`tests/onnx`), compared with ONNX Runtime.

use std::path::Path;

use super::{cosine, face, load, synthetic};
use gallerist::encoder::{ChannelOrder, Device, Input, Kind, Model, Network, Runtime, Weights, onnx};
use gallerist::face::{Aligned, Chip, Crop};
use gallerist::template::Template;

/// The pictures of `bench/reference/onnx_models.py`.
fn pictures(chip: Chip) -> Vec<Aligned> {
    let side = chip.side();
    let value =
        |n: u32, x: u32, y: u32, c: u32| (x * (7 + n) + y * 13 + c * 29 + ((x * y) >> 3) + n * 41) & 255;
    let crop = |n: u32| {
        let points = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
        Crop { side, pixels: points.flat_map(|(x, y)| [0, 1, 2].map(|c| value(n, x, y, c) as u8)).collect() }
    };
    (0..5).map(|n| Aligned::of(chip, crop(n))).collect()
}

/// Converts an ONNX file into `folder`.
pub(super) fn imported(file: &Path, folder: &Path) -> Model {
    let converted = onnx::convert(std::fs::read(file).unwrap(), None);
    let converted = converted.unwrap_or_else(|refusal| panic!("{}: {refusal}", file.display()));
    let weights = folder.join("weights.safetensors");
    std::fs::write(&weights, &converted.bytes).unwrap();
    let chip = Chip::of_side(converted.side)[0];
    Model {
        name: "imported".into(),
        dimension: converted.dimension,
        kind: Kind::Network(Network {
            runtime: Runtime::Graph,
            input: Input { chip, channels: ChannelOrder::Rgb, mean: [127.5; 3], scale: (1.0 / 127.5).into() },
            weights: Some(Weights::of(weights, &converted.bytes)),
        }),
        ..Model::named("mobilefacenet-192").unwrap()
    }
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn architectures_agree_with_onnx_runtime_in_batches_of_any_size() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx");
    let mut files: Vec<_> = std::fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "onnx"));
    files.sort();
    assert_eq!(files.len(), 9);
    for file in files {
        let folder = tempfile::tempdir().unwrap();
        let engine = load(&imported(&file, folder.path()), Device::Cpu, false).unwrap();
        let expected = std::fs::read(file.with_extension("f32")).unwrap();
        let expected: Vec<f32> =
            expected.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        let crops = pictures(engine.model.chips()[0]);
        let together = engine.encoder.encode(&crops).unwrap();
        assert_eq!(expected.len(), crops.len() * engine.model.dimension);
        for (at, expected) in expected.chunks(engine.model.dimension).enumerate() {
            let expected = Template::from_raw(expected).unwrap();
            let alone = engine.encoder.encode(&crops[at..=at]).unwrap().remove(0);
            for template in [&together[at], &alone] {
                let score = cosine(template.as_slice(), expected.as_slice());
                assert!(score >= 0.999_99, "{}: cosine {score} for picture {at}", file.display());
            }
        }
    }
}

/// The original of `mobilefacenet-512`, with the input of that model.
#[test]
#[cfg_attr(
    not(all(models_installed, sources_installed)),
    ignore = "needs the models and the files that tools/setup downloads"
)]
fn the_published_file_gives_the_templates_of_the_installed_model() {
    let folder = tempfile::tempdir().unwrap();
    let installed = Model::named("mobilefacenet-512").unwrap();
    let imported = imported(&Path::new(env!("GALLERIST_SOURCES")).join("fr_feature.onnx"), folder.path());
    let (Kind::Network(own), Kind::Network(expected)) = (&imported.kind, &installed.kind) else {
        panic!("these are networks")
    };
    let network = Network { input: expected.input, ..own.clone() };
    let imported = Model { kind: Kind::Network(network), ..imported.clone() };
    let crops = [face(synthetic(Chip::ARCFACE_112))];
    let [a, b] = [imported, installed]
        .map(|model| load(&model, Device::Cpu, false).unwrap().encoder.encode(&crops).unwrap().remove(0));
    let score = cosine(a.as_slice(), b.as_slice());
    assert!(score >= 0.999_99, "cosine {score}");
}
