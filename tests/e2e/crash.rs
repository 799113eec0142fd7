//! kill -9 during a write: acknowledged templates are in the gallery, the catalog agrees with the index, and
//! the same command resumes.
//!
//! `GALLERIST_KILLS` sets the number of kills of each test (default 4).

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{House, Said, UNSHARE_FLAGS, vectors};

fn kills() -> u64 {
    std::env::var("GALLERIST_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(4)
}

/// A number from 0 to 1 that differs from kill to kill.
fn fraction(kill: u64) -> f64 {
    (kill as f64 * 0.618_033_988_749_895 + 0.05).fract()
}

/// Runs `command` and kills it after `patience`. Returns the complete JSON lines of its output, and whether it was
/// killed.
fn run_and_kill(mut command: Command, patience: Duration) -> (Vec<Value>, bool) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts");
    let mut out = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).unwrap();
        text
    });
    let started = Instant::now();
    while started.elapsed() < patience && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(500));
    }
    let killed = child.try_wait().unwrap().is_none();
    child.kill().ok();
    child.wait().unwrap();
    let text = reader.join().unwrap();
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    (
        BufReader::new(whole.as_bytes())
            .lines()
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
            .collect(),
        killed,
    )
}

/// Ids of every template in the gallery, from its export.
fn ids(house: &House) -> BTreeSet<u64> {
    let out = house.path("out");
    house.run("export", ["--out".as_ref(), out.as_os_str()]).ends(0);
    let lines = std::fs::read_to_string(out.join("templates.jsonl")).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["face_id"].as_u64().unwrap())
        .collect()
}

#[track_caller]
fn sound(said: Said) -> u64 {
    let found = said.ends(0).json();
    assert_eq!(found[0]["problems"], serde_json::json!([]));
    found[0]["templates"].as_u64().unwrap()
}

