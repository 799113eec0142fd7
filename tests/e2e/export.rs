//! Export of a gallery and import into another one, and interrupted exports.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::program::{House, Said, people, vectors};

fn export(house: &House, out: &Path) -> Said {
    house.run("export", ["--out".as_ref(), out.as_os_str()])
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn subjects_photos_and_quality_survive_export_and_import() {
    let house = House::new();
    for (person, seed) in [("Ada", 1), ("Ada", 2), ("Zoë", 3), ("Bob", 4)] {
        house.photo(format!("people/{person}/{seed}.png"), seed);
    }
    house.enroll("people").ends(0);
    let (first, second) = (house.path("first"), house.path("second"));
    export(&house, &first).ends(0);
    let probe = house.photo("probe.png", 3);
    let identify =
        |house: &House| house.run("identify", [probe.as_os_str(), "--format".as_ref(), "json".as_ref()]);
    let before = identify(&house).ends(10).json();

    let again = House::new();
    let summary =
        again.run("import", [first.as_os_str(), "--format".as_ref(), "json".as_ref()]).ends(0).summary();
    assert_eq!(summary["imported"], 4, "no --from-model is needed");
    export(&again, &second).ends(0);
    for file in ["embeddings.npy", "templates.jsonl"] {
        assert_eq!(
            String::from_utf8_lossy(&std::fs::read(first.join(file)).unwrap()),
            String::from_utf8_lossy(&std::fs::read(second.join(file)).unwrap()),
            "{file}"
        );
    }
    let after = identify(&again).ends(10).json();
    for field in ["decision", "matches", "threshold", "certificate"] {
        assert_eq!(before[0][field], after[0][field], "{field}");
    }
    // Photos are recognised by their content.
    let summary = Said::of(
        again
            .command(
                "enroll",
                [house.path("people").to_str().unwrap(), "--subject-from", "dir", "--format", "json"],
            )
            .output()
            .unwrap(),
    );
    assert_eq!(summary.ends(0).summary()["unchanged"], 4);
    // Rows from another file are recognised too.
    let summary =
        house.run("import", [first.as_os_str(), "--format".as_ref(), "json".as_ref()]).ends(0).summary();
    assert_eq!((&summary["imported"], &summary["imported_before"]), (&0.into(), &4.into()));
    house.holds(4);
    again.holds(4);
}

#[test]
fn names_of_external_templates_survive_export_and_import() {
    let house = House::empty();
    house.renew(&["--dimension", "16", "--threshold", "0.5"]);
    let (file, names) = people(20, 2, 16, 1, 0);
    let (file, names) = (house.write("v.npy", &file), house.write("names.txt", names.as_bytes()));
    house.run("import", [file.as_os_str(), "--subjects".as_ref(), names.as_os_str()]).ends(0);
    let out = house.path("out");
    export(&house, &out).ends(0);
    let listed = house.run("subject list", [] as [&str; 0]).ends(0).out;
    for given in ["out", "out/embeddings.npy"] {
        let again = House::empty();
        again.renew(&["--dimension", "16", "--threshold", "0.5"]);
        again.run("import", [house.path(given)]).ends(0);
        assert_eq!(again.run("subject list", [] as [&str; 0]).ends(0).out, listed, "{given}");
    }
    // Only the names, for a copy of the vectors.
    let again = House::empty();
    again.renew(&["--dimension", "16", "--threshold", "0.5"]);
    let copy = again.write("copy.npy", &std::fs::read(out.join("embeddings.npy")).unwrap());
    let subjects = out.join("templates.jsonl");
    again.run("import", [copy.as_os_str(), "--subjects".as_ref(), subjects.as_os_str()]).ends(0);
    assert_eq!(again.run("subject list", [] as [&str; 0]).ends(0).out, listed);
}

#[test]
fn lines_that_do_not_match_their_rows_are_refused() {
    let house = House::empty();
    house.renew(&["--dimension", "8", "--threshold", "0.5"]);
    house.run("import", [house.write("v.npy", &vectors(10, 8, 1))]).ends(0);
    let out = house.path("out");
    export(&house, &out).ends(0);
    let whole = lines(&out.join("templates.jsonl"));
    let refused = |lines: &[Value], expected: &str| {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(out.join("templates.jsonl"), text).unwrap();
        let again = House::empty();
        again.renew(&["--dimension", "8", "--threshold", "0.5"]);
        let said = again.run("import", [&out]).ends(1);
        assert!(said.err.contains("templates.jsonl") && said.err.contains(expected), "{}", said.err);
        again.holds(0);
    };
    let mut swapped = whole.clone();
    swapped.swap(3, 4);
    refused(&swapped, "line 4: it describes another vector");
    refused(&whole[..9], "it describes 9 templates, the file of vectors has 10 rows");
    let mut longer = whole.clone();
    longer.push(whole[0].clone());
    refused(&longer, "it describes 11 templates");
    let mut nameless = whole.clone();
    nameless[7]["subject"] = " ".into();
    refused(&nameless, "line 8: ");
    let mut mixed = whole.clone();
    mixed[5]["fingerprint"] = "abc".into();
    refused(&mixed, "line 6: its model differs");
}

#[test]
fn templates_described_as_of_another_model_are_refused() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.enroll("people").ends(0);
    let out = house.path("out");
    export(&house, &out).ends(0);
    let path = out.join("templates.jsonl");
    let mut line = lines(&path).remove(0);
    line["fingerprint"] = "0123456789abcdef".into();
    std::fs::write(&path, format!("{line}\n")).unwrap();
    let again = House::new();
    for more in [&[][..], &["--from-model", "stand-in"]] {
        let said = again.run("import", [&[out.to_str().unwrap()], more].concat()).ends(1);
        assert!(said.err.contains("scores between two models mean nothing"), "{}", said.err);
    }
    again.holds(0);
}

