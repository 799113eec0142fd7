//! Galleries that are migrated to another model: everything is carried over, resumable, and never half.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gallerist::encoder::Model;
use gallerist::gallery::{Access, Gallery, GalleryError, RenewedTemplate, SubjectTemplate};
use gallerist::template::Binding;
use serde_json::Value;

use crate::program::{House, Said, command, encode, gallerist, photo, vectors};

/// A house with a gallery of the stand-in and another model, `mirrored.toml`, which finds the same faces.
fn house() -> House {
    let house = House::new();
    let start = ["model", "fuse", "stand-in", "--mirror", "--out"].map(OsStr::new);
    gallerist(start.into_iter().chain([model(&house).as_os_str()])).ends(0);
    house
}

fn model(house: &House) -> PathBuf {
    house.path("mirrored.toml")
}

/// Two photos of each of some people. The second one is brighter.
fn people(house: &House, count: u64) {
    for person in 0..count {
        let first = photo(1000 + person);
        let second = image::load_from_memory(&first).unwrap().brighten(9);
        house.write(format!("people/p{person:03}/1.png"), &first);
        house.write(format!("people/p{person:03}/2.png"), &encode(&second, image::ImageFormat::Png));
    }
    house.enroll("people").ends(0);
}

fn reembed_command(house: &House, more: &[&str]) -> std::process::Command {
    let (model, own) = (model(house), house.gallery());
    let given = [OsStr::new("reembed"), own.as_os_str(), "--model".as_ref(), model.as_os_str()];
    command(given.into_iter().chain(more.iter().map(OsStr::new)))
}

fn reembed(house: &House, more: &[&str]) -> Said {
    Said::of(reembed_command(house, more).output().unwrap())
}

fn former(house: &House) -> PathBuf {
    house.path("gallery.before-mirrored")
}

fn work(house: &House) -> PathBuf {
    house.path("gallery.reembed")
}

fn open(path: &Path) -> Gallery {
    Gallery::open_with(path, Access::ReadOnly, Duration::ZERO).unwrap()
}

/// The subject of a template, by id and name, and its path.
type Template = (Option<(u64, String)>, Option<PathBuf>);

/// The templates of a gallery by their ids.
fn templates(path: &Path) -> BTreeMap<u64, Template> {
    let gallery = open(path);
    let named = gallery.templates_after(0, 10_000).unwrap();
    let named = named.into_iter().map(|one| (one.id, (Some((one.subject_id, one.subject)), one.path)));
    let unknown = gallery.unknown_faces_after(0, 10_000).unwrap();
    named.chain(unknown.into_iter().map(|one| (one.id, (None, one.path)))).collect()
}

#[track_caller]
fn is_sound(path: &Path) {
    let found = gallerist(["check".as_ref(), path.as_os_str()]).ends(0);
    assert!(found.out.starts_with("sound"), "{}", found.out);
}

/// The best candidate for a photo, and the decision.
#[track_caller]
fn identify(house: &House, path: &Path, probe: &str, new: bool) -> (String, Option<i32>) {
    let (model, probe) = (model(house), house.path(probe));
    let mut words = vec![OsStr::new("identify"), path.as_os_str(), probe.as_os_str()];
    words.extend(["--format", "json"].map(OsStr::new));
    if new {
        words.extend([OsStr::new("--model"), model.as_os_str()]);
    }
    let said = gallerist(words);
    (said.json()[0]["matches"][0]["subject"].as_str().unwrap().to_owned(), said.code)
}

