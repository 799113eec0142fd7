use std::path::Path;

use super::*;
use crate::encoder::{Device, Engine, Kind, Member, hexadecimal};
use crate::face::{Chip, Crop};
use sha2::{Digest, Sha256};

fn stand_in() -> Model {
    Model::named("stand-in").unwrap()
}

fn faces() -> Vec<Aligned> {
    let value = |at: usize, face: usize| (at * (7 + face) % 251) as u8;
    let crop = |face| Crop { side: 112, pixels: (0..3 * 112 * 112).map(|at| value(at, face)).collect() };
    (0..3).map(|face| Aligned::of(Chip::ARCFACE_112, crop(face))).collect()
}

fn model(weights: &[f32], dimension: usize, mirror: bool, projection: Option<Projection>) -> Model {
    let members = weights.iter().map(|&weight| Member { model: stand_in(), weight }).collect();
    let kind = Kind::Ensemble(Ensemble { members, mirror, projection });
    Model { name: "fused".into(), dimension, kind, ..stand_in() }
}

fn encoded(model: &Model) -> Vec<Vec<f32>> {
    let engine = Engine::load(model, Device::Cpu, false).unwrap();
    let templates = engine.encoder.encode(&faces()).unwrap();
    templates.iter().map(|template| template.as_slice().to_vec()).collect()
}

fn file(folder: &Path, bytes: &[u8]) -> Projection {
    let path = folder.join("projection.safetensors");
    std::fs::write(&path, bytes).unwrap();
    Projection::in_file(crate::encoder::Weights { file: path, sha256: hexadecimal(&Sha256::digest(bytes)) })
}

#[test]
fn members_are_weighed_and_put_side_by_side() {
    let single = encoded(&stand_in());
    let length = f32::sqrt(1.0 + 0.25);
    for (fused, single) in encoded(&model(&[1.0, 0.5], 128, false, None)).iter().zip(&single) {
        assert_eq!(fused.len(), 128);
        for (at, value) in single.iter().enumerate() {
            assert!((fused[at] - value / length).abs() < 1e-6);
            assert!((fused[64 + at] - 0.5 * value / length).abs() < 1e-6);
        }
    }
}

#[test]
fn a_projection_multiplies_the_combined_vector() {
    let folder = tempfile::tempdir().unwrap();
    // Component 0 of the template is component 3 of the first member, component 1 is component 5 of the second one, twice.
    let mut values = vec![0.0; 2 * 128];
    (values[3], values[128 + 64 + 5]) = (1.0, 2.0);
    let projection = file(folder.path(), &Matrix::new(128, values).to_bytes().unwrap());
    for (fused, single) in
        encoded(&model(&[1.0, 1.0], 2, false, Some(projection))).iter().zip(encoded(&stand_in()))
    {
        let expected = Template::from_raw(&[single[3], 2.0 * single[5]]).unwrap();
        assert!(fused.iter().zip(expected.as_slice()).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}

#[test]
fn a_mirrored_ensemble_is_the_same_for_a_face_and_its_mirror_image() {
    let engine = Engine::load(&model(&[1.0], 64, true, None), Device::Cpu, false).unwrap();
    let mirrored: Vec<Aligned> = faces().iter().map(Aligned::mirrored).collect();
    let (plain, mirrored) =
        (engine.encoder.encode(&faces()).unwrap(), engine.encoder.encode(&mirrored).unwrap());
    assert_eq!(plain, mirrored);
    assert_ne!(
        plain,
        Engine::load(&stand_in(), Device::Cpu, false).unwrap().encoder.encode(&faces()).unwrap()
    );
}

#[test]
fn a_projection_that_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |bytes: &[u8]| {
        let fused = model(&[1.0, 1.0], 2, false, Some(file(folder.path(), bytes)));
        Engine::load(&fused, Device::Cpu, false).unwrap_err().to_string()
    };
    let matrix = |columns, values| Matrix::new(columns, values).to_bytes().unwrap();
    assert!(refused(b"no tensors").contains("not a safetensors file"));
    let told = refused(&matrix(64, vec![0.0; 128]));
    assert!(told.contains("[2, 64], expected F32 [2, 128]"), "{told}");
    let mut values = vec![0.0; 256];
    values[7] = f32::NAN;
    let told = refused(&matrix(128, values));
    assert!(told.contains("value 7") && told.contains("NaN"), "{told}");

    let changed = file(folder.path(), &matrix(128, vec![0.5; 256]));
    std::fs::write(folder.path().join("projection.safetensors"), matrix(128, vec![0.25; 256])).unwrap();
    let told = Engine::load(&model(&[1.0, 1.0], 2, false, Some(changed)), Device::Cpu, false).unwrap_err();
    assert!(matches!(told, EncoderError::WeightsChanged { .. }), "{told}");
}
