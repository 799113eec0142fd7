//! The real detector and encoders on photos of real people.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use image::ImageFormat;
use image::imageops::{FilterType, replace};
use serde_json::Value;

use crate::program::{House, encode, faces, gallerist, shared_faces};

/// The numbers of the 40 people of `tests/faces`, in order.
fn people() -> Vec<String> {
    let entries = std::fs::read_dir(faces()).unwrap().map(|entry| entry.unwrap().path());
    let folders = entries.filter(|path| path.is_dir());
    let mut people: Vec<_> =
        folders.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    people.sort();
    assert_eq!(people.len(), 40);
    people
}

/// A gallery of these people with their neutral photos.
fn gallery_of(people: &[String], options: &[&str]) -> House {
    let house = House::empty();
    house.run("init", options).ends(0);
    for name in people {
        house.link(&faces().join(name).join("neutral.jpg"), format!("people/{name}/neutral.jpg"));
    }
    assert_eq!(house.enroll("people").ends(0).summary()["templates"], people.len());
    house
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn the_demo_matches_enrolled_people_only() {
    let house = House::empty();
    let (photos, dir) = (faces(), house.path("demo"));
    let demo = |distractors: &str| {
        let options = ["--photos".as_ref(), photos.as_os_str(), "--dir".as_ref(), dir.as_os_str()];
        let distractors = ["--distractors".as_ref(), distractors.as_ref()];
        gallerist(std::iter::once("demo".as_ref()).chain(options).chain(distractors))
    };
    for distractors in ["0", "1000"] {
        let out = demo(distractors).ends(0).out;
        let counts: Vec<&str> =
            out.lines().filter(|line| line.starts_with("  ") && line.contains("photos: ")).collect();
        let named = |counted: &str| counts.iter().filter(|line| line.contains(counted)).count();
        assert_eq!((named("30 photos: 30 named correctly, best"), counts.len()), (3, 4), "{out}");
        assert_eq!(named("10 photos: 10 not named, best"), 1, "{out}");
        assert!(out.contains("\nMATCH") && out.contains("\nNO MATCH") && out.contains("\nsound:"), "{out}");
    }
    std::fs::remove_file(dir.join("made-by-gallerist-demo")).unwrap();
    let said = demo("0").ends(1);
    assert!(said.err.contains("was not made by the demo"), "{}", said.err);
    assert!(dir.join("gallery/catalog.sqlite").exists(), "nothing was removed");
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn other_photos_of_forty_people_are_recognised_by_every_model() {
    let people = people();
    for model in ["duo-128", "mobilefacenet-192", "mobilefacenet-512", "dlib-128"] {
        let house = gallery_of(&people, &["--model", model]);
        for name in &people {
            house.link(&faces().join(name).join("smiling.jpg"), format!("probes/{name}.jpg"));
        }
        let probes = house.path("probes");
        let arguments =
            [probes.as_os_str(), "--top-k".as_ref(), "1".as_ref(), "--format".as_ref(), "json".as_ref()];
        let replies = house.run("identify", arguments).ends(10).json();
        assert_eq!(replies.len(), people.len());
        for reply in replies {
            let path = Path::new(reply["probe"]["path"].as_str().unwrap());
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert_eq!(reply["matches"][0]["subject"], name, "{model}: {reply}");
            // The built-in thresholds of the other models are less accurate: README.md, "Accuracy and speed".
            let is_accurate = ["duo-128", "mobilefacenet-192"].contains(&model);
            assert!(reply["decision"] == "match" || !is_accurate, "{model}: {name}: {reply}");
        }
    }
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn faces_in_gif_bmp_and_tiff_are_enrolled_and_recognised() {
    let house = House::empty();
    house.run("init", [""; 0]).ends(0);
    let picture = image::open(faces().join("001/neutral.jpg")).unwrap();
    for (name, format) in [("gif", ImageFormat::Gif), ("bmp", ImageFormat::Bmp), ("tiff", ImageFormat::Tiff)]
    {
        house.write(format!("people/{name}/1.{name}"), &encode(&picture, format));
    }
    assert_eq!(house.enroll("people").ends(0).summary()["enrolled"], 3);
    let probe = faces().join("001/smiling.jpg");
    let options = ["--top-k", "3", "--format", "json"].map(OsStr::new);
    let said = house.run("identify", std::iter::once(probe.as_os_str()).chain(options)).ends(10);
    let reply = said.json().into_iter().find(|line| line["matches"].is_array()).unwrap();
    let scores: Vec<f64> = reply["matches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["similarity"].as_f64().unwrap())
        .collect();
    // The 256 colours of a GIF cost little.
    assert!(scores.len() == 3 && scores.iter().all(|score| *score > 0.85), "{reply}");
}

#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn forty_people_are_found_in_their_photos_without_names() {
    let house = House::empty();
    let photos = faces();
    let arguments = ["--photos".as_ref(), photos.as_os_str()].into_iter();
    let options = ["--assign", "--min-faces", "2", "--format", "json", "--out"].map(OsStr::new);
    let out = house.path("faces.jsonl");
    let said = house.run("cluster", arguments.chain(options).chain([out.as_os_str()])).ends(0).json();
    let assigned = said.iter().find(|line| line["event"] == "assigned").unwrap();
    assert_eq!((&assigned["new_subjects"], &assigned["faces"]), (&40.into(), &80.into()), "{assigned}");
    let mut folders: HashMap<String, BTreeSet<PathBuf>> = HashMap::new();
    for line in std::fs::read_to_string(&out).unwrap().lines() {
        let face: Value = serde_json::from_str(line).unwrap();
        let folder = Path::new(face["path"].as_str().unwrap()).parent().unwrap().to_owned();
        folders.entry(face["subject"].as_str().unwrap().to_owned()).or_default().insert(folder);
    }
    assert!(folders.len() == 40 && folders.values().all(|folders| folders.len() == 1), "{folders:?}");
}

/// The first photo of each of the first people with two or more photos.
fn first_photos(root: &Path, people: usize) -> Vec<PathBuf> {
    let sorted = |folder: &Path| {
        let mut paths: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let photos = sorted(root).into_iter().map(|folder| sorted(&folder)).filter(|photos| photos.len() >= 2);
    photos.take(people).map(|photos| photos[0].clone()).collect()
}

#[test]
#[cfg_attr(not(all(models_installed, shared_faces)), ignore = "needs the models and ../shared/faces")]
fn templates_agree_with_the_reference_embeddings() {
    let shared = shared_faces();
    let list = std::fs::read_to_string(shared.join("lfw_images.tsv")).unwrap();
    let rows: HashMap<&str, usize> =
        list.lines().enumerate().map(|(row, line)| (line.split('\t').next().unwrap(), row)).collect();
    for (model, reference) in [
        ("mobilefacenet-192", "lfw_mobilefacenet.npy"),
        ("mobilefacenet-512", "lfw_faceplugin512.npy"),
        ("dlib-128", "lfw_dlib.npy"),
    ] {
        let house = House::empty();
        house.run("init", ["--model", model]).ends(0);
        for first in first_photos(&shared.join("lfw"), 80) {
            let [person, file] = [first.parent().unwrap(), &first].map(|path| path.file_name().unwrap());
            house.link(&first, Path::new("people").join(person).join(file));
        }
        house.enroll("people").ends(0);
        let out = house.path("out");
        house.run("export", ["--out".as_ref(), out.as_os_str()]).ends(0);
        let ours = read_npy(&out.join("embeddings.npy"));
        let theirs = read_npy(&shared.join(reference));
        let described = std::fs::read_to_string(out.join("templates.jsonl")).unwrap();
        let mut cosines: Vec<f32> = described
            .lines()
            .zip(&ours)
            .map(|(line, ours)| {
                let line: Value = serde_json::from_str(line).unwrap();
                let path = Path::new(line["path"].as_str().unwrap());
                let below = path.strip_prefix(house.path("people")).unwrap().to_string_lossy().into_owned();
                cosine(ours, &theirs[rows[below.as_str()]])
            })
            .collect();
        cosines.sort_by(f32::total_cmp);
        let (median, low) = (cosines[cosines.len() / 2], cosines[cosines.len() / 20]);
        assert!(median >= 0.98 && low >= 0.9, "{model}: median {median}, 5 % quantile {low}");
    }
}

fn read_npy(path: &Path) -> Vec<Vec<f32>> {
    let file = npyz::NpyFile::new(std::io::BufReader::new(std::fs::File::open(path).unwrap())).unwrap();
    let dimension = file.shape()[1] as usize;
    let numbers = file.into_vec::<f32>().unwrap();
    numbers.chunks_exact(dimension).map(<[f32]>::to_vec).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Six by five portraits in one photo.
#[test]
#[cfg_attr(not(models_installed), ignore = "needs the models that tools/setup installs")]
fn thirty_faces_in_one_photo_are_thirty_subjects() {
    let people = &people()[..30];
    let mut crowd = image::RgbImage::new(6 * 180, 5 * 200);
    for (at, name) in (0..).zip(people) {
        let portrait =
            image::open(faces().join(name).join("smiling.jpg")).unwrap().crop_imm(50, 35, 220, 244);
        let portrait = portrait.resize_exact(180, 200, FilterType::Triangle).to_rgb8();
        replace(&mut crowd, &portrait, at % 6 * 180, at / 6 * 200);
    }
    let house = gallery_of(people, &[]);
    let photo = house.write("crowd.png", &encode(&crowd.into(), image::ImageFormat::Png));
    let found = house.run(
        "identify",
        [photo.as_os_str(), "--faces".as_ref(), "all".as_ref(), "--format".as_ref(), "json".as_ref()],
    );
    let replies = found.ends(10).json();
    assert!(replies.iter().all(|reply| reply["decision"] == "match"));
    let names: BTreeSet<&str> =
        replies.iter().filter_map(|reply| reply["matches"][0]["subject"].as_str()).collect();
    assert_eq!((replies.len(), names), (30, people.iter().map(String::as_str).collect()));

    house.renew(&["--model", "dlib-128"]);
    let enroll = |faces: &str| {
        let more = ["--subject-from", "photo", "--faces", faces, "--format", "json"];
        let arguments = std::iter::once(photo.as_os_str()).chain(more.map(AsRef::as_ref));
        house.run("enroll", arguments).ends(0).summary()
    };
    assert_eq!(enroll("all")["templates"], 30);
    house.holds(30);
    let listed = house.run("subject list", [] as [&str; 0]).ends(0).out;
    assert!(listed.contains("crowd.png  ") && listed.contains("crowd.png#30"), "{listed}");
    house.renew(&["--model", "dlib-128"]);
    assert_eq!(enroll("largest")["templates"], 1);
}
