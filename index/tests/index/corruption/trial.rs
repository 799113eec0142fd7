//! Doing damage, and judging what comes of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use gallerist_index::{Error, Index};

use super::image::{DIMENSION, Files, Image, is_list, is_log, shard_of};
use crate::oracle::{Oracle, quick_directory, vector};

/// What must come of damage.
#[derive(Debug)]
pub enum Expected {
    /// An error, or these rows and their answers; in any case a check reports it.
    Reported(Oracle),
    /// An error at opening, which a check reports.
    Refused,
    /// These rows.
    Rows(Oracle),
    /// An error at opening, which a check reports, or these rows.
    RefusedOrRows(Oracle),
    /// Anything but a panic.
    Anything,
}

/// Counts what was tried and collects what went wrong.
#[derive(Default)]
pub struct Trial {
    cases: usize,
    refused: usize,
    failures: Vec<String>,
}

impl Trial {
    /// Tries an index with one file changed.
    pub fn change(&mut self, image: &Image, path: &Path, what: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut files = image.files.clone();
        change(files.get_mut(path).unwrap());
        let expected = expected(image, path, &files[path]);
        self.judge(&files, &[path], &expected, &format!("{}, {what}", path.display()));
    }

    pub fn judge(&mut self, files: &Files, damaged: &[&Path], expected: &Expected, what: &str) {
        self.cases += 1;
        let directory = quick_directory();
        Image::write(files, directory.path());
        let root = directory.path().canonicalize().unwrap();
        match catch_unwind(AssertUnwindSafe(|| judge(&root, damaged, expected))) {
            Ok(Ok(refused)) => self.refused += usize::from(refused),
            Ok(Err(reason)) => self.failures.push(format!("{what}: {reason}")),
            Err(_) => self.failures.push(format!("{what}: a panic")),
        }
    }

    pub fn finish(self, at_least: usize) {
        let Self { cases, refused, failures } = self;
        let shown: String = failures.iter().take(20).map(|failure| format!("{failure}\n")).collect();
        assert!(failures.is_empty(), "{} of {cases} cases went wrong:\n{shown}", failures.len());
        assert!(cases >= at_least && refused > 0, "{cases} cases, {refused} refused");
    }
}

fn expected(image: &Image, path: &Path, changed: &[u8]) -> Expected {
    let bytes = &image.files[path];
    // Everything that differs lies in between.
    let differ = |(one, other): &(&u8, &u8)| one != other;
    let from =
        bytes.iter().zip(changed).position(|pair| differ(&pair)).unwrap_or(bytes.len().min(changed.len()));
    let to = match bytes.len() == changed.len() {
        true => bytes.iter().zip(changed).rposition(|pair| differ(&pair)).map_or(0, |last| last + 1),
        false => usize::MAX,
    };
    if to == 0 {
        Expected::Rows(image.whole())
    } else if is_list(path) {
        // Only restoring needs it.
        Expected::Reported(image.whole())
    } else if is_log(path) {
        let moved = from < bytes.len().min(changed.len()) && to == usize::MAX;
        match expected_of_log(image, path, from, to) {
            // Records that are not where they were may vouch, or be taken for what a torn write left.
            Expected::Rows(oracle) if moved => Expected::RefusedOrRows(oracle),
            expected => expected,
        }
    } else if to < usize::MAX {
        Expected::Reported(image.whole())
    } else {
        Expected::Refused
    }
}

/// The rule of the log: what is missing is damage if the manifest or anything later, and whole, says that it was on disk.
fn expected_of_log(image: &Image, path: &Path, from: usize, to: usize) -> Expected {
    if from < 64 {
        return Expected::Refused;
    }
    let (mut missing, mut vouched) = (u64::MAX, image.vouched_by_manifest(path));
    for log in image.logs(path).into_iter().filter(|log| *log >= path) {
        for frame in image.frames(log) {
            let after = log > path || frame.bytes.start >= to;
            if after || frame.bytes.end > from {
                missing = missing.min(frame.sequence);
            }
            if after {
                vouched = vouched.max(frame.durable);
            }
        }
    }
    if vouched >= missing {
        return Expected::Refused;
    }
    Expected::Rows(image.without(shard_of(path), missing))
}

/// Says whether opening was refused, or what went wrong.
fn judge(root: &Path, damaged: &[&Path], expected: &Expected) -> Result<bool, String> {
    let names = |path: &Path| damaged.iter().any(|damaged| path == root.join(damaged));
    let named = |error: &Error| match error {
        Error::Damaged { path, .. } | Error::Io { path, .. } if names(path) => Ok(()),
        Error::NotAnIndex { path } if path == root => Ok(()),
        error => Err(format!("another file is named: {error}")),
    };
    let (checked, opened) = (Index::check_at(root), Index::open(root));
    if matches!(expected, Expected::Anything) {
        return Ok(opened.map(|index| index.view().rows().count()).is_err());
    }
    let reported = match checked {
        Ok(report) => match report.problems.iter().find(|problem| !names(&problem.path)) {
            Some(other) => return Err(format!("a problem of another file: {other}")),
            None => !report.is_clean(),
        },
        Err(error) => named(&error).map(|()| true)?,
    };
    let index = match (opened, expected) {
        (Err(error), Expected::Rows(_)) => return Err(format!("refused: {error}")),
        (Err(error), _) if !reported => return Err(format!("not reported: {error}")),
        (Err(error), _) => return named(&error).map(|()| true),
        (Ok(index), _) => index,
    };
    let oracle = match expected {
        Expected::Reported(_) if !reported => return Err("not reported".into()),
        Expected::Reported(oracle) | Expected::Rows(oracle) | Expected::RefusedOrRows(oracle) => oracle,
        _ => return Err(format!("opened with {} rows; reported: {reported}", index.view().len())),
    };
    let view = index.view();
    let mut rows = Oracle::default();
    for row in view.rows() {
        match row {
            Ok(row) => rows.insert(row.id, row.group, row.vector),
            Err(error) => named(&error)?,
        }
    }
    let probe = vector(DIMENSION, 5);
    let query = || view.query(&probe).map_err(|error| error.to_string());
    let rows_or_groups = [
        (query()?.top_k(usize::MAX), oracle.ranked(&probe)),
        (query()?.top_groups(usize::MAX), oracle.ranked_groups(&probe)),
    ];
    for (found, expected) in rows_or_groups {
        match found {
            Ok(answer) if answer.hits == expected && rows == *oracle => {}
            Ok(_) => return Err(format!("{} rows or their answers are wrong", rows.0.len())),
            Err(error) => named(&error)?,
        }
    }
    Ok(false)
}
