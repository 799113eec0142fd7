//! SCRFD detectors in ONNX files (`tests/onnx/detectors`), compared with ONNX Runtime and the published post-processing.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{cosine, load};
use gallerist::encoder::{DetectorFile, Device, EncoderError, Engine, Model};
use gallerist::face::scrfd::confidence;
use gallerist::face::{Aligned, DetectOptions, Face};
use gallerist::image::{self, Limits, Photo};

/// The faces in one picture, as `bench/reference/scrfd.py` writes them.
#[derive(Deserialize)]
struct Expected {
    picture: String,
    width: u32,
    height: u32,
    faces: Vec<ExpectedFace>,
}

#[derive(Deserialize)]
struct ExpectedFace {
    r#box: [f32; 4],
    score: f32,
    landmarks: [[f32; 2]; 5],
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx").join(name)
}

fn photo(name: &str, width: u32, height: u32) -> Photo {
    if name.starts_with("synthetic") {
        let value = |x: u32, y: u32, c: u32| {
            let bands = (x * (3 + c)) / 7 + (y * (5 - c)) / 9 + 60 * (((x / 97) + (y / 61)) % 3);
            (bands + ((x * y) >> (9 + c))) as u8
        };
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let pixels = places.flat_map(|(x, y)| [0, 1, 2].map(|c| value(x, y, c))).collect();
        return Photo { width, height, pixels };
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.png"));
    image::decode(&std::fs::read(file).unwrap(), &Limits::default()).unwrap()
}

/// An engine with an encoder of the fixtures, in `folder`, and a detector.
fn engine(detector: &str, device: Device, folder: &Path) -> Result<Engine, EncoderError> {
    let model = super::imported::imported(&fixture("mobilefacenet.onnx"), folder);
    let detector = DetectorFile::open(&fixture(detector), false)?;
    load(&model.with_detector(detector), device, false)
}

const DETECTORS: [&str; 2] = ["detectors/resnet.onnx", "detectors/mobile-batched.onnx"];
/// All faces, however small.
const ALL: DetectOptions = DetectOptions { min_face: 1.0, min_share: 0.0 };

#[test]
fn faces_are_those_of_the_published_post_processing() {
    for name in DETECTORS {
        let folder = tempfile::tempdir().unwrap();
        // CUDA first: libtorch checks for it at its first call.
        let engines = [Device::Cuda, Device::Cpu].map(|device| engine(name, device, folder.path()));
        let expected = std::fs::read_to_string(fixture(name).with_extension("json")).unwrap();
        let expected: Vec<Expected> = serde_json::from_str(&expected).unwrap();
        for engine in engines {
            let engine = match engine {
                Err(EncoderError::Device { .. }) => continue,
                engine => engine.unwrap(),
            };
            for Expected { picture, width, height, faces: expected } in &expected {
                let photo = photo(picture, *width, *height);
                assert_eq!((photo.width, photo.height), (*width, *height));
                let mut found = engine.detector.detect(&photo, &ALL).unwrap();
                let area = |face: &Face| face.size().iter().product::<f32>();
                assert!(found.is_sorted_by(|a, b| area(a) >= area(b)), "{name}: {picture}");
                found.sort_by(|a, b| b.score.total_cmp(&a.score));
                assert_eq!(found.len(), expected.len(), "{name}: {picture}");
                let mut apart = 0.0_f32;
                for (face, expected) in found.iter().zip(expected) {
                    let numbers = face.bounds.iter().chain(face.landmarks.as_flattened());
                    let others = expected.r#box.iter().chain(expected.landmarks.as_flattened());
                    apart = numbers.zip(others).map(|(a, b)| (a - b).abs()).fold(apart, f32::max);
                    assert!((face.score - confidence(expected.score)).abs() < 1e-4, "{name}: {picture}");
                }
                eprintln!("{name}: {picture}: {} faces within {apart:.4} px", found.len());
                assert!(apart <= 0.05, "{name}: {picture}: {apart} px");
            }
        }
    }
}

#[test]
fn many_threads_find_the_faces_that_one_finds() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(DETECTORS[1], Device::Cpu, folder.path()).unwrap();
    let photo = photo("four_faces", 0, 0);
    let alone = engine.detector.detect(&photo, &ALL).unwrap();
    assert!(!alone.is_empty());
    let again = || assert_eq!(engine.detector.detect(&photo, &ALL).unwrap(), alone);
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(again))));
}

#[test]
fn another_detector_aligns_faces_otherwise_and_the_encoder_stays() {
    let folder = tempfile::tempdir().unwrap();
    let photo = photo("four_faces", 0, 0);
    let [one, other] = DETECTORS.map(|name| engine(name, Device::Cpu, folder.path()).unwrap());
    assert_ne!(one.model.fingerprint(), other.model.fingerprint());
    let template = |engine: &Engine, by: &Engine| {
        let face = by.detector.detect(&photo, &ALL).unwrap().remove(0);
        let aligned = Aligned::new(&photo, &face.landmarks, &engine.model.chips());
        engine.encoder.encode(&[aligned]).unwrap().remove(0)
    };
    let same = cosine(template(&one, &one).as_slice(), template(&other, &one).as_slice());
    assert!(same > 0.999_99, "{same}");
    assert_ne!(template(&one, &one), template(&one, &other));
}

#[test]
fn a_changed_file_is_not_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("det.onnx");
    std::fs::copy(fixture(DETECTORS[0]), &file).unwrap();
    let model = super::imported::imported(&fixture("mobilefacenet.onnx"), folder.path());
    let manifest = |sha256: &str| {
        format!(
            "name = \"mine\"\nkind = \"graph\"\ndimension = 32\nchip = \"arcface-112\"\nchannels = \"rgb\"\n\
             mean = [127.5, 127.5, 127.5]\nscale = 0.0078125\nthreshold = 0.4\nthreshold_basis = \"none\"\n\
             licence = \"none\"\nprovenance = \"a test\"\n[weights]\nfile = \"weights.safetensors\"\nsha256 = \"{}\"\n\
             [detector]\nfile = \"det.onnx\"\nsha256 = \"{sha256}\"\n",
            model.files()[0].sha256
        )
    };
    let detector = DetectorFile::open(&file, false).unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, manifest(&detector.weights.sha256)).unwrap();
    let read = Model::from_manifest(&path).unwrap();
    read.check_weights().unwrap();
    load(&read, Device::Cpu, false).unwrap();
    std::fs::write(&file, "other").unwrap();
    assert!(matches!(load(&read, Device::Cpu, false), Err(EncoderError::WeightsChanged { .. })));
    assert!(matches!(read.check_weights(), Err(EncoderError::WeightsChanged { .. })));
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(load(&read, Device::Cpu, false), Err(EncoderError::MissingWeights { .. })));
}
