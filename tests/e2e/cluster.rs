//! Clusters of the faces of a gallery: people are found again, with and without names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use gallerist::gallery::{Gallery, GraphWhen, ImportedRow, UnknownFaces};
use gallerist::reply::{ClusterMethod, EngineRequest};
use gallerist::session::{ClusterRequest, Control, Progress, Session};
use gallerist::template::{Binding, Template};
use serde_json::Value;

use crate::catalog::named;
use crate::catalog_damage::provenance;
use crate::decision::{import, run};
use crate::program::{House, npy, people, vectors};

/// Components of the templates of people who are far apart.
const WIDE: usize = 128;
const METHODS: [&str; 6] = ["two-stage", "components", "average", "whispers", "density", "hdbscan"];

fn house(dimension: usize) -> House {
    let house = House::empty();
    house.run("init", ["--dimension", &dimension.to_string()]).ends(0);
    house
}

#[track_caller]
fn clustered(house: &House, words: &str) -> (Value, Vec<Value>) {
    let said = run(house, "cluster", &format!("{words} --out @faces.jsonl --format json")).ends(0);
    let lines = std::fs::read_to_string(house.path("faces.jsonl")).unwrap();
    (said.json().remove(0), lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// The clusters, each as the set of what `of` gives for its faces.
fn groups<T: Ord>(lines: &[Value], of: impl Fn(&Value) -> T) -> BTreeSet<BTreeSet<T>> {
    let mut groups: BTreeMap<u64, BTreeSet<T>> = BTreeMap::new();
    for line in lines {
        groups.entry(line["cluster"].as_u64().unwrap()).or_default().insert(of(line));
    }
    groups.into_values().collect()
}

fn ids(lines: &[Value]) -> BTreeSet<BTreeSet<u64>> {
    groups(lines, |line| line["face_id"].as_u64().unwrap())
}

/// A gallery that is open in this process.
pub fn open(house: &House) -> Gallery {
    Gallery::create(&house.gallery(), &Binding::external(WIDE, None), GraphWhen::Never).unwrap()
}

/// The same with a threshold of the gallery.
pub fn open_with(house: &House, threshold: f32) -> Gallery {
    Gallery::create(&house.gallery(), &Binding::external(WIDE, Some(threshold)), GraphWhen::Never).unwrap()
}

/// A template near the direction of a person.
pub fn face(person: u64, image: u64) -> Template {
    let numbers = |seed: u64| -> Vec<f32> {
        let file = vectors(1, WIDE, seed);
        file[file.len() - 4 * WIDE..].as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    };
    let noise = numbers(person * 1000 + image + 1_000_003);
    let own = numbers(person * 7919 + 1);
    Template::from_raw(&own.iter().zip(noise).map(|(x, n)| x + 0.4 * n).collect::<Vec<_>>()).unwrap()
}

/// A photo with these faces beside each other.
pub fn photo(number: u8, faces: &[Template]) -> UnknownFaces {
    let at = |place: usize| {
        let left = place as f32 * 20.0;
        gallerist::face::Provenance { bounds: [left, 0.0, left + 10.0, 10.0], ..provenance(60) }
    };
    UnknownFaces {
        path: format!("photo-{number}.jpg").into(),
        hash: [number; 32],
        settings: "none".into(),
        faces: faces.iter().enumerate().map(|(place, face)| (face.clone(), at(place))).collect(),
    }
}

/// Adds templates of one subject from a file.
fn add(gallery: &Gallery, name: &str, templates: Vec<Template>) {
    let mut hash = [7; 32];
    name.bytes().zip(&mut hash).for_each(|(byte, place)| *place = byte);
    let source = gallery.source(&hash, Path::new(name), templates.len() as u64).unwrap();
    let rows: Vec<ImportedRow> = (0..)
        .zip(templates)
        .map(|(row, template)| ImportedRow { row, person: Some(named(name)), template, photo: None })
        .collect();
    gallery.import(&source, &rows).unwrap();
}

#[test]
fn people_are_found_again_without_their_names() {
    let house = house(WIDE);
    import(&house, "people", people(60, 3, WIDE, 1, 0));
    for method in METHODS {
        let (summary, lines) = clustered(&house, &format!("--ignore-names --method {method}"));
        assert_eq!((&summary["faces"], &summary["clusters"]), (&180.into(), &60.into()), "{summary}");
        assert_eq!((&summary["threshold_from"], &summary["unknown"]), (&"strangers".into(), &0.into()));
        assert_eq!(summary["method"], method.replace('-', "_"));
        assert_eq!((&summary["names_obeyed"], &summary["labelled"]), (&false.into(), &Value::Null));
        let names = groups(&lines, |line| line["subject"].as_str().unwrap().to_owned());
        assert_eq!((names.len(), lines.len()), (60, 180), "{method}");
        assert!(names.iter().all(|cluster| cluster.len() == 1), "{method}: {names:?}");
        // Of equally large clusters the one with the lowest id is the first.
        let firsts: Vec<u64> =
            lines.iter().step_by(3).map(|line| line["face_id"].as_u64().unwrap()).collect();
        assert!(firsts.is_sorted() && lines[0]["cluster"] == 1 && lines[179]["cluster"] == 60);
        assert!(lines[0]["path"].as_str().unwrap().ends_with("people.npy") && lines[0]["row"] == 0);
    }
    let said = run(&house, "cluster", "--limit 2").ends(0);
    for expected in [
        "180 faces in 60 clusters, of which 0 of a single face",
        "two-stage linkage, threshold 0.",
        "from the scores of strangers in the gallery",
        "      1      3  person 1-0",
        "and 58 more of several faces",
    ] {
        assert!(said.out.contains(expected), "{expected}: {}", said.out);
    }
    let (summary, _) = clustered(&house, "--ignore-names --threshold 1");
    assert_eq!((&summary["clusters"], &summary["threshold_from"]), (&180.into(), &"given".into()));
}

#[test]
fn two_faces_of_one_photo_never_share_a_cluster() {
    let house = House::empty();
    let gallery = open(&house);
    // In every photo the first two people look alike, and are no copies.
    let photos: Vec<UnknownFaces> = (0..20)
        .map(|number| {
            let own = face(number % 4, number);
            photo(number as u8, &[own, face(number % 4, number + 500), face(50 + number % 2, number)])
        })
        .collect();
    gallery.add_unknown_faces(&photos).unwrap();
    drop(gallery);
    for method in METHODS {
        let (summary, lines) = clustered(&house, &format!("--method {method} --threshold 0.5"));
        assert_eq!((&summary["faces"], &summary["unknown"]), (&60.into(), &60.into()));
        let photos = |line: &Value| line["path"].as_str().unwrap().to_owned();
        assert_eq!(ids(&lines).iter().map(BTreeSet::len).sum::<usize>(), 60);
        for cluster in 1..=summary["clusters"].as_u64().unwrap() {
            let of = |line: &&Value| line["cluster"] == cluster;
            let paths: Vec<_> = lines.iter().filter(of).map(photos).collect();
            assert_eq!(paths.iter().collect::<BTreeSet<_>>().len(), paths.len(), "{method} {paths:?}");
        }
        assert!(lines[0]["bounds"].as_array().unwrap().len() == 4 && lines[0]["subject"].is_null());
        // Each of the first four people has a second cluster.
        assert!(
            summary["clusters"].as_u64() >= Some(10) && summary["clusters"].as_u64() < Some(30),
            "{summary}"
        );
    }
    let said = run(&house, "cluster", "--threshold 0.5").ends(0);
    assert!(said.out.contains("60 faces (60 without a name)") && said.out.contains("photo-"), "{}", said.out);
    assert!(!said.out.contains("kept together"), "{}", said.out);
}

/// Whether the faces of one person are together, by a method of the default.
#[track_caller]
fn is_one_person(house: &House, faces: usize) {
    let (summary, lines) = clustered(house, "--threshold 0.5");
    assert_eq!((summary["clusters"].as_u64(), lines.len()), (Some(1), faces), "{lines:?}");
}

#[test]
fn copies_of_a_face_in_one_photo_do_not_split_a_person() {
    let mirrored = House::empty();
    let gallery = open(&mirrored);
    let photos: Vec<UnknownFaces> =
        (0..6).map(|image| photo(image as u8, &[face(1, image), face(1, image)])).collect();
    gallery.add_unknown_faces(&photos).unwrap();
    drop(gallery);
    is_one_person(&mirrored, 12);
}

#[test]
fn a_collage_of_photos_does_not_split_their_person() {
    let house = House::empty();
    let gallery = open(&house);
    let mut photos: Vec<UnknownFaces> = (0..8).map(|image| photo(image as u8, &[face(1, image)])).collect();
    let all = [0, 1, 2, 3].map(|image| face(1, image));
    // A second file of the collage does not count as the photos of which it is made.
    photos.extend([photo(100, &all), photo(101, &all)]);
    gallery.add_unknown_faces(&photos).unwrap();
    drop(gallery);
    is_one_person(&house, 16);
    // A photo and its copies are no collage.
    let house = House::empty();
    let gallery = open(&house);
    let both = [face(1, 0), face(1, 1)];
    gallery.add_unknown_faces(&[photo(0, &both), photo(1, &both), photo(2, &both)]).unwrap();
    drop(gallery);
    let (summary, _) = clustered(&house, "--threshold 0.5");
    assert_eq!(summary["clusters"], 2);
}

#[test]
fn faces_of_low_quality_join_a_person_and_are_none_by_themselves() {
    let house = House::empty();
    let gallery = open(&house);
    let blurred = |number: u8, person: u64, image: u64| {
        let mut photo = photo(number, &[face(person, image)]);
        photo.faces[0].1.quality.overall = 20;
        photo
    };
    let mut photos: Vec<UnknownFaces> = (0..4).map(|image| photo(image as u8, &[face(1, image)])).collect();
    photos.extend((4..6).map(|image| blurred(image as u8, 1, image)));
    photos.extend((10..16).map(|image| blurred(image as u8, 2, image)));
    gallery.add_unknown_faces(&photos).unwrap();
    drop(gallery);
    for method in METHODS {
        let (_, lines) = clustered(&house, &format!("--method {method} --threshold 0.5"));
        let sizes: Vec<usize> = ids(&lines).iter().map(BTreeSet::len).filter(|faces| *faces > 1).collect();
        assert_eq!(sizes, [6], "{method}");
    }
}

#[test]
fn names_are_obeyed_unless_they_are_ignored_and_are_proposed() {
    let house = House::empty();
    let gallery = open(&house);
    for person in 0..40 {
        add(&gallery, &format!("p-{person}"), (0..3).map(|image| face(person, image)).collect());
    }
    // Grace has the face of person 1 under another name. Ada has photos that do not look like one person.
    add(&gallery, "Grace", vec![face(1, 7)]);
    add(&gallery, "Ada", vec![face(60, 0), face(61, 0)]);
    gallery.add_unknown_faces(&[photo(1, &[face(2, 8), face(70, 1)]), photo(2, &[face(2, 9)])]).unwrap();
    drop(gallery);
    let of = |lines: &[Value], subject: &str| -> BTreeSet<u64> {
        let is_of = |line: &&Value| line["subject"] == subject;
        lines.iter().filter(is_of).map(|line| line["cluster"].as_u64().unwrap()).collect()
    };
    let (summary, lines) = clustered(&house, "--labels");
    assert_eq!((&summary["names_obeyed"], &summary["labelled"]), (&true.into(), &2.into()), "{summary}");
    assert_eq!(of(&lines, "Ada").len(), 1);
    assert!(of(&lines, "Grace").is_disjoint(&of(&lines, "p-1")));
    let labels: Vec<_> = lines
        .iter()
        .filter(|line| line["subject"].is_null())
        .map(|line| (line["path"].as_str().unwrap(), line["label"].as_str()))
        .collect();
    let expected = [("photo-1.jpg", Some("p-2")), ("photo-2.jpg", Some("p-2")), ("photo-1.jpg", None)];
    assert_eq!(labels, expected);
    assert_eq!(lines[0]["label"], "p-2", "the largest cluster is the first");
    let said = run(&house, "cluster", "--labels").ends(0);
    assert!(said.out.contains("2 faces without a name are in a cluster with a name"), "{}", said.out);
    assert!(said.out.contains("p-2, 2 without a name"), "{}", said.out);

    let (summary, lines) = clustered(&house, "--ignore-names");
    assert_eq!(summary["names_obeyed"], false);
    assert_eq!(of(&lines, "Ada").len(), 2);
    assert_eq!(of(&lines, "Grace"), of(&lines, "p-1"));
    assert!(lines.iter().all(|line| line.get("label").is_none()));
}

#[test]
fn the_clusters_do_not_depend_on_the_order_of_import() {
    const D: usize = 32; // so few that people are hard to tell apart
    let (file, _) = people(60, 3, D, 1, 0);
    let rows: Vec<Vec<u8>> = file[file.len() - 180 * D * 4..].chunks(D * 4).map(<[u8]>::to_vec).collect();
    let part = |rows: &[Vec<u8>]| npy("<f4", false, &format!("({}, {D})", rows.len()), &rows.concat());
    let reversed: Vec<Vec<u8>> = rows.iter().rev().cloned().collect();
    let (one, other) = (house(D), house(D));
    run(&one, "import", one.write("all.npy", &part(&rows)).to_str().unwrap()).ends(0);
    for (name, part) in [("a.npy", part(&reversed[..50])), ("b.npy", part(&reversed[50..]))] {
        run(&other, "import", other.write(name, &part).to_str().unwrap()).ends(0);
    }
    for method in METHODS {
        let words = format!("--ignore-names --method {method}");
        let of_one = groups(&clustered(&one, &words).1, |line| line["row"].as_u64().unwrap());
        let of_other = groups(&clustered(&other, &words).1, |line| {
            let before = if line["path"].as_str().unwrap().ends_with("b.npy") { 50 } else { 0 };
            179 - before - line["row"].as_u64().unwrap()
        });
        assert!(of_one.len() < 180 && of_one.len() != 60, "{method}: {} clusters are too easy", of_one.len());
        assert_eq!(of_one, of_other, "{method}");
        // The same run again writes the same bytes.
        let written = std::fs::read(one.path("faces.jsonl")).unwrap();
        clustered(&one, &words);
        assert_eq!(std::fs::read(one.path("faces.jsonl")).unwrap(), written, "{method}");
    }
}

#[test]
fn separable_people_are_measured_with_an_f_of_one() {
    let house = house(WIDE);
    import(&house, "people", people(60, 3, WIDE, 1, 0));
    let said = run(&house, "cluster", "--evaluate --format json").ends(0).json().remove(0);
    assert_eq!((&said["faces"], &said["subjects"], &said["unknown"]), (&180.into(), &60.into(), &0.into()));
    let said = run(&house, "cluster", "--evaluate --method all --format json").ends(0).json().remove(0);
    let methods = said["methods"].as_array().unwrap();
    let names: Vec<_> = methods.iter().map(|one| one["method"].as_str().unwrap().replace('_', "-")).collect();
    assert_eq!(names, METHODS);
    for one in methods {
        let measures = &one["measures"];
        for share in ["/bcubed/f", "/pairs/f", "/v_measure", "/largest_cluster_recall"] {
            assert!(
                (measures.pointer(share).unwrap().as_f64().unwrap() - 1.0).abs() < 1e-12,
                "{share}: {one}"
            );
        }
        assert_eq!((&measures["people_split"], &measures["people_merged"]), (&0.into(), &0.into()));
    }
    let said = run(&house, "cluster", "--evaluate --method all").ends(0);
    assert!(said.out.contains("180 faces of 60 subjects, clustered without the names"), "{}", said.out);
    for method in [
        "two-stage linkage",
        "connected components",
        "average linkage",
        "Chinese whispers",
        "DBSCAN",
        "HDBSCAN",
    ] {
        let rows = said.out.lines().filter(|line| line.trim_start().starts_with(method));
        assert_eq!(rows.count(), 2, "{method}: {}", said.out);
    }
    // At a threshold that no two faces reach, all people are split.
    let said = run(&house, "cluster", "--evaluate --threshold 1 --format json").ends(0).json().remove(0);
    let measures = &said["methods"][0]["measures"];
    assert_eq!((&measures["people_split"], &measures["bcubed"]["precision"]), (&60.into(), &1.0.into()));
    assert!((measures["bcubed"]["recall"].as_f64().unwrap() - 1.0 / 3.0).abs() < 1e-12, "{said}");
}

#[test]
fn subjects_with_one_face_each_are_no_measure_and_the_missing_names_are_pointed_out() {
    let missing = "`gallerist import --subjects FILE`";
    let (house, named) = (house(WIDE), house(WIDE));
    let (file, names) = people(40, 2, WIDE, 1, 0);
    let path = house.write("all.npy", &file);
    run(&house, "import", path.to_str().unwrap()).ends(0);
    let said = run(&house, "cluster", "--evaluate").ends(0);
    assert!(said.out.contains("80 faces of 80 subjects") && said.out.contains(missing), "{}", said.out);
    import(&named, "people", (file, names));
    let said = run(&named, "cluster", "--evaluate").ends(0);
    assert!(said.out.contains("80 faces of 40 subjects") && !said.out.contains(missing), "{}", said.out);
}

#[test]
fn a_page_of_measured_clusters_has_curves_over_strangers_and_thresholds() {
    let house = House::empty();
    let gallery = open(&house);
    for person in 0..40 {
        add(&gallery, &format!("p-{person}"), (0..3).map(|image| face(person, image)).collect());
    }
    let strangers: Vec<_> =
        (0..64).map(|number| photo(number, &[face(100 + u64::from(number), 0)])).collect();
    gallery.add_unknown_faces(&strangers).unwrap();
    drop(gallery);
    let said = run(&house, "cluster", "--evaluate --method all --out @report --format json").ends(0);
    let said = said.json().remove(0);
    let points = |name: &str| said[name].as_array().unwrap().clone();
    let counts: Vec<_> =
        points("by_strangers").iter().map(|point| point["strangers"].as_u64().unwrap()).collect();
    assert_eq!(counts, [0, 4, 16, 64]);
    assert_eq!(points("by_strangers")[3]["bcubed"], said["methods"][0]["measures"]["bcubed"]);
    let thresholds: Vec<f64> =
        points("by_threshold").iter().map(|point| point["threshold"].as_f64().unwrap()).collect();
    let chosen = said["methods"][0]["threshold"].as_f64().unwrap();
    assert!(thresholds.is_sorted() && thresholds.len() == 17 && (thresholds[8] - chosen).abs() < 1e-6);
    assert_eq!(points("by_threshold")[8]["bcubed"], said["methods"][0]["measures"]["bcubed"]);
    let written: Value =
        serde_json::from_slice(&std::fs::read(house.path("report/report.json")).unwrap()).unwrap();
    assert_eq!(written, said);
    let page = std::fs::read_to_string(house.path("report/index.html")).unwrap();
    for expected in
        ["DBSCAN", "120 faces of 40 subjects and 64 without a name", "chosen: 0.", "clusters-strangers.svg"]
    {
        assert!(page.contains(expected), "{expected}");
    }
    assert_eq!(page.matches("<svg").count(), 2);
    // Without strangers there is no curve of them, and an earlier chart of it is removed.
    let named = self::house(WIDE);
    import(&named, "people", people(40, 3, WIDE, 1, 0));
    let out = house.path("report");
    let said = run(&named, "cluster", &format!("--evaluate --out {}", out.display())).ends(0);
    assert!(said.out.contains("the page: "), "{}", said.out);
    assert!(!out.join("clusters-strangers.svg").exists() && out.join("clusters-threshold.svg").exists());
    let said = run(&house, "cluster", "--evaluate --out @gallery/report").ends(1);
    assert!(!house.gallery().join("report").exists(), "{}", said.err);
}

#[test]
fn the_threshold_of_the_gallery_keeps_one_person_together() {
    let faces: Vec<Template> = (0..60).map(|image| face(3, image)).collect();
    let (alone, known) = (House::empty(), House::empty());
    let gallery = open(&alone);
    add(&gallery, "Ada", faces.clone());
    drop(gallery);
    // Nothing says that all of these faces are of one person.
    let (summary, _) = clustered(&alone, "--ignore-names");
    assert_eq!(
        (summary["threshold_from"].as_str(), summary["clusters"].as_u64()),
        (Some("strangers"), Some(60))
    );
    let gallery = open_with(&known, 0.5);
    add(&gallery, "Ada", faces);
    drop(gallery);
    for (method, highest) in METHODS.iter().zip([0.6, 0.7, 0.6, 0.7, 0.7]) {
        let (summary, _) = clustered(&known, &format!("--ignore-names --method {method}"));
        assert_eq!(
            (&summary["threshold_from"], &summary["clusters"]),
            (&"limit".into(), &1.into()),
            "{summary}"
        );
        assert!((summary["threshold"].as_f64().unwrap() - highest).abs() < 1e-6, "{summary}");
    }
    let said = run(&known, "cluster", "--ignore-names").ends(0);
    assert!(said.out.contains("threshold 0.600, from that of the gallery"), "{}", said.out);
}

#[test]
fn galleries_and_options_that_give_no_clusters_are_refused() {
    let house = House::empty();
    drop(open(&house));
    for words in ["", "--evaluate"] {
        let said = run(&house, "cluster", words).ends(3);
        assert!(said.err.contains("the gallery contains no faces to cluster"), "{}", said.err);
    }
    let gallery = Gallery::open(&house.gallery()).unwrap();
    gallery.add_unknown_faces(&[photo(1, &[face(1, 1)])]).unwrap();
    drop(gallery);
    let said = run(&house, "cluster", "--evaluate").ends(3);
    assert!(said.err.contains("the gallery contains no subjects"), "{}", said.err);
    let (summary, lines) = clustered(&house, "");
    assert_eq!((&summary["clusters"], &summary["threshold"], lines.len()), (&1.into(), &Value::Null, 1));
    for wrong in [
        "--method all",
        "--method all --evaluate --threshold 0.5",
        "--threshold 2",
        "--method best",
        "--evaluate --labels",
    ] {
        run(&house, "cluster", wrong).ends(2);
    }
    let said = run(&house, "cluster", "--out @gallery/faces.jsonl").ends(1);
    assert!(!house.gallery().join("faces.jsonl").exists(), "{}", said.err);
}

#[test]
fn a_stopped_clustering_gives_no_clusters() {
    let house = House::empty();
    let gallery = open(&house);
    add(&gallery, "Ada", vec![face(1, 1), face(1, 2)]);
    let session = Session::of(gallery, EngineRequest::default());
    let stop = AtomicBool::new(true);
    let control = Control { stop: &stop, progress: &|_| {} };
    let stopped = session.cluster(&ClusterRequest::default(), &control).unwrap().unwrap_err();
    assert_eq!((stopped.looked_at, stopped.total, stopped.unit), (0, 2, "face"));
    assert!(session.measure_clusters(&ClusterMethod::ALL, None, true, &control).unwrap().is_err());
    stop.store(false, Relaxed);
    // A stop after the join, before the first linkage.
    let late = |progress: Progress| stop.store(progress.unit == "faces to cluster", Relaxed);
    let control = Control { stop: &stop, progress: &late };
    assert!(session.cluster(&ClusterRequest::default(), &control).unwrap().is_err());
    stop.store(false, Relaxed);
    assert!(session.measure_clusters(&ClusterMethod::ALL, None, true, &control).unwrap().is_err());
    stop.store(false, Relaxed);
    let control = Control { stop: &stop, progress: &|_| {} };
    assert_eq!(session.cluster(&ClusterRequest::default(), &control).unwrap().unwrap().faces.len(), 2);
}

#[test]
fn imported_rows_without_names_become_people() {
    let house = house(WIDE);
    let (file, names) = people(60, 4, WIDE, 1, 5);
    let rows = house.write("rows.npy", &file);
    let arguments = [rows.as_os_str(), "--unnamed".as_ref()];
    house.run("import", arguments).ends(0);
    // The same command again, and one with names.
    assert!(house.run("import", arguments).ends(0).out.contains("240 rows of this file were already"));
    let both = [rows.as_os_str(), "--unnamed".as_ref(), "--subjects".as_ref(), rows.as_os_str()];
    house.run("import", both).ends(2);
    let (summary, lines) = clustered(&house, "--assign");
    assert_eq!((&summary["faces"], &summary["unknown"]), (&240.into(), &240.into()));
    let names: Vec<&str> = names.lines().collect();
    // Rows have ascending ids.
    let mut ids: Vec<u64> = lines.iter().map(|line| line["face_id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    let truth = groups(&lines, |line| names[ids.binary_search(&line["face_id"].as_u64().unwrap()).unwrap()]);
    assert!(truth.iter().all(|cluster| cluster.len() == 1), "no cluster has two people");
    let listed = run(&house, "subject list", "--format json").ends(0).json();
    assert!(
        listed.len() >= 57 && listed[0]["subject"].as_str().unwrap().starts_with("Person "),
        "{listed:?}"
    );
}
