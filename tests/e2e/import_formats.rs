//! Files of vectors in all variants of NumPy, and other files.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::program::{House, Said, npy};

const ROWS: [[f32; 4]; 3] = [[1.0, 2.0, 3.0, 4.0], [0.5, -1.0, 0.25, 2.0], [-3.0, 0.0, 1.0, 1.0]];

fn bytes<const N: usize>(numbers: impl IntoIterator<Item = f32>, write: impl Fn(f32) -> [u8; N]) -> Vec<u8> {
    numbers.into_iter().flat_map(write).collect()
}

fn rows() -> impl Iterator<Item = f32> {
    ROWS.into_iter().flatten()
}

fn columns() -> impl Iterator<Item = f32> {
    (0..4).flat_map(|column| ROWS.map(|row| row[column]))
}

fn house() -> House {
    let house = House::empty();
    house.renew(&["--dimension", "4", "--threshold", "0.5"]);
    house
}

fn exported(house: &House) -> Vec<u8> {
    let out = house.path("out");
    house.run("export", ["--out", out.to_str().unwrap()]).ends(0);
    std::fs::read(out.join("embeddings.npy")).unwrap()
}

#[test]
fn every_width_and_order_gives_the_same_templates() {
    let plain = npy("<f4", false, "(3, 4)", &bytes(rows(), f32::to_le_bytes));
    let half = |x: f32| half::f16::from_f32(x);
    let files = [
        ("f8", npy("<f8", false, "(3, 4)", &bytes(rows(), |x| f64::from(x).to_le_bytes()))),
        ("big-endian f8", npy(">f8", false, "(3, 4)", &bytes(rows(), |x| f64::from(x).to_be_bytes()))),
        ("big-endian f4", npy(">f4", false, "(3, 4)", &bytes(rows(), f32::to_be_bytes))),
        ("f2", npy("<f2", false, "(3, 4)", &bytes(rows(), |x| half(x).to_le_bytes()))),
        ("big-endian f2", npy(">f2", false, "(3, 4)", &bytes(rows(), |x| half(x).to_be_bytes()))),
        ("Fortran order", npy("<f4", true, "(3, 4)", &bytes(columns(), f32::to_le_bytes))),
        ("Fortran order, f8", npy("<f8", true, "(3, 4)", &bytes(columns(), |x| f64::from(x).to_le_bytes()))),
    ];
    let house = house();
    house.run("import", [house.write("v.npy", &plain)]).ends(0);
    let expected = exported(&house);
    for (what, file) in files {
        house.renew(&["--dimension", "4", "--threshold", "0.5"]);
        house.run("import", [house.write("v.npy", &file)]).ends(0);
        assert_eq!(exported(&house), expected, "{what}");
        let probes = house.path("v.npy");
        let found =
            house.run("search", ["--vectors", probes.to_str().unwrap(), "--format", "json"]).ends(0).json();
        for (row, answer) in found.iter().enumerate() {
            assert_eq!(answer["matches"][0]["subject"], format!("v-{row}"), "{what}");
        }
    }
}

#[test]
fn an_array_of_one_dimension_is_one_row() {
    let house = house();
    let file = house.write("one.npy", &npy("<f4", false, "(4,)", &bytes(ROWS[0], f32::to_le_bytes)));
    assert_eq!(
        house.run("import", [file.to_str().unwrap(), "--format", "json"]).ends(0).summary()["rows"],
        1
    );
    let said = house.run("identify", ["--vectors", file.to_str().unwrap(), "--format", "json"]).ends(10);
    assert_eq!(said.json()[0]["matches"][0]["subject"], "one-0");
}

fn with_input(house: &House, verb: &str, arguments: &[&str], input: &[u8]) -> Said {
    let mut command = house.command(verb, arguments);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).ok();
    Said::of(child.wait_with_output().unwrap())
}

#[test]
fn the_standard_input_replaces_a_file_of_vectors() {
    let house = house();
    let file = npy("<f4", false, "(3, 4)", &bytes(rows(), f32::to_le_bytes));
    let summary = with_input(&house, "import", &["-", "--format", "json"], &file).ends(0).summary();
    assert_eq!(summary["imported"], 3);
    let summary = with_input(&house, "import", &["-", "--format", "json"], &file).ends(0).summary();
    assert_eq!((&summary["imported"], &summary["imported_before"]), (&json!(0), &json!(3)));
    let summary = house.run("import", [house.write("v.npy", &file).to_str().unwrap(), "--format", "json"]);
    assert_eq!(summary.ends(0).summary()["imported_before"], 3, "the same bytes are the same rows");
    for (verb, more) in
        [("search", &["--vectors", "-"][..]), ("range", &["--vectors", "-", "--min-score", "0.9"])]
    {
        let answers = with_input(&house, verb, &[more, &["--format", "json"]].concat(), &file).ends(0).json();
        assert_eq!(answers.len(), 3, "{verb}");
    }
    assert_eq!(
        with_input(&house, "identify", &["--vectors", "-", "--format", "json"], &file).ends(10).json().len(),
        3
    );
    let said = with_input(&house, "import", &["-"], &file[..file.len() - 1]).ends(1);
    assert!(said.err.contains("the standard input has"), "{}", said.err);
}