#[test]
fn files_of_a_killed_export_are_removed_and_reported() {
    let house = House::empty();
    house.renew(&["--dimension", "8", "--threshold", "0.5"]);
    house.run("import", [house.write("v.npy", &vectors(10, 8, 1))]).ends(0);
    let out = house.path("out");
    export(&house, &out).ends(0);
    let left = out.join(".gallerist-unfinished-AbCdEf");
    std::fs::write(&left, b"half of it").unwrap();
    let said = export(&house, &out).ends(0);
    assert!(said.err.contains(".gallerist-unfinished-AbCdEf: removed"), "{}", said.err);
    let mut there: Vec<_> =
        std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    there.sort();
    assert_eq!(there, ["embeddings.npy", "templates.jsonl"]);
}

#[test]
fn damage_of_the_catalog_is_not_blamed_on_the_export() {
    let house = House::empty();
    house.renew(&["--dimension", "8", "--threshold", "0.5"]);
    house.run("import", [house.write("v.npy", &vectors(3000, 8, 1))]).ends(0);
    let catalog = house.gallery().join("catalog.sqlite");
    let mut bytes = std::fs::read(&catalog).unwrap();
    for page in bytes.chunks_mut(4096).skip(8) {
        page.fill(0x5a);
    }
    std::fs::write(&catalog, bytes).unwrap();
    let out = house.path("out");
    let said = export(&house, &out).ends(1);
    assert!(said.err.contains("catalog.sqlite"), "{}", said.err);
    assert!(!said.err.contains("embeddings.npy") && !said.err.contains("templates.jsonl"), "{}", said.err);
    assert!(!out.join("embeddings.npy").exists());
}

/// `ulimit -f`: the signal of the system must not end the program without a message.
#[test]
fn a_file_size_limit_is_reported() {
    let house = House::empty();
    house.renew(&["--dimension", "64", "--threshold", "0.5"]);
    let file = house.write("v.npy", &vectors(5000, 64, 1));
    house.run("import", [&file]).ends(0);
    let limited = |verb: &str, more: &[&str]| {
        let gallery = house.gallery();
        let script = r#"ulimit -f 100; exec "$0" "$@""#;
        let arguments = [verb, gallery.to_str().unwrap()];
        let program = env!("CARGO_BIN_EXE_gallerist");
        let run =
            Command::new("sh").args(["-c", script, program]).args(arguments).args(more).output().unwrap();
        Said::of(run).ends(1)
    };
    let out = house.path("out");
    let said = limited("export", &["--out", out.to_str().unwrap()]);
    assert!(said.err.contains("embeddings.npy") && said.err.contains("File too large"), "{}", said.err);
    assert!(!out.exists(), "nothing half-done is left, nor the folder made for it");
    std::fs::create_dir(&out).unwrap();
    limited("export", &["--out", out.to_str().unwrap()]);
    assert!(out.exists(), "a folder that was there stays");
    let other = house.write("w.npy", &vectors(5000, 64, 2));
    let said = limited("import", &[other.to_str().unwrap()]);
    assert!(said.err.contains("File too large") || said.err.contains("I/O error"), "{}", said.err);
    house.holds(5000);
}
