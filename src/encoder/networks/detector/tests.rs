//! Batches and packed pictures give what single pictures give.

use gallerist::encoder::{Model, models_dir};

use super::*;

fn networks(packs: bool) -> TorchNetworks {
    let file = models_dir().join(&Model::detector().file);
    let bytes = std::fs::read(&file).unwrap();
    TorchNetworks { packs, ..TorchNetworks::load(&file, &bytes, Device::Cpu).unwrap() }
}

fn pictures(count: usize, height: usize, width: usize) -> Pictures {
    let value = |at: u32| (at.wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 23) as f32 - 1.0;
    let start = (height * 31 + width) as u32;
    let values = (0..(3 * count * height * width) as u32).map(|at| value(at + start)).collect();
    Pictures { count, height, width, values }
}

fn assert_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-4, "{found}, expected {expected}");
    }
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn packed_pictures_have_the_grids_of_single_ones() {
    let sizes =
        [(12, 12), (13, 12), (12, 15), (75, 75), (54, 53), (38, 61), (21, 2000), (33, 12), (14, 1023)];
    let levels: Vec<Pictures> = sizes.iter().map(|&(height, width)| pictures(1, height, width)).collect();
    let expected = networks(false).propose(levels.clone()).unwrap();
    let found = networks(true).propose(levels).unwrap();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found.columns, expected.columns);
        assert_close(&found.probabilities, &expected.probabilities);
        assert_close(&found.offsets, &expected.offsets);
    }
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn many_threads_with_batches_get_the_results_of_one_without() {
    let alone = networks(false);
    let batched = BatchedNetworks::new(networks(true)).unwrap();
    std::thread::scope(|scope| {
        for caller in 0..8 {
            let (alone, batched) = (&alone, &batched);
            scope.spawn(move || {
                let levels = vec![pictures(1, 40 + caller, 50), pictures(1, 20, 30 + caller)];
                let expected = alone.propose(levels.clone()).unwrap();
                for (found, expected) in batched.propose(levels).unwrap().iter().zip(&expected) {
                    assert_close(&found.probabilities, &expected.probabilities);
                }
                let candidates = pictures(1 + caller, 24, 24);
                let probability =
                    |found: Vec<Judgement>| -> Vec<f32> { found.iter().map(|one| one.probability).collect() };
                let expected = probability(alone.refine(candidates.clone()).unwrap());
                assert_close(&probability(batched.refine(candidates).unwrap()), &expected);
                let candidates = pictures(1 + caller, 48, 48);
                let expected = alone.output(candidates.clone()).unwrap();
                for (found, expected) in batched.output(candidates).unwrap().iter().zip(&expected) {
                    assert_close(&found.points, &expected.points);
                }
            });
        }
    });
}
