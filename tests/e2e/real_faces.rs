//! The real detector and encoders on real photos. Skipped where models or photos are not installed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::{House, encode, gallerist, shared_faces, skipped};

/// Why the real models cannot run here, if so.
pub fn missing_models(names: &[&str]) -> Option<String> {
    let listed = gallerist(["model", "list", "--format", "json"]).ends(0).json();
    let installed =
        |name: &str| listed.iter().any(|model| model["name"] == name && model["installed"] == true);
    let missing = names.iter().find(|name| !installed(name))?;
    Some(format!("model {missing} is not installed"))
}

/// The sample photos that `tools/setup` fetches.
pub fn samples() -> Option<PathBuf> {
    let weights = gallerist(["model", "path", "dlib-128"]).ends(0).out;
    let samples = Path::new(weights.trim()).ancestors().nth(2)?.join("samples");
    samples.join("enroll").is_dir().then_some(samples)
}

#[test]
fn the_demo_runs_to_its_end() {
    let test = "the_demo_runs_to_its_end";
    if let Some(why) = missing_models(&["dlib-128"]) {
        return skipped(test, &why);
    }
    let Some(samples) = samples() else { return skipped(test, "the sample photos are not installed") };
    let house = House::empty();
    let dir = house.path("demo");
    for distractors in ["0", "1000"] {
        let said = gallerist([
            "demo".as_ref(),
            "--photos".as_ref(),
            samples.as_os_str(),
            "--dir".as_ref(),
            dir.as_os_str(),
            "--distractors".as_ref(),
            distractors.as_ref(),
        ])
        .ends(0);
        assert!(said.out.contains("$ gallerist enroll") && said.out.contains("\nMATCH"), "{}", said.out);
        assert!(said.out.contains("\nNO MATCH") && said.out.contains("sound:"), "{}", said.out);
    }
}

/// The first `people` people with two photos or more: their first two photos.
fn couples(root: &Path, people: usize) -> Vec<(String, [PathBuf; 2])> {
    let mut names: Vec<_> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let couple = |folder: PathBuf| {
        let mut photos: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        photos.sort();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        (photos.len() >= 2).then(|| (name, [photos[0].clone(), photos[1].clone()]))
    };
    names.into_iter().filter_map(couple).take(people).collect()
}

#[test]
fn second_photos_of_people_are_recognised_by_every_model() {
    let test = "second_photos_of_people_are_recognised_by_every_model";
    let Some(shared) = shared_faces() else { return skipped(test, "the shared photos are not here") };
    let couples = couples(&shared.join("lfw"), 60);
    for model in ["mobilefacenet-192", "mobilefacenet-512", "dlib-128"] {
        if let Some(why) = missing_models(&[model]) {
            skipped(test, &why);
            continue;
        }
        let house = House::empty();
        house.run("init", ["--model", model]).ends(0);
        for (name, [first, second]) in &couples {
            let enrolled = house.path("people").join(name);
            std::fs::create_dir_all(&enrolled).unwrap();
            std::os::unix::fs::symlink(first, enrolled.join("1.jpg")).unwrap();
            std::fs::create_dir_all(house.path("probes")).unwrap();
            std::os::unix::fs::symlink(second, house.path(format!("probes/{name}.jpg"))).unwrap();
        }
        house.enroll("people").ends(0);
        let probes = house.path("probes");
        let said = house.run(
            "identify",
            [probes.as_os_str(), "--top-k".as_ref(), "1".as_ref(), "--format".as_ref(), "json".as_ref()],
        );
        let replies = said.ends(10).json();
        assert_eq!(replies.len(), couples.len());
        let right = replies.iter().filter(|reply| {
            let path = reply["probe"]["path"].as_str().unwrap();
            let name = Path::new(path).file_stem().unwrap().to_string_lossy();
            reply["matches"][0]["subject"] == *name
        });
        let right = right.count();
        assert!(right * 100 >= couples.len() * 93, "{model}: {right} of {} at rank 1", couples.len());
    }
}

#[test]
fn templates_agree_with_the_reference_embeddings() {
    let test = "templates_agree_with_the_reference_embeddings";
    let Some(shared) = shared_faces() else { return skipped(test, "the shared photos are not here") };
    let list = std::fs::read_to_string(shared.join("lfw_images.tsv")).unwrap();
    let rows: HashMap<&str, usize> =
        list.lines().enumerate().map(|(row, line)| (line.split('\t').next().unwrap(), row)).collect();
    for (model, reference) in [
        ("mobilefacenet-192", "lfw_mobilefacenet.npy"),
        ("mobilefacenet-512", "lfw_faceplugin512.npy"),
        ("dlib-128", "lfw_dlib.npy"),
    ] {
        if let Some(why) = missing_models(&[model]) {
            skipped(test, &why);
            continue;
        }
        let house = House::empty();
        house.run("init", ["--model", model]).ends(0);
        for (name, [first, _]) in couples(&shared.join("lfw"), 80) {
            let folder = house.path("people").join(&name);
            std::fs::create_dir_all(&folder).unwrap();
            std::os::unix::fs::symlink(&first, folder.join(first.file_name().unwrap())).unwrap();
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

/// Six by five copies of one portrait, each its own face.
#[test]
fn thirty_faces_in_one_photo_are_thirty_templates() {
    let test = "thirty_faces_in_one_photo_are_thirty_templates";
    if let Some(why) = missing_models(&["dlib-128"]) {
        return skipped(test, &why);
    }
    let Some(samples) = samples() else { return skipped(test, "the sample photos are not installed") };
    let portrait = image::open(samples.join("enroll/Barack Obama/obama.jpg")).unwrap();
    let portrait = portrait.resize_to_fill(180, 200, image::imageops::FilterType::Triangle).to_rgb8();
    let mut crowd = image::RgbImage::new(6 * 180, 5 * 200);
    for (column, row) in (0..6).flat_map(|column| (0..5).map(move |row| (column, row))) {
        image::imageops::replace(&mut crowd, &portrait, column * 180, row * 200);
    }
    let house = House::empty();
    house.run("init", ["--model", "dlib-128"]).ends(0);
    let photo = house.write("crowd.png", &encode(&crowd.into(), image::ImageFormat::Png));
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
