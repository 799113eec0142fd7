//! Damaged catalogs: a bit, a sector, or a truncation anywhere in `catalog.sqlite` or its log.
//!
//! An identification gives the correct answer or an error. `check` reports every other difference. A write never duplicates a subject.
//! `GALLERIST_DAMAGES` sets the number of damages of each kind (default 40), `GALLERIST_DAMAGE_SEED` their seed.

use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use gallerist::decision::Threshold;
use gallerist::experiment::{Calibrator, Probe, record};
use gallerist::face::Provenance;
use gallerist::fusion::Fusion;
use gallerist::gallery::{
    Access, EnrolledFace, Enrollment, Gallery, GraphWhen, ImportedRow, KnownPath, Name, PhotoOutcome, Search,
};
use gallerist::template::Binding;

use crate::catalog::{add, copy, named, template};
use crate::decision::D;
use crate::program::House;
use crate::unknown_faces::unknown;

const PEOPLE: u64 = 60;

fn number_of(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(otherwise)
}

/// Everything that can be read from a gallery, as text for comparison.
#[derive(Debug, PartialEq)]
struct Read {
    /// Names, scores and the threshold in use.
    answers: String,
    /// All other values by kind. An error is stored as text.
    rest: Vec<Result<String, String>>,
}

fn answers(gallery: &Gallery) -> Result<String, String> {
    let mut said = String::new();
    let found = record::calibration(gallery, None).map_err(|error| error.to_string())?;
    let subjects = gallery.counts().map_err(|error| error.to_string())?.0;
    let threshold = match &found {
        Some((id, one)) => one.threshold(*id, &one.targets[..1], subjects).map_err(|e| e.to_string())?,
        None => Threshold::uncalibrated(gallery.binding()).unwrap(),
    };
    said += &format!("{threshold:?}\n");
    for fusion in [Fusion::Max, Fusion::Quality] {
        let search = Search { fusion, ..Search::default() };
        for number in (0..PEOPLE + 10).step_by(3) {
            let found = gallery.identify(&template(number), 3, &search).map_err(|error| error.to_string())?;
            said += &format!("{:?} {:?}\n", found.candidates, found.max_score);
        }
    }
    Ok(said)
}

fn read(gallery: &Gallery) -> Result<Read, String> {
    let answers = answers(gallery)?;
    let text = |result: Result<String, gallerist::gallery::GalleryError>| result.map_err(|e| e.to_string());
    let mut subjects = String::new();
    let listed = gallery.each_subject(|subject| subjects += &format!("{subject:?}\n"));
    let known = |number: u64| gallery.photo(&[number as u8; 32]).map(|photo| format!("{photo:?}"));
    Ok(Read {
        answers,
        rest: vec![
            text(listed.map(|()| subjects)),
            text(gallery.counts().map(|counts| format!("{counts:?}"))),
            text(gallery.templates_after(0, 10_000).map(|all| format!("{all:?}"))),
            text(gallery.first_templates().map(|all| format!("{all:?}"))),
            text(gallery.template_ids_after(0, 10_000).map(|all| format!("{all:?}"))),
            text(
                gallery
                    .subject("p-7")
                    .and_then(|one| gallery.templates_of(&one))
                    .map(|all| format!("{all:?}")),
            ),
            text(record::audited(gallery, "graph").map(|audit| format!("{audit:?}"))),
            text(known(200)),
            text(known(1)),
            text(gallery.unknown_count().map(|count| format!("{count}"))),
            text(gallery.unknown_faces_after(0, 10_000).map(|all| format!("{all:?}"))),
            text(gallery.other_paths(&[200; 32]).map(|all| format!("{all:?}"))),
            text(gallery.other_paths(&[215; 32]).map(|all| format!("{all:?}"))),
            Ok(format!("{:?}", gallery.binding())),
        ],
    })
}