#[test]
fn everything_is_carried_over_with_its_ids() {
    let house = house();
    people(&house, 22);
    // A photo of two faces without names, and corrections.
    let pair =
        image::RgbImage::from_fn(256, 128, |x, y| image::Rgb([((x * 3) ^ y) as u8, (x * y) as u8, y as u8]));
    house.write("more/pair.png", &encode(&pair.into(), image::ImageFormat::Png));
    let more = house.path("more");
    house.run("enroll", [more.as_os_str(), "--unnamed".as_ref()]).ends(0);
    house.run("subject rename", ["p000", "Ada"]).ends(0);
    house.run("subject merge", ["p001", "p002"]).ends(0);
    let before = templates(&house.gallery());
    let of = |name: &str| {
        let is_of = |subject: &Option<(u64, String)>| subject.as_ref().is_some_and(|(_, own)| own == name);
        *before.iter().find(|(_, (subject, _))| is_of(subject)).unwrap().0
    };
    house.run("subject reject", ["p003", "--template", &of("p003").to_string()]).ends(0);
    house.run("dedup subjects", ["--distinct", "5,6"]).ends(0);
    house.run("calibrate", ["--target-fpir", "0.1"]).ends(0);
    let before = templates(&house.gallery());
    let (rejections, distinct, journal) = {
        let gallery = open(&house.gallery());
        (gallery.rejections().unwrap(), gallery.distinct_subjects().unwrap(), gallery.journal().unwrap())
    };

    let summary = reembed(&house, &["--format", "json"]).ends(0).summary();
    assert_eq!((&summary["templates"]["before"], &summary["templates"]["after"]), (&43.into(), &43.into()));
    assert_eq!((&summary["unknown"]["after"], &summary["subjects"]["after"]), (&3.into(), &21.into()));
    assert_eq!((&summary["from"]["name"], &summary["to"]["name"]), (&"stand-in".into(), &"mirrored".into()));
    assert_eq!(summary["missing"], Value::Array(Vec::new()));
    let parity = &summary["parity"];
    // All but the one template that p003 has left.
    assert_eq!((&parity["people"], &parity["probes"]), (&20.into(), &42.into()), "{parity}");
    assert!(parity["before"]["rank1"].as_u64().unwrap() >= 38, "{parity}");
    assert!(parity["after"]["rank1"].as_u64().unwrap() >= 38, "{parity}");
    assert_eq!(
        (&parity["before"]["calibrated"], &parity["after"]["calibrated"]),
        (&true.into(), &true.into())
    );
    assert_eq!(summary["calibrations"][0]["target_fpir"][0], 0.1);

    assert_eq!(templates(&house.gallery()), before, "ids, subjects and paths");
    assert_eq!(templates(&former(&house)), before, "the old gallery");
    assert!(!work(&house).exists());
    for path in [house.gallery(), former(&house)] {
        is_sound(&path);
        let gallery = open(&path);
        assert_eq!(gallery.rejections().unwrap(), rejections);
        assert_eq!(gallery.distinct_subjects().unwrap(), distinct);
        assert_eq!(gallery.journal().unwrap(), journal);
    }
    assert_eq!(open(&house.gallery()).binding().model, "mirrored");
    assert_eq!(identify(&house, &house.gallery(), "people/p000/1.png", true), ("Ada".into(), Some(10)));
    assert_eq!(identify(&house, &former(&house), "people/p000/1.png", false), ("Ada".into(), Some(10)));
    // A correction from before is undone after.
    let merge = journal.iter().find(|entry| entry.verb == "merge").unwrap().id;
    house.run("undo", ["--entry", &merge.to_string()]).ends(0);
    assert!(open(&house.gallery()).subject("p001").is_ok());
    is_sound(&house.gallery());
    // And new photos are enrolled.
    house.photo("new/Grace/1.png", 5);
    let (new, model) = (house.path("new"), model(&house));
    let more =
        [new.as_os_str(), "--subject-from".as_ref(), "dir".as_ref(), "--model".as_ref(), model.as_os_str()];
    house.run("enroll", more).ends(0);
    is_sound(&house.gallery());
}

