//! A disk that fails when a test says so.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::hook::Change;

/// What a test can make fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Write,
    Sync,
    Truncate,
    Rename,
    Remove,
    /// Opening what is there.
    Open,
    Read,
}

/// An error that is none: a read or a write does half of what it was asked for, and says so.
pub(crate) const SHORT: i32 = 0;

/// Makes operations below a path fail while it lives.
pub(crate) struct Fault {
    id: usize,
}

struct Rule {
    id: usize,
    operation: Operation,
    path: PathBuf,
    contains: String,
    skip: usize,
    /// How many may fail yet.
    left: usize,
    passed: usize,
    failures: usize,
    error: i32,
}

static RULES: Mutex<(usize, Vec<Rule>)> = Mutex::new((0, Vec::new()));

impl Fault {
    /// Every `operation` on a path below `directory` that contains `contains` fails with `error` (an errno)
    /// once `skip` of them have succeeded.
    pub(crate) fn new(
        operation: Operation,
        directory: &Path,
        contains: &str,
        skip: usize,
        error: i32,
    ) -> Self {
        Self::times(operation, directory, contains, skip, error, usize::MAX)
    }

    /// As [`Fault::new`], but only `times` of them fail; then all is well again.
    pub(crate) fn times(
        operation: Operation,
        directory: &Path,
        contains: &str,
        skip: usize,
        error: i32,
        times: usize,
    ) -> Self {
        let mut rules = RULES.lock().unwrap_or_else(PoisonError::into_inner);
        rules.0 += 1;
        let id = rules.0;
        let path = directory.canonicalize().unwrap();
        rules.1.push(Rule {
            id,
            operation,
            path,
            contains: contains.into(),
            skip,
            left: times,
            passed: 0,
            failures: 0,
            error,
        });
        Self { id }
    }

    /// How many operations it let pass.
    pub(crate) fn passed(&self) -> usize {
        self.read(|rule| rule.passed)
    }

    /// How many operations it made fail.
    pub(crate) fn failures(&self) -> usize {
        self.read(|rule| rule.failures)
    }

    fn read(&self, what: impl Fn(&Rule) -> usize) -> usize {
        let rules = RULES.lock().unwrap_or_else(PoisonError::into_inner);
        rules.1.iter().find(|rule| rule.id == self.id).map_or(0, what)
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        let mut rules = RULES.lock().unwrap_or_else(PoisonError::into_inner);
        rules.1.retain(|rule| rule.id != self.id);
    }
}

impl Rule {
    fn applies(&self, operation: Operation, path: &Path) -> bool {
        self.operation == operation
            && path.starts_with(&self.path)
            && path.to_string_lossy().contains(&self.contains)
    }
}

/// The error that an operation is to fail with.
fn verdict(operation: Operation, path: &Path, short: bool) -> Option<i32> {
    let mut rules = RULES.lock().unwrap_or_else(PoisonError::into_inner);
    for rule in &mut rules.1 {
        if (rule.error == SHORT) != short || !rule.applies(operation, path) {
            continue;
        }
        if rule.skip == 0 && rule.left > 0 {
            rule.left -= 1;
            rule.failures += 1;
            return Some(rule.error);
        }
        rule.skip = rule.skip.saturating_sub(1);
        rule.passed += 1;
    }
    None
}

fn refuse(operation: Operation, path: &Path) -> io::Result<()> {
    match verdict(operation, path, false) {
        Some(error) => Err(io::Error::from_raw_os_error(error)),
        None => Ok(()),
    }
}

fn shortened(operation: Operation, path: &Path, length: usize) -> usize {
    if length > 1 && verdict(operation, path, true).is_some() { length / 2 } else { length }
}

pub(super) fn permit_open(path: &Path) -> io::Result<()> {
    refuse(Operation::Open, path)
}

pub(super) fn readable(path: &Path, length: usize) -> io::Result<usize> {
    refuse(Operation::Read, path).map(|()| shortened(Operation::Read, path, length))
}

pub(super) fn writable(path: &Path, length: usize) -> usize {
    shortened(Operation::Write, path, length)
}

pub(super) fn permit(change: &Change<'_>, path: &Path) -> io::Result<()> {
    let operation = match change {
        Change::Create | Change::CreateDirectory | Change::Link { .. } => Operation::Create,
        Change::Write { .. } => Operation::Write,
        Change::Truncate { .. } => Operation::Truncate,
        Change::Sync { .. } | Change::SyncDirectory => Operation::Sync,
        Change::Rename { .. } => Operation::Rename,
        Change::Remove | Change::RemoveAll => Operation::Remove,
    };
    let permitted = refuse(operation, path);
    if let (Err(error), &Change::Write { file, bytes, offset }) = (&permitted, change)
        && error.kind() != io::ErrorKind::Interrupted
    {
        // What a full disk does: some of the bytes arrive.
        let _ = file.write_all_at(&bytes[..bytes.len() / 2], offset);
    }
    permitted
}
