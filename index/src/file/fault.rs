//! A disk that fails when a test says so.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::Operation;

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
    passed: usize,
    failures: usize,
    error: i32,
}

static RULES: Mutex<(usize, Vec<Rule>)> = Mutex::new((0, Vec::new()));

impl Fault {
    /// Every `operation` on a path below `directory` that contains `contains` fails with `error` (an errno) once
    /// `skip` of them have succeeded.
    pub(crate) fn new(
        operation: Operation,
        directory: &Path,
        contains: &str,
        skip: usize,
        error: i32,
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

pub(super) fn permit(operation: Operation, path: &Path) -> io::Result<()> {
    let mut rules = RULES.lock().unwrap_or_else(PoisonError::into_inner);
    for rule in &mut rules.1 {
        let name = path.to_string_lossy();
        if rule.operation == operation && path.starts_with(&rule.path) && name.contains(&rule.contains) {
            if rule.skip == 0 {
                rule.failures += 1;
                return Err(io::Error::from_raw_os_error(rule.error));
            }
            rule.skip -= 1;
            rule.passed += 1;
        }
    }
    Ok(())
}
