//! Output: text from files cannot imitate output lines, commands continue after their output is closed, and messages contain advice.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;

use crate::program::{House, Said, command, gallerist, vectors};

/// A name with a line break, colour codes and a change of the writing direction.
const FORGED: &str = "a.png\nMATCH  b.png: Admin  0.999\u{1b}[31m\u{202e}";

#[track_caller]
fn no_forgery(said: &Said) {
    for text in [&said.out, &said.err] {
        assert!(!text.lines().any(|line| line.starts_with("MATCH  b.png")), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{200b}', '\r']), "{text:?}");
    }
}

#[test]
fn no_path_can_imitate_an_output_line() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.photo(Path::new("people/Ada").join(FORGED), 2);
    house.write(Path::new("people/Ada").join(format!("text {FORGED}")), b"no photo");
    let people = house.path("people");
    let said = house.run("enroll", [people.as_os_str(), "--subject-from".as_ref(), "dir".as_ref()]).ends(0);
    no_forgery(&said);
    assert!(said.out.contains("\\nMATCH  b.png: Admin  0.999\\u{1b}[31m\\u{202e}"), "{}", said.out);
    for (verb, code) in [("identify", 10), ("subject show", 0)] {
        let words = if verb == "identify" { vec![people.as_os_str()] } else { vec!["Ada".as_ref()] };
        no_forgery(&house.run(verb, words).ends(code));
    }
    let missing = house.path(FORGED);
    no_forgery(&house.run("identify", [missing.as_os_str()]).ends(1));
    no_forgery(&gallerist(["identify".as_ref(), missing.as_os_str(), people.as_os_str()]).ends(1));
    let unknown = format!("--{FORGED}");
    no_forgery(&house.run("identify", [unknown.as_ref(), people.as_os_str()]).ends(2));
    let log =
        house.command("enroll", [people.as_os_str(), "--subject".as_ref(), "x".as_ref(), "-vv".as_ref()]);
    no_forgery(&Said::of({ log }.output().unwrap()));
    for file in ["a.npy", "b.npy"] {
        let named = house.write(format!("{FORGED}{file}"), b"no vectors");
        no_forgery(&house.run("identify", ["--vectors".as_ref(), named.as_os_str()]).ends(1));
        no_forgery(
            &house.run("import", [named.as_os_str(), "--from-model".as_ref(), "stand-in".as_ref()]).ends(1),
        );
    }
}

/// Writes a name into the catalog without the program, with the same length as the previous one.
#[test]
fn no_name_of_another_catalog_can_imitate_an_output_line() {
    let house = House::new();
    let probe = house.photo("probe.png", 1);
    let name = "A".repeat(FORGED.len());
    house.run("enroll", [probe.as_os_str(), "--subject".as_ref(), name.as_ref()]).ends(0);
    let mut forged = 0;
    for file in ["catalog.sqlite", "catalog.sqlite-wal"] {
        let Ok(mut bytes) = std::fs::read(house.gallery().join(file)) else { continue };
        while let Some(at) = bytes.windows(name.len()).position(|window| window == name.as_bytes()) {
            bytes[at..at + name.len()].copy_from_slice(FORGED.as_bytes());
            forged += 1;
        }
        std::fs::write(house.gallery().join(file), bytes).unwrap();
    }
    assert!(forged > 0, "the name is in the catalog");
    // The change is refused or shown, but no line is imitated.
    no_forgery(&house.run("identify", [probe.as_os_str()]));
    no_forgery(&house.run("subject list", [""; 0]));
    no_forgery(&house.run("check", [""; 0]));
}

#[test]
fn writing_verbs_continue_after_their_output_is_closed() {
    let house = House::new();
    for seed in 0..150 {
        house.photo(format!("people/{seed}/1.png"), seed);
    }
    let people = house.path("people");
    let mut child = house
        .command(
            "enroll",
            [
                people.as_os_str(),
                "--subject-from".as_ref(),
                "dir".as_ref(),
                "--format".as_ref(),
                "json".as_ref(),
            ],
        )
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap(); // then it is closed
    let mut complaint = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{complaint}");
    assert!(complaint.contains("standard output was closed"), "{complaint}");
    house.holds(150);
}

/// Runs a verb whose standard output is closed before its first line.
fn unread(house: &House, verb: &str, words: &[&str]) -> Option<i32> {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    house.command(verb, words).stdout(Stdio::from(writer)).stderr(Stdio::null()).status().unwrap().code()
}

#[test]
fn a_closed_output_changes_no_decision_and_stops_no_work() {
    let house = House::empty();
    house.run("init", ["--dimension", "16", "--threshold", "0.9"]).ends(0);
    let rows = house.write("rows.npy", &vectors(20_000, 16, 1));
    let few = house.write("few.npy", &vectors(3, 16, 9));
    let (rows, few) = (rows.to_str().unwrap(), few.to_str().unwrap());
    assert_eq!(unread(&house, "import", &[rows, "--format", "json"]), Some(0));
    house.holds(20_000);
    assert_eq!(unread(&house, "identify", &["--vectors", rows, "-k", "1", "--threshold", "0.99"]), Some(10));
    assert_eq!(unread(&house, "identify", &["--vectors", few, "-k", "1", "--threshold", "0.999"]), Some(11));
    assert_eq!(unread(&house, "subject rename", &["rows-0", "Ada"]), Some(0));
    assert_eq!(unread(&house, "subject remove", &["Ada", "--yes"]), Some(0));
    house.run("subject show", ["Ada"]).ends(1);
    assert_eq!(unread(&house, "purge", &[]), Some(0));
    house.holds(19_999);
    for verb in ["subject list", "stats"] {
        assert_eq!(unread(&house, verb, &[]), Some(0));
    }
}

