//! Templates without a gallery: encoded photos are kept and recognised, and `import` reads the result.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::program::{House, Said, command, gallerist};

fn encode(house: &House, out: &str, more: &[&str]) -> Said {
    let (photos, out) = (house.path("photos"), house.path(out));
    let arguments =
        ["encode", photos.to_str().unwrap(), "--out", out.to_str().unwrap(), "--model", "stand-in"];
    gallerist(arguments.iter().chain(more))
}

fn house(photos: u64) -> House {
    let house = House::new();
    for seed in 0..photos {
        house.photo(format!("photos/person {:02}/{seed:03}.png", seed / 2), seed);
    }
    house
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const FINISHED: [&str; 3] = ["embeddings.npy", "skipped.jsonl", "templates.jsonl"];

#[test]
fn encode_and_enroll_give_the_same_templates() {
    let house = house(6);
    house.write("photos/person 00/text.jpg", b"Dear Ada");
    let said = encode(&house, "out", &["--subject-from", "dir", "--format", "json"]).ends(0);
    let summary = said.summary();
    let counts = ["inputs", "encoded", "templates"].map(|field| summary[field].as_u64().unwrap());
    assert_eq!((counts, &summary["skipped"]), ([7, 6, 6], &json!({ "unsupported": 1 })));
    let out = house.path("out");
    assert_eq!(files(&out), FINISHED);
    let skipped = lines(&out.join("skipped.jsonl"));
    assert_eq!((skipped.len(), &skipped[0]["reason"]), (1, &json!("unsupported")));

    let enrolled = House::new();
    let photos = house.path("photos");
    enrolled.run("enroll", [photos.to_str().unwrap(), "--subject-from", "dir"]).ends(0);
    let exported = house.path("exported");
    enrolled.run("export", ["--out", exported.to_str().unwrap()]).ends(0);
    house.run("import", [&out]).ends(0);
    let imported = house.path("imported");
    house.run("export", ["--out", imported.to_str().unwrap()]).ends(0);
    for file in ["embeddings.npy", "templates.jsonl"] {
        assert_eq!(
            std::fs::read(imported.join(file)).unwrap(),
            std::fs::read(exported.join(file)).unwrap(),
            "{file}"
        );
    }
}

#[test]
fn the_same_command_again_encodes_nothing_and_new_photos_are_added() {
    let house = house(6);
    encode(&house, "out", &["--subject-from", "dir"]).ends(0);
    let before = FINISHED.map(|file| std::fs::read(house.path("out").join(file)).unwrap());
    let summary = encode(&house, "out", &["--subject-from", "dir", "--format", "json"]).ends(0).summary();
    assert_eq!((&summary["encoded"], &summary["unchanged"]), (&json!(0), &json!(6)));
    assert_eq!(FINISHED.map(|file| std::fs::read(house.path("out").join(file)).unwrap()), before);

    house.photo("photos/person 09/new.png", 90);
    house.photo("photos/person 09/same.png", 0);
    let summary = encode(&house, "out", &["--subject-from", "dir", "--format", "json"]).ends(0).summary();
    assert_eq!((&summary["encoded"], &summary["unchanged"]), (&json!(1), &json!(6)));
    assert_eq!(summary["skipped"], json!({ "other_name": 1 }));
    assert_eq!(lines(&house.path("out/templates.jsonl")).len(), 7);
    let skipped = lines(&house.path("out/skipped.jsonl"));
    assert!(skipped[0]["detail"].as_str().unwrap().contains("encoded as person 00"), "{skipped:?}");
    house.run("import", [house.path("out")]).ends(0);
    house.holds(7);
}

#[test]
fn a_killed_run_resumes_with_the_same_files() {
    const PHOTOS: u64 = 300;
    let house = house(PHOTOS);
    encode(&house, "whole", &["--subject-from", "dir"]).ends(0);
    let (photos, out) = (house.path("photos"), house.path("out"));
    let arguments = [
        "encode",
        photos.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--model",
        "stand-in",
        "--subject-from",
        "dir",
        "--format",
        "json",
    ];
    let mut child = command(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    said.next().expect("a photo is encoded").unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(files(&out), ["unfinished.jsonl"]);
    // The end of the log in the state after a power cut.
    let log = out.join("unfinished.jsonl");
    let mut torn = std::fs::read(&log).unwrap();
    torn.extend(b"{\"encoded\":[{\"subj");
    std::fs::write(&log, torn).unwrap();

    let summary = gallerist(arguments).ends(0).summary();
    let unchanged = summary["unchanged"].as_u64().unwrap();
    assert!((1..PHOTOS).contains(&unchanged), "{summary}");
    assert_eq!(summary["encoded"].as_u64().unwrap(), PHOTOS - unchanged);
    assert_eq!(files(&out), FINISHED);
    for file in FINISHED {
        let whole = std::fs::read(house.path("whole").join(file)).unwrap();
        assert!(std::fs::read(out.join(file)).unwrap() == whole, "{file} differs");
    }
}

/// A kill between the two files: the vectors are new, the lines are old, and the log exists.
#[test]
fn a_kill_between_the_finished_files_loses_and_repeats_nothing() {
    let house = house(4);
    encode(&house, "out", &[]).ends(0);
    let out = house.path("out");
    let old = std::fs::read(out.join("templates.jsonl")).unwrap();
    for seed in 10..14 {
        house.photo(format!("photos/more/{seed}.png"), seed);
    }
    // The log of the second run in its state before the end of that run.
    encode(&house, "second", &[]).ends(0);
    encode(&house, "out", &[]).ends(0);
    let whole = FINISHED.map(|file| std::fs::read(out.join(file)).unwrap());
    let log = log_of(&out, 4);
    std::fs::write(out.join("unfinished.jsonl"), &log).unwrap();
    encode(&house, "out", &[]).ends(0);
    assert_eq!(
        FINISHED.map(|file| std::fs::read(out.join(file)).unwrap()),
        whole,
        "killed after the last file"
    );

    std::fs::write(out.join("templates.jsonl"), &old).unwrap();
    std::fs::write(out.join("unfinished.jsonl"), &log).unwrap();
    encode(&house, "out", &[]).ends(0);
    assert_eq!(
        FINISHED.map(|file| std::fs::read(out.join(file)).unwrap()),
        whole,
        "killed between the files"
    );
}

/// The log from which the rows from `first` on were written.
fn log_of(out: &Path, first: usize) -> String {
    let bytes = std::fs::read(out.join("embeddings.npy")).unwrap();
    let templates = lines(&out.join("templates.jsonl"));
    let data = &bytes[bytes.len() - templates.len() * 64 * 4..];
    let rows = data.chunks(64 * 4).map(|row| {
        row.as_chunks::<4>().0.iter().map(|number| f32::from_le_bytes(*number)).collect::<Vec<f32>>()
    });
    let entry = |(mut line, row): (Value, Vec<f32>)| {
        line["embedding"] = json!(row);
        format!("{}\n", json!({ "encoded": [line] }))
    };
    templates.into_iter().zip(rows).skip(first).map(entry).collect()
}

#[test]
fn an_interrupt_saves_finished_templates() {
    const PHOTOS: u64 = 1000;
    let house = house(PHOTOS);
    let (photos, out) = (house.path("photos"), house.path("out"));
    let arguments = [
        "encode",
        photos.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--model",
        "stand-in",
        "--format",
        "json",
    ];
    let mut child = command(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    said.next().expect("a photo is encoded").unwrap();
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let rest: Vec<Value> = said.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let summary = rest.last().unwrap();
    assert_eq!(summary["interrupted"], true);
    let encoded = summary["encoded"].as_u64().unwrap();
    let summary = gallerist(arguments).ends(0).summary();
    assert_eq!(summary["unchanged"], encoded);
    assert_eq!(lines(&out.join("templates.jsonl")).len() as u64, PHOTOS);
}

#[test]
fn parts_contain_each_photo_once_and_are_imported_in_turn() {
    let house = house(10);
    for part in 1..=3 {
        encode(&house, &format!("part {part}"), &["--subject-from", "dir", "--part", &format!("{part}/3")])
            .ends(0);
    }
    for part in [1, 2, 3, 2] {
        house.run("import", [house.path(format!("part {part}"))]).ends(0);
    }
    house.holds(10);
    assert_eq!(house.run("subject list", [] as [&str; 0]).ends(0).out.lines().count(), 5);
    encode(&house, "x", &["--part", "4/3"]).ends(2);
}

#[test]
fn a_larger_folder_is_imported_again_without_duplicates() {
    let house = house(4);
    encode(&house, "out", &["--subject-from", "dir"]).ends(0);
    house.run("import", [house.path("out")]).ends(0);
    house.photo("photos/person 09/new.png", 90);
    encode(&house, "out", &["--subject-from", "dir"]).ends(0);
    let out = house.path("out");
    let summary = house.run("import", [out.to_str().unwrap(), "--format", "json"]).ends(0).summary();
    assert_eq!((&summary["imported"], &summary["imported_before"]), (&json!(1), &json!(4)));
    house.holds(5);
    // A changed name is a rename and not a second template.
    let path = out.join("templates.jsonl");
    let text = std::fs::read_to_string(&path).unwrap().replace("person 00", "Ada");
    std::fs::write(&path, text).unwrap();
    let said = house.run("import", [&out]).ends(1);
    assert!(said.err.contains("row 0 is in the gallery as \"person 00\""), "{}", said.err);
    let summary =
        house.run("import", [out.to_str().unwrap(), "--rename", "--format", "json"]).ends(0).summary();
    assert_eq!(summary["renamed"], 2);
    assert!(house.run("subject list", [] as [&str; 0]).ends(0).out.starts_with("Ada  "), "renamed");
    house.holds(5);
}

#[test]
fn vectors_in_json_are_the_same_vectors() {
    let house = house(5);
    encode(&house, "npy", &["--subject-from", "dir"]).ends(0);
    encode(&house, "json", &["--subject-from", "dir", "--format", "jsonl", "--format", "json"])
        .ends(0)
        .summary();
    assert_eq!(files(&house.path("json")), ["skipped.jsonl", "templates.jsonl"]);
    house.run("import", [house.path("json")]).ends(0);
    house.holds(5);
    house.run("import", [house.path("json/templates.jsonl")]).ends(0);
    house.run("import", [house.path("npy")]).ends(0);
    house.holds(5);
    let out = house.path("out");
    house.run("export", ["--out", out.to_str().unwrap()]).ends(0);
    assert_eq!(
        std::fs::read(out.join("embeddings.npy")).unwrap(),
        std::fs::read(house.path("npy/embeddings.npy")).unwrap()
    );
    house.run("stats", ["--format", "jsonl"]).ends(2);
}

#[test]
fn photos_without_names_become_separate_subjects() {
    let house = House::new();
    house.photo("photos/cam1/a.png", 1);
    house.photo("photos/cam2/a.png", 2);
    let (one, two, out) = (house.path("photos/cam1"), house.path("photos/cam2"), house.path("out"));
    let arguments = ["encode", one.to_str().unwrap(), two.to_str().unwrap(), "--out", out.to_str().unwrap()];
    gallerist(arguments.iter().chain(&["--model", "stand-in", "--subject-from", "photo"])).ends(0);
    house.run("import", [&out]).ends(0);
    house.run("import", [&out]).ends(0);
    let listed = house.run("subject list", [] as [&str; 0]).ends(0).out;
    assert_eq!(listed.lines().count(), 2, "{listed}");
}

#[test]
fn folders_with_other_files_are_refused() {
    let house = house(2);
    encode(&house, "out", &[]).ends(0);
    let other = encode(&house, "out", &["--format", "jsonl"]).ends(1);
    assert!(other.err.contains("the other --format"), "{}", other.err);
    house.enroll("photos").ends(0);
    let out = house.path("exported");
    house.run("export", ["--out", out.to_str().unwrap()]).ends(0);
    let said = encode(&house, "exported", &[]).ends(1);
    assert!(said.err.contains("it was written by `export`"), "{}", said.err);
}

#[test]
fn the_descriptions_in_a_folder_stand_for_the_folder() {
    let house = house(6);
    encode(&house, "out", &["--subject-from", "dir"]).ends(0);
    house.run("import", [house.path("out/templates.jsonl")]).ends(0);
    house.holds(6);
    house.run("import", [house.path("out")]).ends(0);
    house.holds(6);
}

#[test]
fn templates_of_a_named_model_need_a_confirmation_in_a_gallery_without_one() {
    let house = house(2);
    encode(&house, "out", &["--subject-from", "dir", "--format", "jsonl"]).ends(0);
    let dimension = lines(&house.path("out/templates.jsonl"))[0]["embedding"].as_array().unwrap().len();
    let (out, gallery) = (house.path("out"), house.path("external"));
    let (out, gallery) = (out.to_str().unwrap(), gallery.to_str().unwrap());
    gallerist(["init", gallery, "--dimension", &dimension.to_string()]).ends(0);
    let said = gallerist(["import", gallery, out]).ends(1);
    assert!(said.err.contains("the templates are of model stand-in"), "{}", said.err);
    assert!(said.err.contains("--from-model stand-in"), "{}", said.err);
    gallerist(["import", gallery, out, "--from-model", "other"]).ends(1);
    gallerist(["import", gallery, out, "--from-model", "stand-in"]).ends(0);
}

#[test]
fn templates_of_another_model_are_not_searched_for() {
    let house = house(2);
    let other = house.path("other.toml");
    let fused = ["model", "fuse", "stand-in", "--mirror", "--out", other.to_str().unwrap()];
    gallerist(fused).ends(0);
    encode(&house, "own", &["--subject-from", "dir"]).ends(0);
    let photos = house.path("photos");
    let out = house.path("other");
    let [model, photos, out] = [&other, &photos, &out].map(|path| path.to_str().unwrap());
    gallerist(["encode", photos, "--out", out, "--model", model]).ends(0);
    house.run("import", [house.path("own")]).ends(0);
    let [own, other] = ["own", "other"].map(|folder| house.path(folder).join("embeddings.npy"));
    let vectors = OsStr::new("--vectors");
    house.run("identify", [vectors, own.as_os_str()]).ends(10);
    for verb in ["identify", "search"] {
        let said = house.run(verb, [vectors, other.as_os_str()]).ends(1);
        assert!(said.err.contains("scores between two models mean nothing"), "{verb}: {}", said.err);
    }
    let said = house.run("calibrate", ["--nonmated".as_ref(), other.as_os_str()]).ends(1);
    assert!(said.err.contains("scores between two models mean nothing"), "{}", said.err);
    // Elsewhere, nothing says of which model it is.
    std::fs::copy(&other, house.path("rows.npy")).unwrap();
    house.run("search", [vectors, house.path("rows.npy").as_os_str()]).ends(0);
}
