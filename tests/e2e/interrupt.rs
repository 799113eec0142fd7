//! Ctrl-C and SIGTERM: printed results stay valid, and unprocessed inputs are counted.

#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::decision::{D, gallery};
use crate::program::{House, command, photo, vectors};

/// Photos of one folder: more than are processed before the signal arrives.
const MANY: usize = 1000;

/// `MANY` names of one photo.
fn photos(house: &House, folder: &str) {
    let first = house.write(format!("{folder}/0/0.png"), &photo(1));
    for number in 1..MANY {
        let path = house.path(format!("{folder}/{number}/{number}.png"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::hard_link(&first, path).unwrap();
    }
}

fn signal(child: &Child, signal: i32) {
    let killed = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
    assert!(killed.success());
}

/// Waits until the program has a handler for Ctrl-C.
fn until_it_listens(child: &Child) {
    let status = format!("/proc/{}/status", child.id());
    loop {
        let text = std::fs::read_to_string(&status).unwrap();
        let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        if u64::from_str_radix(caught.trim(), 16).unwrap() & 0b10 != 0 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

fn spawn(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Sends a signal after the first line, or after the program has a handler if it prints no line before. Returns the lines. The output does
/// not fit into a pipe, so the program cannot have ended before.
#[track_caller]
fn interrupted(command: Command, with: i32, first_line: bool) -> Vec<Value> {
    let mut child = spawn(command);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    if first_line {
        out.read_line(&mut said).unwrap();
    } else {
        until_it_listens(&child);
    }
    signal(&child, with);
    out.read_to_string(&mut said).unwrap();
    let mut complaint = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}\n{complaint}");
    said.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect()
}

#[track_caller]
fn tells_the_rest(lines: &[Value], replies: usize, total: usize) {
    let last = lines.last().expect("it says that it was interrupted");
    assert_eq!((&last["event"], &last["total"]), (&"interrupted".into(), &total.into()), "{last}");
    assert_eq!(last["looked_at"].as_u64().unwrap() + last["not_looked_at"].as_u64().unwrap(), total as u64);
    assert!(last["not_looked_at"].as_u64().unwrap() > 0, "{last}");
    assert_eq!(last["looked_at"], replies);
}

fn json<S: AsRef<OsStr>>(house: &House, verb: &str, words: impl IntoIterator<Item = S>) -> Command {
    let mut command = house.command(verb, words);
    command.args(["--format", "json"]);
    command
}

#[test]
fn identify_counts_unprocessed_photos() {
    let house = House::new();
    house.photo("people/Ada/1.png", 1);
    house.enroll("people").ends(0);
    photos(&house, "many");
    for with in [2, 15] {
        let lines =
            interrupted(json(&house, "identify", [house.path("many"), "--with-template".into()]), with, true);
        tells_the_rest(&lines, lines.len() - 1, MANY);
        assert!(lines[..lines.len() - 1].iter().all(|reply| reply["decision"] == "match"));
    }
}

#[test]
fn identify_and_search_count_unprocessed_rows() {
    let house = gallery(30, 1);
    let rows = house.write("rows.npy", &vectors(5000, D, 5));
    for (verb, more) in
        [("identify", &["--threshold", "0.9"][..]), ("search", &[]), ("range", &["--min-score", "0"])]
    {
        let words =
            [OsStr::new("--vectors"), rows.as_os_str()].into_iter().chain(more.iter().map(OsStr::new));
        let lines = interrupted(json(&house, verb, words), 2, true);
        tells_the_rest(&lines, lines.len() - 1, 5000);
    }
}

#[test]
fn measuring_verbs_report_their_progress() {
    let house = House::new();
    for seed in 0..30 {
        house.photo(format!("people/{seed}/1.png"), 1000 + seed);
    }
    house.enroll("people").ends(0);
    photos(&house, "strangers/x");
    let many = house.path("strangers");
    let pairs: String = (1..MANY).map(|n| format!("x/0/0.png\tx/{n}/{n}.png\t{}\n", n % 2)).collect();
    let list = house.write("pairs.tsv", pairs.as_bytes());
    let out = house.path("report");
    let verify = || {
        command([
            "verify".as_ref(),
            "--model".as_ref(),
            "stand-in".as_ref(),
            "--pairs".as_ref(),
            list.as_os_str(),
            "--root".as_ref(),
            many.as_os_str(),
            "--format".as_ref(),
            "json".as_ref(),
        ])
    };
    let eval = || {
        command([
            "eval".as_ref(),
            "--model".as_ref(),
            "stand-in".as_ref(),
            "--pairs".as_ref(),
            list.as_os_str(),
            "--root".as_ref(),
            many.as_os_str(),
            "--out".as_ref(),
            out.as_os_str(),
            "--format".as_ref(),
            "json".as_ref(),
        ])
    };
    let calibrate = json(&house, "calibrate", ["--nonmated".as_ref(), many.as_os_str()]);
    for command in [verify(), eval(), calibrate] {
        let lines = interrupted(command, 15, false);
        let done = lines.last().unwrap()["looked_at"].as_u64().unwrap();
        tells_the_rest(&lines, done as usize, MANY);
    }
    assert!(!out.exists(), "there is no report of a part");
}

#[test]
fn enroll_keeps_printed_results_and_counts_unprocessed_photos() {
    let house = House::new();
    for seed in 0..MANY as u64 {
        house.photo(format!("people/{seed}/1.png"), seed);
    }
    let people = house.path("people");
    let words = [people.as_os_str(), "--subject-from".as_ref(), "dir".as_ref()];
    let lines = interrupted(json(&house, "enroll", words), 15, true);
    let enrolled = lines.iter().filter(|line| line["event"] == "enrolled").count() as u64;
    let summary = lines.last().unwrap();
    assert_eq!((&summary["event"], &summary["interrupted"]), (&"summary".into(), &true.into()));
    assert_eq!(summary["enrolled"], enrolled);
    assert_eq!(summary["inputs"].as_u64().unwrap() + summary["not_looked_at"].as_u64().unwrap(), MANY as u64);
    house.holds(enrolled);
    house.enroll("people").ends(0);
    house.holds(MANY as u64);
}

#[test]
fn check_certificate_counts_unchecked_replies() {
    let house = gallery(30, 1);
    let rows = house.write("rows.npy", &vectors(3000, D, 5));
    let said = house.run(
        "identify",
        [OsStr::new("--vectors"), rows.as_os_str()]
            .into_iter()
            .chain(["--threshold", "0.9", "--format", "json"].map(OsStr::new)),
    );
    let replies = house.write("replies.json", said.out.as_bytes());
    let check = command([
        "check-certificate".as_ref(),
        replies.as_os_str(),
        house.gallery().as_os_str(),
        "--format".as_ref(),
        "json".as_ref(),
    ]);
    let lines = interrupted(check, 2, true);
    tells_the_rest(&lines, lines.len() - 1, 3000);
    assert!(lines[..lines.len() - 1].iter().all(|line| line["holds"] == true));
}