#[test]
fn a_full_standard_output_is_an_error_after_the_work_is_done() {
    let Ok(full) = File::options().write(true).open("/dev/full") else { return };
    let house = House::empty();
    house.run("init", ["--dimension", "16"]).ends(0);
    let rows = house.write("rows.npy", &vectors(20_000, 16, 1));
    let said = house
        .command("import", [rows.as_os_str(), "--format".as_ref(), "json".as_ref()])
        .stdout(full)
        .output();
    let said = Said::of(said.unwrap()).ends(1);
    assert!(said.err.contains("the standard output failed"), "{}", said.err);
    house.holds(20_000);
}

#[test]
fn a_closed_standard_error_causes_no_panic() {
    let house = House::new();
    let photo = house.photo("a.png", 1);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command =
        house.command("enroll", [photo.as_os_str(), "--subject".as_ref(), "Ada".as_ref(), "-vv".as_ref()]);
    assert_eq!(command.stderr(Stdio::from(writer)).status().unwrap().code(), Some(0));
    house.holds(1);
}

#[test]
fn the_log_has_no_colours() {
    let house = House::new();
    let photo = house.photo("a.png", 1);
    let log = File::create(house.path("log")).unwrap();
    house
        .command("enroll", [photo.as_os_str(), "--subject".as_ref(), "Ada".as_ref(), "-vv".as_ref()])
        .stderr(log)
        .status()
        .unwrap();
    let mut said = String::new();
    File::open(house.path("log")).unwrap().read_to_string(&mut said).unwrap();
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn a_gallery_is_not_calibrated_from_its_own_calibration() {
    let house = House::empty();
    house.run("init", ["--dimension", "16"]).ends(0);
    let same = house.path("./gallery/../gallery");
    let said = house.run("calibrate", ["--from".as_ref(), same.as_os_str()]).ends(2);
    assert!(said.err.contains("is the gallery itself"), "{}", said.err);
}

#[test]
fn similarities_and_distances_stay_in_their_range() {
    let house = House::empty();
    house.run("init", ["--dimension", "192", "--threshold", "0.9"]).ends(0);
    let rows = house.write("rows.npy", &vectors(500, 192, 1));
    house.run("import", [rows.as_os_str()]).ends(0);
    for verb in ["identify", "search"] {
        let said = house.run(
            verb,
            [
                "--vectors".as_ref(),
                rows.as_os_str(),
                "-k".as_ref(),
                "2".as_ref(),
                "--format".as_ref(),
                "json".as_ref(),
            ],
        );
        for reply in said.json() {
            let best = [&reply["max_similarity"], &reply["certificate"]["max_similarity"]];
            let best = best.into_iter().find_map(serde_json::Value::as_f64).unwrap();
            assert!((-1.0..=1.0).contains(&best), "{best}");
            for one in reply["matches"].as_array().unwrap() {
                let [similarity, distance] =
                    [&one["similarity"], &one["distance"]].map(|value| value.as_f64().unwrap());
                assert!((-1.0..=1.0).contains(&similarity) && (0.0..=2.0).contains(&distance), "{one}");
            }
        }
    }
}

#[test]
fn the_help_lists_the_exit_codes() {
    let said = Said::of(command(["--help"]).output().unwrap()).ends(0);
    assert!(
        said.out.contains("3 no input was usable") && said.out.contains("12 inconclusive"),
        "{}",
        said.out
    );
}

#[test]
fn errors_for_vectors_do_not_mention_import() {
    let house = House::empty();
    house.run("init", ["--dimension", "16", "--threshold", "0.5"]).ends(0);
    let mut rows = vectors(3, 16, 1);
    let last = rows.len() - 4;
    rows[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    let rows = house.write("nan.npy", &rows);
    for verb in ["identify", "search"] {
        let said = house.run(verb, ["--vectors".as_ref(), rows.as_os_str()]).ends(1);
        assert!(said.err.contains("row 2: component 15 is NaN"), "{}", said.err);
        assert!(!said.err.contains("import"), "{}", said.err);
    }
}

#[test]
fn a_gallery_without_a_catalog_gets_no_advice_to_recreate_it() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.enroll("people").ends(0);
    let catalog = house.gallery().join("catalog.sqlite");
    for (made, told) in [(true, "it is empty"), (false, "it is missing")] {
        match made {
            true => std::fs::write(&catalog, b"").unwrap(),
            false => std::fs::remove_file(&catalog).unwrap(),
        }
        let said = house.run("stats", [""; 0]).ends(1);
        assert!(said.err.contains("catalog.sqlite") && said.err.contains(told), "{}", said.err);
        assert!(!said.err.contains("gallerist init"), "{}", said.err);
    }
}

#[test]
fn an_unreadable_folder_is_not_called_occupied() {
    let house = House::empty();
    let file = house.write("file", b"x");
    let init = |place: &Path| {
        gallerist(["init".as_ref(), place.as_os_str(), "--model".as_ref(), "stand-in".as_ref()]).ends(1).err
    };
    let said = init(&file.join("gallery"));
    assert!(said.contains("examining it") && !said.contains("exists already"), "{said}");
    assert!(init(&file).contains("exists already"));
}