/// Replaces the gallery by one that differs in its fingerprint only: that of the version of the program before this one.
fn make_earlier(house: &House) {
    let stand_in = Model::named("stand-in").unwrap();
    let fingerprint = stand_in.earlier_fingerprints().pop().unwrap();
    let (own, place) = (house.gallery(), house.path("earlier"));
    let gallery = open(&own);
    let view = gallery.view_with_unknown().unwrap();
    let renewed = |row: SubjectTemplate| RenewedTemplate {
        id: row.id,
        subject: Some(row.subject_id),
        template: {
            let stored = view.vectors(&[row.id]).next().unwrap().unwrap().unwrap();
            gallerist::template::Template::from_raw(&stored.vector).unwrap()
        },
        provenance: row.face.unwrap(),
    };
    let rows = gallery.templates_after(0, 10_000).unwrap();
    let mut rows = Some(rows.into_iter().map(renewed).collect());
    let binding = Binding { fingerprint, ..stand_in.binding() };
    gallery.make_successor::<GalleryError>(&place, &binding, || Ok(rows.take())).unwrap();
    drop((view, gallery));
    fs::remove_dir_all(&own).unwrap();
    fs::rename(place, own).unwrap();
}

#[test]
fn a_gallery_of_the_earlier_pipeline_is_carried_over_to_the_same_model() {
    let house = house();
    people(&house, 4);
    house.run("subject rename", ["p000", "Ada"]).ends(0);
    make_earlier(&house);
    let (before, journal) = (templates(&house.gallery()), open(&house.gallery()).journal().unwrap());
    assert_eq!((before.len(), journal.len()), (8, 1));

    let (more, probe) = (house.path("people"), house.path("people/p001/1.png"));
    let enroll = house.run("enroll", [more.as_os_str(), "--subject-from".as_ref(), "dir".as_ref()]);
    for said in [enroll, house.run("identify", [probe.as_os_str()])] {
        let said = said.ends(1);
        assert!(
            said.err.contains("earlier version") && said.err.contains("gallerist reembed"),
            "{}",
            said.err
        );
    }
    assert_eq!(templates(&house.gallery()), before);

    let said = house.run("reembed", ["--model", "stand-in", "--format", "json"]).ends(0);
    let summary = said.summary();
    assert_eq!((&summary["from"]["name"], &summary["to"]["name"]), (&"stand-in".into(), &"stand-in".into()));
    assert_ne!(summary["from"]["fingerprint"], summary["to"]["fingerprint"]);
    assert_eq!(templates(&house.gallery()), before);
    assert_eq!(open(&house.gallery()).journal().unwrap(), journal);
    is_sound(&house.gallery());
    let kept = open(&house.path("gallery.before-stand-in"));
    assert!(Model::named("stand-in").unwrap().is_of_earlier_pipeline(&kept.binding().fingerprint));
    assert_eq!(identify(&house, &house.gallery(), "people/p001/1.png", false), ("p001".into(), Some(10)));
    assert!(house.run("reembed", ["--model", "stand-in"]).ends(1).err.contains("nothing to do"));
}