/// A face with this quality.
pub fn provenance(overall: u64) -> Provenance {
    let quality = serde_json::json!({
        "size_px": 80.0, "detector_score": 0.9, "sharpness": 1.0, "yaw": 0.0, "pitch": 0.0, "roll": 0.0,
        "overall": overall,
    });
    serde_json::from_value(serde_json::json!({
        "bounds": [1.0, 2.0, 3.0, 4.0], "score": 0.9, "landmarks": [[1.0, 1.0], [2.0, 1.0], [1.5, 2.0], [1.0, 3.0], [2.0, 3.0]], "quality": quality,
    }))
    .unwrap()
}

fn face(number: u64) -> EnrolledFace {
    let provenance = provenance(40 + number % 50);
    EnrolledFace { person: named(&format!("p-{number}")), template: template(number + 500), provenance }
}

/// A gallery with subjects, a calibration and corrections: closed at `closed`, and in the state after a kill at `killed`.
fn make(house: &House) {
    let gallery =
        Gallery::create(&house.path("closed"), &Binding::external(D, Some(0.6)), GraphWhen::Never).unwrap();
    add(&gallery, 0, PEOPLE);
    let photos: Vec<Enrollment> = (0..20)
        .map(|number| Enrollment {
            path: format!("photos/{number}.jpg").into(),
            hash: [200 + number as u8; 32],
            settings: "none".into(),
            faces: Ok(vec![face(number)]),
        })
        .collect();
    assert!(matches!(gallery.enroll(&photos).unwrap()[0], PhotoOutcome::Enrolled(_)));
    let probes: Vec<Probe> = (1000..1300)
        .map(|number| Probe { template: template(number), name: number.to_string(), person: None })
        .collect();
    let sample = Calibrator {
        gallery: &gallery,
        fusion: Fusion::Max,
        targets: &[0.1],
        progress: &|_| {},
        stop: &AtomicBool::new(false),
    };
    record::keep_calibration(&gallery, &sample.given(&probes).unwrap().unwrap()).unwrap();
    gallery.rename_subject("p-3", &Name::new("Ada").unwrap()).unwrap();
    let seen = |number: u8| KnownPath {
        hash: [200 + number; 32],
        path: format!("copies/{number}.jpg").into(),
        person: None,
    };
    gallery.add_paths(&(0..10).map(seen).collect::<Vec<_>>()).unwrap();
    // Templates for the identifications.
    let unknown = (0..20)
        .map(|number| unknown(100 + number, &format!("crowd/{number}.jpg"), &[3 * u64::from(number) + 60]));
    gallery.add_unknown_faces(&unknown.collect::<Vec<_>>()).unwrap();
    drop(gallery);
    copy(&house.path("closed"), &house.path("open"));
    let gallery = Gallery::open(&house.path("open")).unwrap();
    gallery.merge_subjects("p-4", "p-5").unwrap();
    gallery.rename_subject("p-6", &Name::new("Grace").unwrap()).unwrap();
    gallery.remove_subject("p-9").unwrap();
    add(&gallery, PEOPLE, 5);
    let faces: Vec<u64> = gallery.unknown_faces_after(0, 3).unwrap().iter().map(|face| face.id).collect();
    gallery.move_templates(&faces[..2], "Named").unwrap();
    gallery.remove_templates(&faces[2..]).unwrap();
    copy(&house.path("open"), &house.path("killed"));
}

#[derive(Debug, Clone, Copy)]
enum Damage {
    Bit,
    Sector,
    Cut,
}

fn damage(bytes: &mut Vec<u8>, how: Damage, mut random: impl FnMut() -> u64) -> String {
    let at = (random() % bytes.len() as u64) as usize;
    match how {
        Damage::Bit => {
            let bit = random() % 8;
            bytes[at] ^= 1 << bit;
            format!("bit {bit} of byte {at}")
        }
        Damage::Sector => {
            let start = at / 512 * 512;
            let end = (start + 512).min(bytes.len());
            bytes[start..end].fill(0);
            format!("sector at {start}")
        }
        Damage::Cut => {
            bytes.truncate(at);
            format!("cut to {at}")
        }
    }
}

