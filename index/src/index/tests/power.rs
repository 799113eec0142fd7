//! Power cuts: at every change of the file system, with everything that the disk may make of it.
//!
//! Set GALLERIST_IMAGES for a longer run, GALLERIST_SEED to repeat one.

mod history;
mod sabotage;
mod workload;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use crate::random::Random;
use crate::storage::file::power::{Disk, Image, KINDS, Kind};
use crate::storage::file::trace::{Event, Recorder};
use crate::{Durability, Index, Options};
use history::History;
use workload::User;

/// A number from the environment.
pub(super) fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

pub(super) fn seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed = setting("GALLERIST_SEED", now.as_nanos() as usize) as u64;
    eprintln!("GALLERIST_SEED={seed}");
    seed
}

/// In memory where that is possible.
pub(super) fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let directory =
        if memory.is_dir() { memory.into() } else { std::env::temp_dir().canonicalize().unwrap() };
    tempfile::tempdir_in(directory).unwrap()
}

/// Cuts the power and looks at what is left.
struct Examiner {
    random: Random,
    images: usize,
}

/// A disk at a moment of its history.
struct Cut<'a> {
    disk: &'a Disk,
    history: &'a History,
    at: usize,
    /// Files may be there that hold noise, and thus cannot be known to be the index's own.
    noise: bool,
}

impl Examiner {
    /// Cuts the power, opens what is left, and holds it against the promises. Then uses it and cuts the power
    /// again, during the opening or later, `again` times.
    fn examine(&mut self, cut: &Cut<'_>, kind: Kind, again: usize) -> Result<(), String> {
        let result = catch_unwind(AssertUnwindSafe(|| self.try_examine(cut, kind, again)));
        let result = result.unwrap_or_else(|_| Err("a panic".into()));
        result.map_err(|error| format!("{kind:?} at {}: {error}", cut.at))
    }

    fn try_examine(&mut self, cut: &Cut<'_>, kind: Kind, again: usize) -> Result<(), String> {
        self.images += 1;
        let directory = scratch();
        let mut image = Image::new(kind, self.random.word());
        image.write(cut.disk, directory.path());
        let noise = cut.noise || image.has_noise();
        let path = directory.path().join("index");
        if !path.exists() && cut.at < cut.history.exists {
            return Ok(());
        }
        // What a killed process leaves is as much in doubt as before; what a power cut leaves is there.
        let killed = kind == Kind::Everything;
        let start = if killed { cut.disk.clone() } else { Disk::read(directory.path()) };
        let recorder = Recorder::resume(directory.path(), start);
        let index = Index::open(&path).map_err(|error| format!("opening: {error}"))?;
        let prefixes = cut.history.judge(cut.at, &index.view())?;
        let history = Mutex::new(cut.history.reopened(cut.at, &prefixes, recorder.position()));
        let report = index.check().map_err(|error| format!("checking: {error}"))?;
        if let Some(problem) = report.problems.first() {
            return Err(format!("a check finds {problem}"));
        }
        let mut user = User::new(&recorder, &history, self.random.word()).knowing(&index);
        if again > 0 {
            let steps = self.random.place(4);
            (0..steps).try_for_each(|_| user.step(&index)).map_err(|error| format!("going on: {error}"))?;
        }
        user.flush("close", || index.close()).map_err(|error| format!("closing: {error}"))?;
        drop(user);
        let report = Index::check_at(&path).map_err(|error| format!("checking again: {error}"))?;
        if let Some(problem) = report.problems.first() {
            return Err(format!("closed, a check finds {problem}"));
        }
        let strange = |path: &&PathBuf| !noise || !path.to_string_lossy().ends_with(".log");
        if let Some(path) = report.unknown.iter().find(strange) {
            return Err(format!("{} is left for ever", path.display()));
        }
        if again == 0 {
            return Ok(());
        }
        let index = Index::open(&path).map_err(|error| format!("opening again: {error}"))?;
        history.lock().unwrap().judge(history::NEVER - 1, &index.view())?;
        drop(index);
        let (mut disk, events) = recorder.finish();
        // Nobody promised that the index is found at all before its creation returned.
        let again = if killed && cut.at < cut.history.exists { return Ok(()) } else { again - 1 };
        let at = self.random.place(events.len() + 1);
        events[..at].iter().for_each(|event| disk.apply(event));
        let history = history.into_inner().unwrap();
        let cut = Cut { disk: &disk, history: &history, at, noise };
        let kind = KINDS[self.random.place(KINDS.len())];
        self.examine(&cut, kind, again).map_err(|error| {
            let from = at.saturating_sub(25);
            let trace: Vec<String> =
                events[from..at].iter().map(|event| format!("    {}", shown(event))).collect();
            format!("then {error}, after\n{}", trace.join("\n"))
        })
    }
}