#[test]
fn lists_and_vectors_of_no_former_model_are_left_behind() {
    let house = house();
    people(&house, 3);
    let list = gallerist::gallery::Name::new("vip").unwrap();
    Gallery::open(&house.gallery()).unwrap().set_list(&list, &[1, 3]).unwrap();
    house.run("set-threshold", ["0.75"]).ends(0);
    let said = reembed(&house, &[]).ends(0);
    for part in [
        "the threshold 0.750 was set for the old model",
        "is of model mirrored now, from stand-in: 3 subjects with 6 templates",
        "every face",
        "rank 1",
        "TAR",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    assert!(said.out.contains("is kept as"), "{}", said.out);
    assert_eq!(open(&house.gallery()).list("vip").unwrap(), [1, 3]);
    let settled = open(&house.gallery());
    assert_eq!(settled.view_with_unknown().unwrap().len(), 6);
    assert_eq!(settled.unerased().unwrap(), 0);
}

#[test]
fn a_killed_migration_resumes_and_the_old_gallery_answers_meanwhile() {
    let house = house();
    people(&house, 150);
    let before = templates(&house.gallery());
    let log = work(&house).join("faces.log");
    let mut child = reembed_command(&house, &[]).stdout(std::process::Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while fs::metadata(&log).map_or(0, |file| file.len()) == 0 {
        assert!(started.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(identify(&house, &house.gallery(), "people/p007/1.png", false), ("p007".into(), Some(10)));
    child.kill().unwrap();
    child.wait().unwrap();
    let known = fs::metadata(&log).map_or(0, |file| file.len());
    assert!(known > 0);
    assert_eq!((templates(&house.gallery()), former(&house).exists()), (before.clone(), false));

    // The photos that were done are not read again: the second run does not miss them.
    let mut gone = 0;
    for person in 0..150 {
        let path = house.path(format!("people/p{person:03}/1.png"));
        if is_logged(&log, &path) {
            fs::remove_file(&path).unwrap();
            gone += 1;
        }
    }
    assert!(gone > 0, "the log has {known} bytes");
    let summary = reembed(&house, &["--format", "json"]).ends(0).summary();
    assert_eq!(summary["templates"]["after"], 300);
    assert_eq!(templates(&house.gallery()), before);
    is_sound(&house.gallery());
}

/// Whether a log names the photo at a path.
fn is_logged(log: &Path, photo: &Path) -> bool {
    use sha2::{Digest, Sha256};
    let hash: [u8; 32] = Sha256::digest(fs::read(photo).unwrap()).into();
    let text = serde_json::to_vec(&hash).unwrap();
    fs::read(log).unwrap().windows(text.len()).any(|part| part == text)
}

#[test]
fn a_missing_and_a_changed_photo_are_named_and_refused() {
    let house = house();
    people(&house, 4);
    fs::remove_file(house.path("people/p001/2.png")).unwrap();
    house.write("people/p002/1.png", &photo(77));
    let before = templates(&house.gallery());
    let said = reembed(&house, &[]).ends(1);
    assert!(
        said.out.contains("of p001") && said.out.contains("p001/2.png  (the photo is not at its path"),
        "{}",
        said.out
    );
    assert!(said.out.contains("p002/1.png  (the file at the path"), "{}", said.out);
    let keeps = format!("{} keeps what was encoded", work(&house).canonicalize().unwrap().display());
    assert!(said.err.contains(&keeps), "{}", said.err);
    for part in ["2 faces", "1 (the photo is not", "1 (the file at", "not changed", "--drop-missing"] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    assert_eq!((templates(&house.gallery()), former(&house).exists()), (before, false));

    // A photo that is back is carried over, and the others are left out if the user says so.
    house.write("people/p002/1.png", &photo(1002));
    let said = reembed(&house, &["--drop-missing", "--format", "json"]).ends(0);
    let missing: Vec<Value> = said.json().into_iter().filter(|line| line["event"] == "missing").collect();
    assert_eq!(missing.len(), 1);
    assert_eq!((&missing[0]["subject"], &missing[0]["reason"]), (&"p001".into(), &"photo_missing".into()));
    assert_eq!(said.summary()["templates"]["after"], 7);
    assert_eq!(said.summary()["missing"][0]["faces"], 1);
    is_sound(&house.gallery());
    assert_eq!(templates(&former(&house)).len(), 8);
    assert_eq!(identify(&house, &house.gallery(), "people/p002/1.png", true), ("p002".into(), Some(10)));
}

#[test]
fn imported_rows_without_photos_are_refused_before_anything_is_encoded() {
    let house = house();
    people(&house, 2);
    let (rows, names) = (house.write("rows.npy", &vectors(3, 64, 9)), house.write("names.txt", b"x\ny\ny\n"));
    let from = ["--from-model", "stand-in", "--subjects"].map(OsStr::new);
    house.run("import", [rows.as_os_str()].into_iter().chain(from).chain([names.as_os_str()])).ends(0);
    let said = reembed(&house, &[]).ends(1);
    assert!(
        said.out.contains("of y") && said.out.contains("rows.npy  (imported without a photo)"),
        "{}",
        said.out
    );
    assert!(said.err.contains("3 faces") && !work(&house).exists(), "{}", said.err);
    assert!(!said.err.contains("keeps what was encoded"), "{}", said.err);
    let summary = reembed(&house, &["--drop-missing", "--format", "json"]).ends(0).summary();
    assert_eq!((&summary["subjects"]["before"], &summary["subjects"]["after"]), (&4.into(), &2.into()));
    is_sound(&house.gallery());
    // Nothing of what was left out is in the new files.
    let bytes = fs::read(house.gallery().join("catalog.sqlite")).unwrap();
    assert!(!bytes.windows(8).any(|part| part == b"rows.npy"));
}

#[test]
fn another_place_leaves_the_old_gallery_alone() {
    let house = house();
    people(&house, 3);
    let before = templates(&house.gallery());
    let out = house.path("new");
    let to = ["--out", out.to_str().unwrap()];
    reembed(&house, &to).ends(0);
    assert_eq!((templates(&out), templates(&house.gallery())), (before.clone(), before));
    assert_eq!(open(&house.gallery()).binding().model, "stand-in");
    assert!(!former(&house).exists() && !house.path("new.reembed").exists());
    is_sound(&out);
    let said = reembed(&house, &to).ends(1);
    assert!(said.err.contains("exists already"), "{}", said.err);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let house = house();
    people(&house, 2);
    let said = house.run("reembed", ["--model", "stand-in"]).ends(1);
    assert!(said.err.contains("nothing to do"), "{}", said.err);
    assert!(house.run("reembed", ["--model", "no-such-model"]).ends(1).err.contains("no-such-model"));
    house.run("reembed", [""; 0]).ends(2);
    // The folder of the work contains something else, or the work of another pair.
    house.write("gallery.reembed/diary.txt", b"mine");
    assert!(reembed(&house, &[]).ends(1).err.contains("is not the folder of an unfinished migration"));
    assert_eq!(fs::read(house.path("gallery.reembed/diary.txt")).unwrap(), b"mine");
    fs::remove_dir_all(work(&house)).unwrap();
    fs::create_dir(former(&house)).unwrap();
    house.write("gallery.before-mirrored/x", b"x");
    assert!(reembed(&house, &[]).ends(1).err.contains("exists already"));
    assert!(!work(&house).exists());
    fs::remove_dir_all(former(&house)).unwrap();
    reembed(&house, &[]).ends(0);
    assert!(reembed(&house, &[]).ends(1).err.contains("nothing to do"));
}

#[test]
fn kept_pictures_replace_photos_that_are_gone() {
    let house = house();
    people(&house, 2);
    {
        let gallery = Gallery::open(&house.gallery()).unwrap();
        let hash = gallery.templates_after(0, 1).unwrap()[0].photo.unwrap();
        let path = gallery.photo(&hash).unwrap().unwrap().path;
        let bytes = fs::read(&path).unwrap();
        let decoded = gallerist::image::decode(&bytes, &Default::default()).unwrap();
        gallery.keep_picture(&hash, &gallerist::image::picture::picture(&decoded).unwrap()).unwrap();
        fs::remove_file(&path).unwrap();
    }
    let summary = reembed(&house, &["--format", "json"]).ends(0).summary();
    assert_eq!((&summary["from_pictures"], &summary["templates"]["after"]), (&1.into(), &4.into()));
    is_sound(&house.gallery());
    let gallery = open(&house.gallery());
    let hash = gallery.templates_after(0, 1).unwrap()[0].photo.unwrap();
    assert!(gallery.picture(&hash).unwrap().is_some());
}

#[test]
fn a_gallery_of_which_nothing_can_be_read_is_not_replaced_by_an_empty_one() {
    let house = house();
    people(&house, 3);
    let before = templates(&house.gallery());
    fs::rename(house.path("people"), house.path("elsewhere")).unwrap();
    let said = reembed(&house, &["--drop-missing"]).ends(1);
    assert!(said.err.contains("6 faces") && said.err.contains("not changed"), "{}", said.err);
    assert_eq!((templates(&house.gallery()), former(&house).exists()), (before, false));
}