/// Reads and then writes a damaged gallery. Returns the violations.
fn judge(damaged: &Path, right: &Read) -> Result<bool, String> {
    let problems = match Gallery::check_at(damaged, false, Duration::ZERO, &record::problem) {
        Ok(found) => found.problems,
        Err(error) => vec![error.to_string()],
    };
    let reader = Gallery::open_with(damaged, Access::ReadOnly, Duration::ZERO);
    match reader.map_err(|error| error.to_string()).and_then(|gallery| read(&gallery)) {
        Ok(found) if found.answers != right.answers => {
            return Err(format!("other answers: {}", found.answers));
        }
        Ok(found) if found != *right && problems.is_empty() => {
            let differs = found.rest.iter().zip(&right.rest).find(|(one, other)| one != other);
            return Err(format!("check says sound, and it reads {differs:?}"));
        }
        Err(error) if problems.is_empty() => {
            return Err(format!("check says sound, and reading fails: {error}"));
        }
        _ => {}
    }
    // A writer either refuses, or every subject remains one subject.
    if let Ok(gallery) = Gallery::open(damaged) {
        let source = gallery.source(&[9; 32], Path::new("more.npy"), 2);
        let more = [("Ada", 2000), ("p-11", 2001)].map(|(name, number)| ImportedRow {
            row: number - 2000,
            person: Some(named(name)),
            template: template(number),
            photo: None,
        });
        let wrote = source.is_ok_and(|source| gallery.import(&source, &more).is_ok());
        let mut listed = Vec::new();
        if gallery.each_subject(|subject| listed.push(subject.name)).is_ok() {
            let all = listed.len();
            listed.sort();
            listed.dedup();
            if listed.len() != all {
                return Err("two people of one name".into());
            }
        }
        for (number, name) in [(3, "Ada"), (11, "p-11"), (2001, "p-11")] {
            let found = gallery.identify(&template(number), 1, &Search::default());
            if let Ok(found) = found
                && (wrote || number < 2000)
                && found.candidates[0].subject != name
            {
                return Err(format!("after a write {name} is {:?}", found.candidates[0]));
            }
        }
    }
    Ok(problems.is_empty())
}

#[test]
fn a_damaged_catalog_gives_the_right_answer_or_an_error() {
    let house = House::empty();
    make(&house);
    let (count, seed) = (number_of("GALLERIST_DAMAGES", 40), number_of("GALLERIST_DAMAGE_SEED", 1));
    let mut state = seed;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let (mut silent, mut harmless, mut tried) = (Vec::new(), 0, 0);
    for (made, file) in
        [("closed", "catalog.sqlite"), ("killed", "catalog.sqlite"), ("killed", "catalog.sqlite-wal")]
    {
        let right =
            read(&Gallery::open_with(&house.path(made), Access::ReadOnly, Duration::ZERO).unwrap()).unwrap();
        assert!(right.rest.iter().all(Result::is_ok), "{right:?}");
        for how in [Damage::Bit, Damage::Sector, Damage::Cut] {
            for _ in 0..count {
                let damaged = house.path("damaged");
                copy(&house.path(made), &damaged);
                let mut bytes = fs::read(damaged.join(file)).unwrap();
                let what = damage(&mut bytes, how, &mut random);
                fs::write(damaged.join(file), bytes).unwrap();
                tried += 1;
                match std::panic::catch_unwind(AssertUnwindSafe(|| judge(&damaged, &right))) {
                    Ok(Ok(sound)) => harmless += u64::from(sound),
                    Ok(Err(wrong)) => silent.push(format!("{made}/{file}, {what}: {wrong}")),
                    Err(_) => silent.push(format!("{made}/{file}, {what}: a panic")),
                }
            }
        }
    }
    println!("{tried} damages, {harmless} harmless, {} wrong", silent.len());
    assert!(silent.is_empty(), "{} of {tried}:\n{}", silent.len(), silent[..silent.len().min(20)].join("\n"));
    assert!(harmless < tried);
}
