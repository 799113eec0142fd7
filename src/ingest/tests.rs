use std::path::Path;

use super::*;
use crate::encoder::{Device, Encoder, Model};
use crate::face::{Aligned, Chip, NetworkError};

fn engine() -> Engine {
    Engine::load(&Model::named("stand-in").unwrap(), Device::Cpu, false).unwrap()
}

/// Paths of files that do not exist: the cheapest inputs.
fn missing_files(count: usize) -> impl Iterator<Item = Input> + Send {
    (0..count).map(|n| Input { root: PathBuf::new(), path: format!("/missing/{n}").into(), problem: None })
}

#[test]
fn outcomes_are_in_the_order_of_their_inputs() {
    let mut seen = 0;
    let options = Options { workers: 4, ..Options::default() };
    run(
        &engine(),
        missing_files(3 * MAX_IN_FLIGHT),
        &options,
        &|_| false,
        &AtomicBool::new(false),
        |outcome| {
            assert_eq!(outcome.input.path, Path::new(&format!("/missing/{seen}")));
            assert!(matches!(outcome.finding, Finding::Skipped(skip) if skip.reason.code() == "unreadable"));
            seen += 1;
            Ok::<(), ()>(())
        },
    )
    .unwrap();
    assert_eq!(seen, 3 * MAX_IN_FLIGHT);
}

#[test]
fn an_error_of_the_sink_stops_the_pipeline() {
    for fail_at in [0, 5, MAX_IN_FLIGHT] {
        let mut taken = 0;
        let options = Options { workers: 3, ..Options::default() };
        let end = run(
            &engine(),
            missing_files(20 * MAX_IN_FLIGHT),
            &options,
            &|_| false,
            &AtomicBool::new(false),
            |_| {
                taken += 1;
                if taken > fail_at { Err("full") } else { Ok(()) }
            },
        );
        assert_eq!((end, taken), (Err("full"), fail_at + 1));
    }
}

#[test]
fn a_stop_finishes_photos_in_flight_and_starts_no_more() {
    let stop = AtomicBool::new(false);
    let mut seen = 0;
    run(&engine(), missing_files(100 * MAX_IN_FLIGHT), &Options::default(), &|_| false, &stop, |_| {
        seen += 1;
        stop.store(true, Ordering::Relaxed);
        Ok::<(), ()>(())
    })
    .unwrap();
    assert!((1..=MAX_IN_FLIGHT + 64).contains(&seen), "{seen}");
}

/// An encoder that fails on dark crops with a given error.
struct Refusing(fn() -> NetworkError, Box<dyn Encoder>);

impl Encoder for Refusing {
    fn encode(&self, faces: &[Aligned]) -> Result<Vec<Template>, NetworkError> {
        let crop = |face: &Aligned| face.crop(Chip::ARCFACE_112).unwrap().clone();
        let dark = |face: &Aligned| crop(face).pixels.iter().all(|&value| value < 40);
        if faces.iter().any(dark) { Err((self.0)()) } else { self.1.encode(faces) }
    }
}

/// Processes two bright photos and a dark one with an encoder that fails on the dark one.
fn with_a_dark_one(error: fn() -> NetworkError) -> Vec<Finding> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, brightness: u8| {
        let path = folder.path().join(name);
        let pixel = |x: u32, y: u32| ::image::Luma([brightness + ((x / 8 + y / 8) % 16) as u8]);
        ::image::GrayImage::from_fn(128, 128, pixel).save(&path).unwrap();
        path
    };
    let paths = [write("1.png", 150), write("2.png", 10), write("3.png", 90)];
    let Engine { detector, encoder, model } = engine();
    let engine = Engine { detector, encoder: Box::new(Refusing(error, encoder)), model };
    let mut found = Vec::new();
    let options = Options { workers: 1, ..Options::default() };
    run(&engine, files(paths), &options, &|_| false, &AtomicBool::new(false), |outcome| {
        found.push(outcome.finding);
        Ok::<(), ()>(())
    })
    .unwrap();
    found
}

#[test]
fn a_refused_crop_does_not_affect_its_batch() {
    let refusal = || NetworkError::Failed { model: "m".into(), reason: "not a template".into() };
    let found = with_a_dark_one(refusal);
    assert!(matches!(&found[..], [Finding::Faces(..), Finding::Skipped(_), Finding::Faces(..)]), "{found:?}");
    assert!(
        matches!(&found[1], Finding::Skipped(skip) if skip.reason.code() == "encode_failed" && !skip.is_temporary())
    );
}

#[test]
fn a_failure_of_the_library_is_temporary() {
    let failure = || NetworkError::Library { model: "m".into(), reason: "not enough memory".into() };
    let found = with_a_dark_one(failure);
    assert!(
        matches!(&found[1], Finding::Skipped(skip) if skip.reason.code() == "temporary_failure" && skip.is_temporary())
    );
}

#[test]
fn photos_wait_for_memory_and_one_larger_than_the_budget_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..12)
        .map(|n| {
            let path = folder.path().join(format!("{n:02}.png"));
            let side = if n == 7 { 400 } else { 128 };
            ::image::RgbImage::from_fn(side, side, |x, y| ::image::Rgb([x as u8, y as u8, n]))
                .save(&path)
                .unwrap();
            path
        })
        .collect();
    let mut options = Options { workers: 8, ..Options::default() };
    options.limits.memory = 300_000; // enough for one of the small ones at a time
    let mut codes = Vec::new();
    run(&engine(), files(paths), &options, &|_| false, &AtomicBool::new(false), |outcome| {
        codes.push(match outcome.finding {
            Finding::Skipped(skip) => skip.to_string(),
            _ => String::new(),
        });
        Ok::<(), ()>(())
    })
    .unwrap();
    let refused: Vec<_> = codes.iter().enumerate().filter(|(_, code)| !code.is_empty()).collect();
    assert!(matches!(&refused[..], [(7, told)] if told.contains("max_memory")), "{refused:?}");
}

#[test]
fn refusals_by_limits_are_valid_for_those_limits_and_others_for_all() {
    let plain = Options::default();
    let mut raised = Options::default();
    raised.limits.pixels *= 2;
    assert_ne!(plain.settings("too_large"), raised.settings("too_large"));
    assert_eq!(plain.settings("no_face"), raised.settings("no_face"));
    let strict = Options { min_quality: 50, ..Options::default() };
    assert_ne!(plain.settings("low_quality"), strict.settings("low_quality"));
    for code in ["unsupported", "decode_failed"] {
        assert_eq!(plain.settings(code), strict.settings(code));
        assert!(plain.settings(code).ends_with(&format!("programs={}", crate::image::programs())));
    }
}

#[test]
fn the_options_of_the_detection_are_read_from_stored_settings() {
    let detect = DetectOptions { min_face: 27.5, min_share: 0.0 };
    for options in [Options::default(), Options { detect, faces: Faces::All, ..Options::default() }] {
        assert_eq!(Options::detect_of(&options.settings("enrolled")), Some(options.detect));
    }
    for other in ["imported", "", "min_face=20", "min_face=x min_share=0", "min_face=NaN min_share=0"] {
        assert_eq!(Options::detect_of(other), None, "{other}");
    }
}