/// An event without the bytes.
fn shown(event: &Event) -> String {
    match event {
        Event::Write { number, offset, bytes } => {
            format!("Write {number} at {offset}: {} bytes", bytes.len())
        }
        other => format!("{other:?}"),
    }
}

/// Records a workload and cuts the power after each of its changes.
fn examine_workload(seed: u64, images: usize) -> Result<usize, String> {
    let directory = scratch();
    let users = if seed.is_multiple_of(4) { 3 } else { 1 };
    let recorded = workload::record(directory.path(), seed, 20, users, true);
    let mut examiner = Examiner { random: Random(seed), images: 0 };
    let mut disk = recorded.start;
    let shift = examiner.random.place(KINDS.len());
    for at in 0..=recorded.events.len() {
        let again = [0, 0, 1, 1, 2][examiner.random.place(5)];
        let kind = KINDS[(at + shift) % KINDS.len()];
        let cut = Cut { disk: &disk, history: &recorded.history, at, noise: false };
        examiner.examine(&cut, kind, again).map_err(|error| {
            let from = at.saturating_sub(25);
            let trace: Vec<String> = recorded.events[from..at].iter().map(shown).collect();
            format!("workload {seed}: {error}\nafter\n{}", trace.join("\n"))
        })?;
        if examiner.images >= images {
            break;
        }
        if let Some(event) = recorded.events.get(at) {
            disk.apply(event);
        }
    }
    Ok(examiner.images)
}

#[test]
fn a_power_cut_at_any_moment_takes_back_nothing_that_was_promised() {
    let wanted = setting("GALLERIST_IMAGES", 2_000);
    let mut random = Random(seed());
    let seeds: Vec<u64> = (0..=wanted / 50).map(|_| random.word()).collect();
    let (next, images) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while images.load(Ordering::Relaxed) < wanted {
                    let Some(&seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
                    match examine_workload(seed, usize::MAX) {
                        Ok(count) => drop(images.fetch_add(count, Ordering::Relaxed)),
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    let (images, workloads) = (images.into_inner(), next.into_inner());
    eprintln!("{images} images of {workloads} workloads");
    assert!(images >= wanted);
}

#[test]
fn a_write_of_many_frames_is_whole_or_absent_whatever_sectors_arrive() {
    let directory = scratch();
    let recorder = Recorder::new(directory.path());
    let options = Options::new(4096).shards(1);
    let index = Index::create(&directory.path().join("index"), options).unwrap();
    let history = Mutex::new(History::new(1, recorder.position()));
    let mut user = User::new(&recorder, &history, 1);
    user.insert(&index, 3, 1, Durability::Group).unwrap();
    let began = recorder.position();
    user.insert(&index, 70, 1, Durability::Group).unwrap();
    drop(user);
    drop(index);
    let recorded = workload::Recorded::new(recorder, history);
    let mut disk = recorded.start;
    recorded.events[..=began].iter().for_each(|event| disk.apply(event));
    assert!(
        matches!(&recorded.events[began], Event::Write { bytes, .. } if bytes.len() > 1 << 20),
        "two frames"
    );
    let mut examiner = Examiner { random: Random(seed()), images: 0 };
    for kind in KINDS.into_iter().chain(KINDS) {
        let cut = Cut { disk: &disk, history: &recorded.history, at: began + 1, noise: false };
        examiner.examine(&cut, kind, 0).unwrap();
    }
}