#[test]
fn killed_enrolments_lose_nothing_that_was_acknowledged() {
    const PHOTOS: u64 = 300;
    let house = House::new();
    for seed in 0..PHOTOS {
        house.photo(format!("people/{:03}/1.png", seed), seed);
    }
    let folder = house.path("people");
    let arguments =
        [folder.as_os_str(), "--subject-from".as_ref(), "dir".as_ref(), "--format".as_ref(), "json".as_ref()];

    let control = House::new();
    let started = Instant::now();
    control.run("enroll", arguments).ends(0);
    let whole = started.elapsed();

    let mut acknowledged = BTreeSet::new();
    let mut killed = 0;
    for kill in 0..kills() {
        let patience = whole.mul_f64(fraction(kill));
        let (lines, was_killed) = run_and_kill(house.command("enroll", arguments), patience);
        killed += u64::from(was_killed);
        for line in lines.iter().filter(|line| line["event"] == "enrolled") {
            acknowledged
                .extend(line["template_ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()));
        }
        sound(house.run("check", ["--format", "json"]));
        let there = ids(&house);
        assert!(acknowledged.is_subset(&there), "lost: {:?}", acknowledged.difference(&there));
        if there.len() as u64 == PHOTOS {
            house.renew(&["--model", "stand-in"]);
            acknowledged.clear();
        }
    }
    assert!(killed > 0 || kills() == 0, "no kill came before the end of the run");
    house.run("enroll", arguments).ends(0);
    assert_eq!(sound(house.run("check", ["--format", "json"])), PHOTOS);
}

#[test]
fn killed_imports_lose_nothing_and_resume() {
    const ROWS: usize = 120_000;
    const DIMENSION: usize = 32;
    let house = House::empty();
    let file = house.write("templates.npy", &vectors(ROWS, DIMENSION, 1));
    let new_gallery = || house.renew(&["--dimension", "32"]);
    let arguments = [file.as_os_str(), "--format".as_ref(), "json".as_ref()];
    new_gallery();
    let started = Instant::now();
    house.run("import", arguments).ends(0);
    let whole = started.elapsed();

    new_gallery();
    let mut killed = 0;
    for kill in 0..kills() {
        let (lines, was_killed) =
            run_and_kill(house.command("import", arguments), whole.mul_f64(fraction(kill)));
        killed += u64::from(was_killed);
        let acknowledged = lines.iter().filter_map(|line| line["rows_done"].as_u64()).max().unwrap_or(0);
        let there = sound(house.run("check", ["--format", "json"]));
        assert!(there >= acknowledged, "{acknowledged} rows were acknowledged, {there} are there");
        if there == ROWS as u64 {
            new_gallery();
        }
    }
    assert!(killed > 0 || kills() == 0, "no kill came before the end of the run");
    house.run("import", arguments).ends(0);
    assert_eq!(sound(house.run("check", ["--format", "json"])), ROWS as u64);
}

#[test]
fn an_interrupt_saves_photos_in_flight_and_the_same_command_resumes() {
    // More lines than the pipe can buffer, so the program cannot end before they are read.
    const PHOTOS: u64 = 1200;
    let house = House::new();
    for seed in 0..PHOTOS {
        house.photo(format!("people/{:03}/1.png", seed), seed);
    }
    let folder = house.path("people");
    let arguments =
        [folder.as_os_str(), "--subject-from".as_ref(), "dir".as_ref(), "--format".as_ref(), "json".as_ref()];
    let mut child =
        house.command("enroll", arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().expect("a photo is enrolled").unwrap();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let rest: Vec<Value> = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    let status = child.wait().unwrap();
    let summary = rest.last().unwrap();
    assert_eq!(summary["event"], "summary");
    let enrolled = summary["enrolled"].as_u64().unwrap();
    assert!(enrolled < PHOTOS, "the enrolment was over before the interrupt came");
    assert_eq!(status.code(), Some(130));
    assert_eq!(sound(house.run("check", ["--format", "json"])), enrolled);
    let summary = house.run("enroll", arguments).ends(0).summary();
    assert_eq!(summary["unchanged"].as_u64().unwrap(), enrolled);
    assert_eq!(sound(house.run("check", ["--format", "json"])), PHOTOS);
}

/// A full disk during an enrolment gives an error that names it, and nothing is lost.
#[test]
#[cfg_attr(not(small_disks), ignore = "this user may not mount a small disk")]
fn a_full_disk_loses_nothing() {
    let house = House::new();
    for seed in 0..200 {
        house.photo(format!("people/{:03}/1.png", seed), seed);
    }
    let small = house.path("small");
    std::fs::create_dir(&small).unwrap();
    let program = env!("CARGO_BIN_EXE_gallerist");
    let script = r#"
        mount -t tmpfs -o size=300k,mode=700 gallerist-test "$1" || exit 77
        "$0" init "$1/gallery" --model stand-in >/dev/null || exit 78
        "$0" enroll "$1/gallery" "$2" --subject-from dir --format json > "$3/first.json" 2> "$3/first.err"
        echo $? > "$3/first.code"
        "$0" check "$1/gallery" --format json > "$3/check.json" 2> "$3/check.err"
        mount -o remount,size=64m gallerist-test "$1" || exit 79
        "$0" enroll "$1/gallery" "$2" --subject-from dir --format json > "$3/second.json" || exit 80
        "$0" check "$1/gallery" --format json > "$3/last.json" || exit 81
    "#;
    let results = house.path("results");
    std::fs::create_dir(&results).unwrap();
    let run = Command::new("unshare")
        .args([UNSHARE_FLAGS, "sh", "-c", script, program])
        .args([&small, &house.path("people"), &results])
        .output()
        .unwrap();
    let read = |name: &str| std::fs::read_to_string(results.join(name)).unwrap_or_default();
    assert_eq!(run.status.code(), Some(0), "{}\n{}", String::from_utf8_lossy(&run.stderr), read("first.err"));
    assert_eq!(read("first.code").trim(), "1", "the disk was not full: {}", read("first.json"));
    assert!(read("first.err").contains("full"), "{}", read("first.err"));
    let acknowledged =
        read("first.json").lines().filter(|line| line.contains("\"enrolled\",")).count() as u64;
    let check: Value =
        serde_json::from_str(&read("check.json")).unwrap_or_else(|_| panic!("check: {}", read("check.err")));
    assert_eq!(check["problems"], serde_json::json!([]));
    assert!(check["templates"].as_u64().unwrap() >= acknowledged);
    let last: Value = serde_json::from_str(&read("last.json")).unwrap();
    assert_eq!(last["templates"], 200);
}
