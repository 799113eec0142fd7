//! Comparison with the references: the landmarks of facenet-pytorch, and the embeddings of one synthetic crop from the original
//! runtimes of the encoders (LiteRT, ONNX Runtime, dlib).

mod detectors;
mod imported;
mod products;

use std::path::Path;

use serde::Deserialize;

use gallerist::encoder::{Device, EncoderError, Engine, Model};
use gallerist::face::{Aligned, Chip, Crop, DetectOptions};
use gallerist::image::{self, Limits};
use gallerist::template::Template;

fn load(model: &Model, device: Device, trusted: bool) -> Result<Engine, EncoderError> {
    Engine::provide(super::networks::load);
    Engine::load(model, device, trusted)
}

/// The engine of a built-in model on each device of this machine.
fn engines(name: &str) -> Vec<Engine> {
    let model = Model::named(name).unwrap();
    let on = |device| match load(&model, device, false) {
        Ok(engine) => Some(engine),
        Err(EncoderError::Device { .. }) if device == Device::Cuda => None,
        Err(error) => panic!("{error}"),
    };
    // CUDA first: libtorch checks for it at its first call.
    let engines: Vec<Engine> = [Device::Cuda, Device::Cpu].into_iter().filter_map(on).collect();
    eprintln!("{name}: on {} device(s)", engines.len());
    engines
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The crop whose embeddings are in `golden/`. Its colour differs at every pixel, and the models have different sides.
fn synthetic(chip: Chip) -> Crop {
    let side = chip.side();
    let value = |x: u32, y: u32, c: u32| ((x * 7 + y * 13 + c * 29 + ((x * y) >> 3)) & 255) as u8;
    let pixels = (0..side).flat_map(|y| (0..side).flat_map(move |x| [0, 1, 2].map(|c| value(x, y, c))));
    Crop { side, pixels: pixels.collect() }
}

fn face(crop: Crop) -> Aligned {
    Aligned::of(Chip::ARCFACE_112, crop)
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn encoders_agree_with_their_original_runtimes() {
    for (name, golden) in [
        ("mobilefacenet-192", include_str!("golden/mobilefacenet-192.json")),
        ("mobilefacenet-512", include_str!("golden/mobilefacenet-512.json")),
        ("dlib-128", include_str!("golden/dlib-128.json")),
    ] {
        let golden: Vec<f32> = serde_json::from_str(golden).unwrap();
        let golden = Template::from_raw(&golden).unwrap();
        for engine in engines(name) {
            let chip = engine.model.chips()[0];
            let crop = synthetic(chip);
            // Another crop in the batch must not change the result.
            let grey = Crop { side: crop.side, pixels: vec![99; crop.pixels.len()] };
            for crops in [vec![crop.clone()], vec![grey, crop]] {
                let faces: Vec<Aligned> = crops.into_iter().map(|crop| Aligned::of(chip, crop)).collect();
                let templates = engine.encoder.encode(&faces).unwrap();
                let score = cosine(templates.last().unwrap().as_slice(), golden.as_slice());
                assert!(score > 0.999_99, "{name}: cosine {score} to the reference");
            }
        }
    }
}

/// The matrix of the built-in ensemble, read without the code under test.
fn projection() -> Vec<f32> {
    let bytes = include_bytes!("../models/duo-128.safetensors");
    let start = 8 + u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    bytes[start..].as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect()
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn the_ensemble_projects_the_outputs_of_its_members() {
    let golden =
        [include_str!("golden/mobilefacenet-192.json"), include_str!("golden/mobilefacenet-512.json")];
    let outputs = golden.iter().flat_map(|golden| {
        let raw: Vec<f32> = serde_json::from_str(golden).unwrap();
        Template::from_raw(&raw).unwrap().as_slice().to_vec()
    });
    let outputs: Vec<f32> = outputs.collect();
    let expected: Vec<f32> = projection().chunks(outputs.len()).map(|row| cosine(row, &outputs)).collect();
    let expected = Template::from_raw(&expected).unwrap();
    for engine in engines("duo-128") {
        let crop = synthetic(Chip::ARCFACE_112);
        let grey = Crop { side: crop.side, pixels: vec![99; crop.pixels.len()] };
        for faces in [vec![face(crop.clone())], vec![face(grey), face(crop)]] {
            let templates = engine.encoder.encode(&faces).unwrap();
            let score = cosine(templates.last().unwrap().as_slice(), expected.as_slice());
            assert!(score > 0.999_99, "cosine {score} to the projected reference");
        }
    }
}

#[derive(Deserialize)]
struct Golden {
    file: String,
    width: u32,
    height: u32,
    min_face: f32,
    faces: Vec<GoldenFace>,
}

#[derive(Deserialize)]
struct GoldenFace {
    r#box: [f32; 4],
    score: f32,
    landmarks: [[f32; 2]; 5],
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn landmarks_agree_with_facenet_pytorch() {
    let engines = engines("mobilefacenet-192");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let golden = std::fs::read_to_string(tests.join("golden/mtcnn.json")).unwrap();
    let golden: Vec<Golden> = serde_json::from_str(&golden).unwrap();
    assert!(golden.iter().any(|expected| expected.faces.len() > 1));
    for expected in golden {
        let bytes = std::fs::read(tests.join(&expected.file)).unwrap();
        let photo = image::decode(&bytes, &Limits::default()).unwrap();
        let options = DetectOptions { min_face: expected.min_face, min_share: 0.0 };
        assert_eq!((photo.width, photo.height), (expected.width, expected.height));
        // PNG, because decoders agree on its pixels. They differ for JPEG.
        let allowed = 0.01;
        let faces = engines.iter().flat_map(|engine| {
            let faces = engine.detector.detect(&photo, &options).unwrap();
            assert_eq!(faces.len(), expected.faces.len(), "{}", expected.file);
            faces.into_iter().zip(&expected.faces)
        });
        for (face, golden) in faces {
            let apart =
                |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            let points = apart(face.landmarks.as_flattened(), golden.landmarks.as_flattened());
            let bounds = apart(&face.bounds, &golden.r#box);
            eprintln!("{}: landmarks within {points:.4} px, bounds within {bounds:.4} px", expected.file);
            assert!(points <= allowed && bounds <= allowed, "{}: {points} and {bounds} px", expected.file);
            assert!((face.score - golden.score).abs() < 1e-3);
        }
    }
}

/// Every 40th photo of LFW through the complete pipeline, compared with embeddings made with other landmarks of the same detector.
#[test]
#[cfg_attr(not(all(models_installed, shared_faces)), ignore = "needs the models and ../shared/faces")]
fn real_photos_agree_with_their_reference_embeddings() {
    let faces = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/faces");
    let list = std::fs::read_to_string(faces.join("lfw_images.tsv")).unwrap();
    for (name, reference) in [
        ("mobilefacenet-192", "lfw_mobilefacenet.npy"),
        ("mobilefacenet-512", "lfw_faceplugin512.npy"),
        ("dlib-128", "lfw_dlib.npy"),
    ] {
        let engines = engines(name);
        let reference = npyz::NpyFile::new(std::fs::File::open(faces.join(reference)).unwrap()).unwrap();
        let reference: Vec<f32> = reference.into_vec().unwrap();
        let mut cosines: Vec<f32> = Vec::new();
        for (at, file) in list.lines().enumerate().step_by(40) {
            let photo =
                image::decode(&std::fs::read(faces.join("lfw").join(file)).unwrap(), &Limits::default());
            let photo = photo.unwrap();
            let templates = engines.iter().filter_map(|engine| {
                let found = engine.detector.detect(&photo, &DetectOptions::default()).unwrap();
                let face = Aligned::new(&photo, &found.first()?.landmarks, &engine.model.chips());
                Some(engine.encoder.encode(&[face]).unwrap().remove(0))
            });
            let templates: Vec<Template> = templates.collect();
            let Some(template) = templates.last() else { continue };
            assert_eq!(templates.len(), engines.len(), "{file}: a face on one device and none on another");
            for other in &templates {
                let alike = cosine(template.as_slice(), other.as_slice());
                assert!(alike > 0.999_99, "{file}: devices differ: cosine {alike}");
            }
            let row = &reference[at * template.dimension()..][..template.dimension()];
            cosines.push(cosine(template.as_slice(), Template::from_raw(row).unwrap().as_slice()));
        }
        cosines.sort_by(f32::total_cmp);
        let (median, low) = (cosines[cosines.len() / 2], cosines[cosines.len() / 20]);
        eprintln!("{name}: {} photos, cosine median {median:.4}, 5 % quantile {low:.4}", cosines.len());
        assert!(cosines.len() >= 140 && median >= 0.98 && low >= 0.9, "{name}: {median} and {low}");
    }
}

/// A TorchScript model made for this test: the mean of each colour. `permute` makes the order of the axes visible.
fn script_model(folder: &Path) -> Model {
    let input = tch::Tensor::f_zeros([1, 3, 112, 112], (tch::Kind::Float, tch::Device::Cpu)).unwrap();
    let mut means = |inputs: &[tch::Tensor]| vec![inputs[0].mean_dim([2_i64, 3].as_slice(), false, None)];
    let module = tch::CModule::create_by_tracing("means", "forward", &[input], &mut means).unwrap();
    let file = folder.join("means.pt");
    module.save(&file).unwrap();
    let sha256 = gallerist::encoder::hexadecimal(&sha2::Digest::finalize(sha2::Digest::chain_update(
        <sha2::Sha256 as sha2::Digest>::new(),
        std::fs::read(&file).unwrap(),
    )));
    let manifest = format!(
        "name = \"means\"\nkind = \"torchscript\"\ndimension = 3\nchip = \"arcface-112\"\nchannels = \"bgr\"\n\
         mean = [1.0, 0.0, 0.0]\nscale = 0.5\nthreshold = 0.4\nthreshold_basis = \"none\"\nlicence = \"none\"\n\
         provenance = \"a test\"\n[weights]\nfile = \"means.pt\"\nsha256 = \"{sha256}\"\n"
    );
    std::fs::write(folder.join("means.toml"), manifest).unwrap();
    Model::from_manifest(&folder.join("means.toml")).unwrap()
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn a_users_torchscript_runs_when_trusted_and_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let model = script_model(folder.path());
    assert!(matches!(load(&model, Device::Cpu, false), Err(EncoderError::Untrusted { .. })));
    let engine = load(&model, Device::Cpu, true).unwrap();
    let pixels = [10, 20, 31].repeat(112 * 112);
    let template = engine.encoder.encode(&[face(Crop { side: 112, pixels })]).unwrap().remove(0);
    let expected = Template::from_raw(&[15.0, 10.0, 5.0]).unwrap(); // blue minus its mean first
    assert!(cosine(template.as_slice(), expected.as_slice()) > 0.999_999, "{template:?}");

    let wide = load(&Model { dimension: 4, ..model.clone() }, Device::Cpu, true).unwrap();
    let error = wide.encoder.encode(&[face(synthetic(Chip::ARCFACE_112))]).unwrap_err().to_string();
    assert!(error.contains("(1, 3), expected (1, 4)"), "{error}");

    std::fs::write(folder.path().join("means.pt"), "other content").unwrap();
    assert!(matches!(load(&model, Device::Cpu, true), Err(EncoderError::WeightsChanged { .. })));
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn crops_of_the_wrong_size_and_empty_batches() {
    for engine in engines("mobilefacenet-192") {
        assert!(engine.encoder.encode(&[]).unwrap().is_empty());
        let wrong = Aligned::of(Chip::DLIB_150, synthetic(Chip::DLIB_150));
        let error = engine.encoder.encode(&[wrong]).unwrap_err().to_string();
        assert!(error.contains("not aligned to arcface-112"), "{error}");
        let error = engine.encoder.encode(&[face(synthetic(Chip::DLIB_150))]).unwrap_err().to_string();
        assert!(error.contains("150") && error.contains("112"), "{error}");
    }
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn many_threads_get_the_same_result_as_one() {
    let crop = face(synthetic(Chip::ARCFACE_112));
    let photo = include_bytes!("../../../tests/golden/four_faces.png");
    let photo = image::decode(photo, &Limits::default()).unwrap();
    for engine in &engines("mobilefacenet-192") {
        let alone = engine.encoder.encode(std::slice::from_ref(&crop)).unwrap();
        let faces = engine.detector.detect(&photo, &DetectOptions::default()).unwrap();
        assert_eq!(faces.len(), 4);
        let again = || {
            for _ in 0..3 {
                assert_eq!(engine.encoder.encode(std::slice::from_ref(&crop)).unwrap(), alone);
                assert_eq!(engine.detector.detect(&photo, &DetectOptions::default()).unwrap(), faces);
            }
        };
        std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(again))));
    }
}
