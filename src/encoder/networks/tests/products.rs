//! Products on the devices of this machine against the scores of the index.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use gallerist::encoder::{Device, EncoderError, Model};
use gallerist::gallery::{
    Gallery, GraphWhen, ImportedRow, Join, JoinDevice, Name, Pair, PairSubjects, Person, Products, Side,
    Tile, VectorError, VectorErrorKind, View, dot,
};
use gallerist::template::Template;

use crate::networks::products::{self, TorchProducts};

/// Products on the CPU, and on the CUDA device if there is one. libtorch checks for that at its first call.
fn devices() -> Vec<Box<dyn Products>> {
    let cuda = match products::new(Device::Cuda) {
        Err(EncoderError::Device { device: "cuda", .. }) => None,
        cuda => cuda.unwrap(),
    };
    cuda.into_iter().chain([Box::new(TorchProducts::on(tch::Device::Cpu)) as Box<dyn Products>]).collect()
}

/// Unit vectors near some directions: row `i` is near direction `i % near`.
fn rows(count: usize, dimension: usize, near: usize) -> Vec<Vec<f32>> {
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let mut directions: Vec<Vec<f32>> = Vec::new();
    directions.resize_with(near, || (0..dimension).map(|_| random()).collect());
    let row = |at: usize| {
        let noisy: Vec<f32> = directions[at % near].iter().map(|x| x + 0.5 * random()).collect();
        let length = noisy.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        noisy.iter().map(|x| (f64::from(*x) / length) as f32).collect()
    };
    (0..count).map(row).collect()
}

/// A gallery of these rows, three of each subject.
fn gallery(folder: &Path, rows: &[Vec<f32>]) -> Gallery {
    let binding = Model::named("stand-in").unwrap().binding();
    let gallery = Gallery::create(&folder.join("gallery"), &binding, GraphWhen::Never).unwrap();
    let source = gallery.source(&[1; 32], Path::new("rows.npy"), rows.len() as u64).unwrap();
    let row = |(row, vector): (u64, &Vec<f32>)| ImportedRow {
        row,
        person: Some(Person::Named(Name::new(&format!("person {}", row / 3)).unwrap())),
        template: Template::from_raw(vector).unwrap(),
        photo: None,
    };
    gallery.import(&source, &(0..).zip(rows).map(row).collect::<Vec<_>>()).unwrap();
    gallery
}

/// All pairs, by the products of a device or without one.
fn joined(
    view: &View,
    (min_score, subjects): (f32, PairSubjects),
    device: JoinDevice<'_>,
) -> Result<Vec<Pair>, VectorError> {
    let mut all = Vec::new();
    let (stop, progress) = (AtomicBool::new(false), |_: u64, _: u64| {});
    let join = Join { min_score, subjects, stop: &stop, progress: &progress, device };
    let is_whole = view.join(join, &mut |pairs| {
        all.extend_from_slice(pairs);
        ControlFlow::Continue(())
    });
    assert!(is_whole?);
    all.sort_by_key(|pair| pair.ids);
    Ok(all)
}

/// Products that can count and fail.
struct Watched {
    of: Box<dyn Products>,
    found: usize,
    /// Whether the rows are loaded with a dimension that does not fit the probes.
    is_wrong: bool,
}

impl Products for Watched {
    fn error(&self, dimension: usize) -> f32 {
        self.of.error(dimension)
    }

    fn load(&mut self, side: Side, rows: &[f32], dimension: usize) -> Result<(), String> {
        let is_halved = self.is_wrong && side == Side::Rows;
        self.of.load(side, rows, if is_halved { dimension / 2 } else { dimension })
    }

    fn reached(
        &mut self,
        tile: &Tile,
        cut: f32,
        most: usize,
        found: &mut Vec<[u32; 2]>,
    ) -> Result<bool, String> {
        let before = found.len();
        let all = self.of.reached(tile, cut, most, found);
        self.found += found.len() - before;
        all
    }
}

#[test]
fn a_join_with_products_gives_the_pairs_and_bits_of_one_without() {
    let folder = tempfile::tempdir().unwrap();
    let gallery = gallery(folder.path(), &rows(9_000, 64, 700));
    let view = gallery.view().unwrap();
    for of in devices() {
        let mut device = Watched { of, found: 0, is_wrong: false };
        for subjects in [PairSubjects::Any, PairSubjects::Different] {
            for least in [0.7, 0.8, 0.9] {
                let expected = joined(&view, (least, subjects), None).unwrap();
                device.found = 0;
                let found = joined(&view, (least, subjects), Some(&mut device)).unwrap();
                assert!(found == expected && !found.is_empty(), "{least} {subjects:?}: {}", found.len());
                // A tile on the diagonal gives each row itself, and its pairs twice. The products rule out nearly all of the rest.
                let most = 3 * found.len() + 9_000;
                assert!(device.found <= most, "{least}: {} for {}", device.found, found.len());
            }
        }
    }
}

#[test]
fn a_failing_device_is_an_error_of_the_join() {
    let folder = tempfile::tempdir().unwrap();
    let gallery = gallery(folder.path(), &rows(10, 64, 3));
    for of in devices() {
        let mut device = Watched { of, found: 0, is_wrong: true };
        let error =
            joined(&gallery.view().unwrap(), (0.5, PairSubjects::Any), Some(&mut device)).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), VectorErrorKind::Device, "{text}");
        assert!(
            text.starts_with("join: the device failed: libtorch: ") && text.lines().count() == 1,
            "{text}"
        );
    }
}

#[test]
fn products_are_as_exact_as_they_say_and_too_many_are_not_given() {
    for mut device in devices() {
        for dimension in [1, 17, 512, 2048] {
            let rows = rows(60, dimension, 5);
            let lengthwise: Vec<f32> = rows.iter().flatten().copied().collect();
            for side in [Side::Probes, Side::Rows] {
                device.load(side, &lengthwise, dimension).unwrap();
            }
            let (tile, cut) = (Tile { probes: 10..50, rows: 5..60 }, 0.6);
            let mut found = vec![[7, 7]];
            assert!(device.reached(&tile, cut, 10_000, &mut found).unwrap());
            assert_eq!(found.remove(0), [7, 7]);
            let error = device.error(dimension);
            for probe in tile.probes.clone() {
                for row in tile.rows.clone() {
                    let (is_found, score) =
                        (found.contains(&[probe as u32, row as u32]), dot(&rows[probe], &rows[row]));
                    assert!(is_found || score < cut + error, "{dimension}: {score}");
                    assert!(!is_found || score > cut - error, "{dimension}: {score}");
                }
            }
            let (count, mut again) = (found.len(), Vec::new());
            assert!(!device.reached(&tile, cut, count - 1, &mut again).unwrap() && again.is_empty());
            assert!(device.reached(&tile, cut, count, &mut again).unwrap() && again.len() == count);
        }
    }
}
