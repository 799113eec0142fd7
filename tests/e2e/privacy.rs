//! Permissions of a gallery's files, and data of removed subjects in them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::program::{House, Said, vectors};

/// Every file and folder below `root`, and `root` itself.
fn tree(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    if root.is_dir() {
        found.extend(fs::read_dir(root).unwrap().flat_map(|entry| tree(&entry.unwrap().path())));
    }
    found
}

/// Those with permissions for others than the owner.
fn open_to_others(root: &Path) -> Vec<PathBuf> {
    let mut found = tree(root);
    found.retain(|path| fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0));
    found
}

/// Runs the program with a umask that permits everything.
fn with_open_umask(house: &House, verb: &str, more: &[&str]) -> Said {
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_gallerist")]);
    command.args(verb.split(' ')).arg(house.gallery()).args(more);
    Said::of(command.output().unwrap())
}

/// Files of the gallery that contain these bytes.
pub fn holding(house: &House, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = tree(&house.gallery());
    found.retain(|path| {
        path.is_file() && fs::read(path).unwrap().windows(bytes.len()).any(|window| window == bytes)
    });
    found
}

#[test]
fn files_are_private_to_their_owner_for_any_umask() {
    let house = House::empty();
    with_open_umask(&house, "init", &["--dimension", "16"]).ends(0);
    assert_eq!(open_to_others(&house.gallery()), [] as [PathBuf; 0]);
    let file = house.write("t.npy", &vectors(60_000, 16, 1));
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_gallerist"), "import"]);
    command.arg(house.gallery()).arg(&file).args(["--format", "json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    // During a write, with the temporary files of SQLite.
    let while_open = open_to_others(&house.gallery());
    lines.for_each(drop);
    assert!(child.wait().unwrap().success());
    assert_eq!(while_open, [] as [PathBuf; 0]);
    let out = house.path("out");
    with_open_umask(&house, "export", &["--out", out.to_str().unwrap()]).ends(0);
    for folder in [house.gallery(), out] {
        assert_eq!(open_to_others(&folder), [] as [PathBuf; 0]);
    }
}

#[test]
fn the_next_change_makes_a_readable_gallery_private() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.enroll("people").ends(0);
    for path in tree(&house.gallery()) {
        let mode = if path.is_dir() { 0o755 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    with_open_umask(&house, "subject rename", &["Ada", "Ada Lovelace"]).ends(0);
    assert_eq!(open_to_others(&house.gallery()), [] as [PathBuf; 0]);
}

/// Five subjects that are removed in different ways, and one that stays.
#[test]
fn no_erased_data_is_in_any_file() {
    let house = House::new();
    for (seed, person) in (1..).zip(["Aurelia", "Berenice", "Cassandra", "Drusilla", "Euphemia", "Stays"]) {
        house.photo(format!("people/{person}/portrait.png"), seed);
        house.photo(format!("people/{person}/second.png"), seed + 100);
        let wall = image::RgbImage::from_pixel(64, 64, image::Rgb([9, 9, seed as u8]));
        let wall = crate::program::encode(&wall.into(), image::ImageFormat::Png);
        house.write(format!("people/{person}/wall.png"), &wall); // skipped, because it has no face
    }
    house.enroll("people").ends(0);
    let out = house.path("out");
    house.run("export", ["--out".as_ref(), out.as_os_str()]).ends(0);
    let lines = fs::read_to_string(out.join("templates.jsonl")).unwrap();
    let numbers = fs::read(out.join("embeddings.npy")).unwrap();
    let rows: Vec<&[u8]> = numbers[numbers.len() - 12 * 256..].chunks_exact(256).collect();
    let stays: Vec<bool> = lines.lines().map(|line| line.contains("Stays")).collect();

    // A chain: renamed, merged into a subject that is merged in turn and removed.
    house.run("subject rename", ["Aurelia", "Antonina"]).ends(0);
    house.run("subject merge", ["Antonina", "Berenice"]).ends(0);
    house.run("subject merge", ["Berenice", "Cassandra"]).ends(0);
    house.run("subject rename", ["Cassandra", "Calpurnia"]).ends(0);
    house.run("subject remove", ["Calpurnia", "--yes"]).ends(0);
    // By single templates, one of them moved to another subject first.
    let ids = |name: &str| -> Vec<String> {
        let shown = house.run("subject show", [name, "--format", "json"]).ends(0).json();
        shown[0]["templates"].as_array().unwrap().iter().map(|at| at["face_id"].to_string()).collect()
    };
    let drusilla = ids("Drusilla");
    house.run("subject move", ["--template", &drusilla[0], "--to", "Euphemia"]).ends(0);
    house.run("subject remove", ["--template", &drusilla[1]]).ends(0);
    house.run("subject remove", ["Euphemia", "--yes"]).ends(0);
    house.run("subject rename", ["Stays", "Remains"]).ends(0);

    let names = ["Aurelia", "Antonina", "Berenice", "Cassandra", "Calpurnia", "Drusilla", "Euphemia"]
        .map(str::as_bytes);
    assert!(!holding(&house, names[0]).is_empty(), "removed is not erased");
    let stats = house.run("stats", ["--format", "json"]).ends(0).json();
    assert!(stats[0]["sizes"]["removed"].as_u64().unwrap() >= 10, "{}", stats[0]);
    let said = house.run("purge", [] as [&str; 0]).ends(0);
    assert!(said.out.contains("free space") && said.out.contains("\nerased "), "{}", said.out);
    for name in names {
        let found = holding(&house, name);
        assert!(found.is_empty(), "{}: {found:?}", String::from_utf8_lossy(name));
    }
    for (number, (row, stays)) in rows.iter().zip(&stays).enumerate() {
        assert_eq!(!holding(&house, row).is_empty(), *stays, "template {number}");
    }
    // The remaining subject keeps its history.
    let history = house.run("subject history", [] as [&str; 0]).ends(0).out;
    assert!(history.contains("Stays to Remains"), "{history}");
    let stats = house.run("stats", ["--format", "json"]).ends(0).json();
    assert_eq!(stats[0]["sizes"]["removed"], 0);
    house.holds(2);
}

/// Another program that reads the catalog keeps its old content.
#[test]
fn a_purge_during_a_read_lists_the_rest_and_is_completed_later() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.photo("people/Grace Hopper/1.png", 2);
    house.enroll("people").ends(0);
    house.run("subject remove", ["Grace Hopper", "--yes"]).ends(0);
    let reader = rusqlite::Connection::open(house.gallery().join("catalog.sqlite")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;").unwrap();
    let said = house.run("purge", [] as [&str; 0]);
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(!said.out.contains("\nerased"), "{}", said.out);
    assert!(format!("{}{}", said.out, said.err).contains("catalog.sqlite"), "{}{}", said.out, said.err);
    assert!(
        !holding(&house, b"Grace Hopper").is_empty(),
        "it would have been right to say that it is erased"
    );
    reader.execute_batch("COMMIT").unwrap();
    drop(reader);
    let stats = house.run("stats", ["--format", "json"]).ends(0).json();
    assert_eq!(stats[0]["sizes"]["removed"], 1);
    let said = house.run("purge", ["--format", "json"]).ends(0).json();
    assert_eq!(said[0]["erased"], 1);
    assert!(holding(&house, b"Grace Hopper").is_empty());
    house.holds(1);
}

#[test]
fn a_removed_subject_can_be_imported_again() {
    let house = House::empty();
    house.renew(&["--dimension", "8"]);
    let file = house.write("t.npy", &vectors(6, 8, 1));
    let names = house.write("names.txt", b"Ada\nAda\nBea\nBea\nCyd\nCyd\n");
    let import = || {
        let arguments = [
            file.as_os_str(),
            "--subjects".as_ref(),
            names.as_os_str(),
            "--format".as_ref(),
            "json".as_ref(),
        ];
        let summary = house.run("import", arguments).ends(0).summary();
        (summary["imported"].clone(), summary["imported_before"].clone())
    };
    assert_eq!(import(), (json!(6), json!(0)));
    for name in ["Ada", "Bea", "Cyd"] {
        house.run("subject remove", [name, "--yes"]).ends(0);
    }
    house.holds(0);
    assert_eq!(import(), (json!(6), json!(0)), "before a purge");
    for name in ["Ada", "Bea", "Cyd"] {
        house.run("subject remove", [name, "--yes"]).ends(0);
    }
    house.run("purge", [] as [&str; 0]).ends(0);
    assert_eq!(import(), (json!(6), json!(0)), "after it");
    house.holds(6);
}

/// If some rows of a file were removed, exactly these rows are imported again, also if the others were moved.
#[test]
fn only_removed_rows_are_imported_again() {
    let house = House::empty();
    house.renew(&["--dimension", "8"]);
    let file = house.write("t.npy", &vectors(6, 8, 1));
    let names = house.write("names.txt", b"Ada\nAda\nBea\nBea\nCyd\nCyd\n");
    let arguments = |more: &'static str| {
        let options = ["--subjects".as_ref(), names.as_os_str(), "--format".as_ref(), "json".as_ref()];
        let more = Some(more).filter(|more| !more.is_empty()).map(str::as_ref);
        std::iter::once(file.as_os_str()).chain(options).chain(more).collect::<Vec<_>>()
    };
    house.run("import", arguments("")).ends(0);
    house.run("subject move", ["--template", "5", "--to", "Ada"]).ends(0);
    house.run("subject remove", ["Bea", "--yes"]).ends(0);
    house.run("purge", [] as [&str; 0]).ends(0);
    house.holds(4);
    let summary = house.run("import", arguments("--keep-names")).ends(0).summary();
    assert_eq!((&summary["imported"], &summary["imported_before"]), (&json!(2), &json!(4)), "{summary}");
    assert_eq!(house.run("subject list", [] as [&str; 0]).ends(0).out, "Ada  3\nBea  2\nCyd  1\n");
    house.holds(6);
}