fn three_bad_rows() -> Vec<u8> {
    let bad =
        [[1.0, f32::NAN, 0.0, 0.0], ROWS[0], [0.0; 4], ROWS[1], [1.0, 2.0, 3.0, f32::NEG_INFINITY], ROWS[2]];
    npy("<f4", false, "(6, 4)", &bytes(bad.into_iter().flatten(), f32::to_le_bytes))
}

#[test]
fn invalid_rows_are_skipped_on_request_and_listed() {
    let house = house();
    let file = house.write("bad.npy", &three_bad_rows());
    let file = file.to_str().unwrap();
    let said = house.run("import", [file]).ends(1);
    assert!(said.err.contains("row 0: component 1 is NaN"), "{}", said.err);
    assert!(said.err.contains("--skip-invalid"), "{}", said.err);
    house.holds(0);
    let names = house.write("names.txt", b"a\nb\nc\nd\ne\nf\n");
    let arguments = [file, "--subjects", names.to_str().unwrap(), "--skip-invalid", "--format", "json"];
    let said = house.run("import", arguments).ends(0);
    let listed: Vec<_> = said.json().into_iter().filter(|line| line["event"] == "skipped").collect();
    let codes: Vec<_> = listed.iter().map(|line| (&line["row"], line["reason"].as_str().unwrap())).collect();
    assert_eq!(codes, [(&json!(0), "not_finite"), (&json!(2), "no_direction"), (&json!(4), "not_finite")]);
    assert!(listed[2]["detail"].as_str().unwrap().contains("component 3 is -inf"));
    let summary = said.summary();
    assert_eq!(
        (&summary["imported"], &summary["skipped"], &summary["rows"]),
        (&json!(3), &json!(3), &json!(6))
    );
    let listed = house.run("subject list", [] as [&str; 0]).ends(0).out;
    assert_eq!(listed, "b  1\nd  1\nf  1\n", "names keep to their rows");
    let summary = house.run("import", arguments).ends(0).summary();
    assert_eq!(
        (&summary["imported"], &summary["imported_before"], &summary["skipped"]),
        (&json!(0), &json!(3), &json!(3))
    );
    let said = house.run("import", [file, "--skip-invalid"]).ends(0);
    assert!(said.out.contains("skipped row 2  (no_direction: the norm is 0"), "{}", said.out);
}

#[test]
fn invalid_probes_are_skipped_on_request_and_listed() {
    let house = house();
    house
        .run("import", [house.write("v.npy", &npy("<f4", false, "(3, 4)", &bytes(rows(), f32::to_le_bytes)))])
        .ends(0);
    let bad = house.write("bad.npy", &three_bad_rows());
    let bad = bad.to_str().unwrap();
    let verbs = [("identify", &[][..], 10), ("search", &[], 0), ("range", &["--min-score", "0.9"], 0)];
    for (verb, more, code) in verbs {
        let arguments = [&["--vectors", bad, "--format", "json"], more].concat();
        let said = house.run(verb, &arguments).ends(1);
        assert!(
            said.err.contains("row 0: component 1 is NaN") && said.out.is_empty(),
            "{verb}: {}",
            said.err
        );
        let said = house.run(verb, [&arguments[..], &["--skip-invalid"]].concat()).ends(code).json();
        let (skipped, answered): (Vec<_>, Vec<_>) = said.iter().partition(|line| line["event"] == "skipped");
        assert_eq!(
            skipped.iter().map(|line| line["row"].as_u64().unwrap()).collect::<Vec<_>>(),
            [0, 2, 4],
            "{verb}"
        );
        let subjects: Vec<_> =
            answered.iter().map(|line| line["matches"][0]["subject"].as_str().unwrap()).collect();
        assert_eq!(subjects, ["v-0", "v-1", "v-2"], "{verb}");
    }
}

/// A pipe without a writer, and a device without an end.
#[test]
fn only_regular_files_are_opened() {
    let house = house();
    let good = house.write("v.npy", &npy("<f4", false, "(3, 4)", &bytes(rows(), f32::to_le_bytes)));
    let pipe = house.path("pipe.npy");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (good, pipe) = (good.to_str().unwrap(), pipe.to_str().unwrap());
    let cases = [
        ("import", vec![pipe]),
        ("import", vec![good, "--subjects", pipe]),
        ("import", vec![good, "--subjects", "/dev/zero"]),
        ("import", vec!["/dev/zero"]),
        ("identify", vec!["--vectors", pipe]),
        ("search", vec!["--vectors", pipe]),
        ("range", vec!["--vectors", pipe, "--min-score", "0.5"]),
        ("calibrate", vec!["--nonmated", pipe]),
        ("calibrate", vec!["--nonmated", good, "--subjects", "/dev/zero"]),
    ];
    for (verb, arguments) in cases {
        let said = house.run(verb, &arguments).ends(1);
        assert!(said.err.contains("expected a regular file"), "{verb} {arguments:?}: {}", said.err);
    }
    house.holds(0);
}

#[test]
fn a_names_file_without_line_ends_is_not_read_into_memory() {
    let house = house();
    let good = house.write("v.npy", &npy("<f4", false, "(3, 4)", &bytes(rows(), f32::to_le_bytes)));
    let names = house.path("names.txt");
    std::fs::File::create(&names).unwrap().set_len(1 << 40).unwrap();
    let said = house.run("import", [good.as_os_str(), "--subjects".as_ref(), names.as_os_str()]).ends(1);
    assert!(said.err.contains("line 1: it is longer than 65536 bytes"), "{}", said.err);
}
