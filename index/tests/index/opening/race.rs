//! Eight processes that want the same index at the same moment.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::exit;
use std::thread;
use std::time::Duration;

use gallerist_index::{Error, Index, Options};

use super::sample;
use crate::oracle::{Oracle, Process, borrowed, child, rows};

const RACERS: u64 = 8;
/// Names the index that is raced for.
const RACED: &str = "GALLERIST_TEST_RACED";
/// The row that a racer inserts; its racer's number is this modulo [`RACERS`].
const ROW: &str = "GALLERIST_TEST_RACER";
/// `create` or `open`.
const ACT: &str = "GALLERIST_TEST_RACE_ACT";

fn rounds(default: u64) -> u64 {
    std::env::var("GALLERIST_RACES").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(default)
}

/// Tells the parent, whole or not at all.
fn say(what: &str) {
    io::stdout().write_all(format!("\nrace: {what}\n").as_bytes()).unwrap();
}

fn insert(index: &Index, id: u64) {
    index.insert(&borrowed(&rows(3, id..id + 1, 1))).unwrap();
    say("inserted");
}

/// What only one process may do at a time. The mark is beside the index, so it is there twice if two own it at once.
fn own_for_a_while(index: Index, path: &Path, id: u64) {
    let mark = path.with_extension("owned");
    File::create_new(&mark).expect("one owner at a time");
    insert(&index, id);
    fs::remove_file(mark).unwrap();
    match id % 3 {
        0 => index.close().unwrap(),
        1 => drop(index),
        _ => exit(0), // and nothing is closed
    }
}

#[test]
#[ignore = "run eight times by its parent, in processes of their own"]
fn racer() {
    let Some(path) = std::env::var_os(RACED).map(PathBuf::from) else { return };
    let id = std::env::var(ROW).unwrap().parse().unwrap();
    let mut signals = File::from(io::stdin().as_fd().try_clone_to_owned().unwrap());
    let mut signal = || signals.read_exact(&mut [0]).unwrap();
    say("ready");
    signal();
    let raced = match std::env::var(ACT).unwrap().as_str() {
        "create" => Index::create(&path, Options::new(3).shards(2)),
        _ => Index::open(&path),
    };
    match raced {
        Ok(index) => {
            say("won");
            insert(&index, id);
            signal(); // the others have tried
            return index.close().unwrap();
        }
        Err(error @ Error::Locked { .. }) => say(&format!("locked: {error}")),
        Err(error @ Error::AlreadyExists { .. }) => say(&format!("exists: {error}")),
        Err(error) => say(&format!("failed: {error}")),
    }
    signal(); // the winner is no more, or is just going
    loop {
        match Index::open(&path) {
            Ok(index) => return own_for_a_while(index, &path, id),
            Err(Error::Locked { .. }) => thread::sleep(Duration::from_micros(200)),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A process, the writing end of its input, and what it says.
struct Racer {
    process: Process,
    signals: PipeWriter,
    said: Box<dyn Iterator<Item = String>>,
}

impl Racer {
    fn start(path: &Path, act: &str, id: u64) -> Self {
        let (waiting, signals) = io::pipe().unwrap();
        let mut command = child("opening::race::racer");
        command.env(RACED, path).env(ACT, act).env(ROW, id.to_string()).stdin(waiting);
        let mut process = Process::start(&mut command);
        let said = process.lines().filter_map(|line| line.strip_prefix("race: ").map(str::to_owned));
        Self { process, signals, said: Box::new(said) }
    }

    fn hear(&mut self) -> String {
        self.said.next().expect("it ended")
    }

    fn signal(&mut self) {
        self.signals.write_all(&[0]).unwrap();
    }
}

/// The racers of one round.
struct Race(Vec<Racer>);

impl Race {
    /// They wait for a signal each.
    fn prepare(path: &Path, act: &str, round: u64) -> Self {
        let ids = 1000 + round * RACERS..1000 + (round + 1) * RACERS;
        let mut racers: Vec<Racer> = ids.map(|id| Racer::start(path, act, id)).collect();
        racers.iter_mut().for_each(|racer| assert_eq!(racer.hear(), "ready"));
        Self(racers)
    }

    /// Starts the race and tells who won it, and has inserted a row by now, and what the others said.
    fn run(&mut self) -> (usize, Vec<String>) {
        self.0.iter_mut().for_each(Racer::signal);
        let mut said: Vec<String> = self.0.iter_mut().map(Racer::hear).collect();
        let winner = said.iter().position(|said| said == "won");
        let winner = winner.unwrap_or_else(|| panic!("nobody won: {said:?}"));
        assert_eq!(self.0[winner].hear(), "inserted");
        said.remove(winner);
        (winner, said)
    }
}

#[test]
fn of_eight_who_open_an_index_one_owns_it() {
    let (_directory, path, mut oracle) = sample(Options::new(3).shards(2).seal_rows(40));
    let mut winners = BTreeSet::new();
    for round in 0..rounds(20) {
        let mut race = Race::prepare(&path, "open", round);
        let (winner, others) = race.run();
        winners.insert(winner);
        let in_use = |said: &String| said.starts_with("locked: ") && said.contains("in use by ");
        assert!(others.iter().all(in_use), "round {round}: {others:?}");
        // Every other winner closes the index while the rest are after it; the others are killed.
        if round % 2 == 0 {
            race.0.remove(winner).process.kill();
        }
        race.0.iter_mut().for_each(Racer::signal);
        for (racer, Racer { process, said, .. }) in race.0.iter_mut().enumerate() {
            let is_winner = round % 2 == 1 && racer == winner;
            let expected: &[&str] = if is_winner { &[] } else { &["inserted"] };
            assert_eq!(said.collect::<Vec<_>>(), expected, "round {round}, racer {racer}");
            assert!(process.ends_well(), "round {round}, racer {racer}");
        }
        let inserted = rows(3, 1000 + round * RACERS..1000 + (round + 1) * RACERS, 1);
        inserted.into_iter().for_each(|(id, group, vector)| oracle.insert(id, group, vector));
        let index = Index::open(&path).expect("the lock is free at once");
        assert_eq!(Oracle::of(&index.view()), oracle, "round {round}");
    }
    let report = Index::check_at(&path).unwrap();
    assert!(report.is_clean() && report.unknown.is_empty(), "{report:?}");
    eprintln!("racers that won at least once: {winners:?}");
}

#[test]
fn of_eight_who_create_an_index_one_makes_it() {
    for round in 0..rounds(10) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("index");
        if round % 2 == 0 {
            fs::create_dir(&path).unwrap();
        }
        let mut race = Race::prepare(&path, "create", round);
        let (winner, others) = race.run();
        assert!(others.iter().all(|said| said.starts_with("exists: ")), "round {round}: {others:?}");
        let beside: Vec<_> =
            fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(beside, ["index"], "round {round}: nobody leaves half of one");
        let mut winning = race.0.remove(winner);
        drop(race); // kills the others
        winning.signal();
        assert!(winning.process.ends_well());
        let mut oracle = Oracle::default();
        let id = 1000 + round * RACERS + winner as u64;
        rows(3, id..id + 1, 1).into_iter().for_each(|(id, group, vector)| oracle.insert(id, group, vector));
        oracle.assert_equals(&Index::open(&path).unwrap().view(), &[]);
    }
}
