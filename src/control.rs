//! The stop flag and the progress of long operations.

use std::sync::atomic::{AtomicBool, Ordering};

/// The progress of a long operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The counted unit, in the plural: `photos`, `rows checked`.
    pub unit: &'static str,
    /// Number of completed units.
    pub done: u64,
    /// Number of all units; `None` if it is not known.
    pub total: Option<u64>,
}

/// Stops a long operation and reports its progress.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// Stops the operation when it becomes true. Reported results stay.
    pub stop: &'a AtomicBool,
    /// Called after each step.
    pub progress: &'a dyn Fn(Progress),
}

impl Control<'_> {
    /// Never stops, and reports nothing.
    pub fn none() -> Control<'static> {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Control { stop: &NEVER, progress: &|_| {} }
    }

    /// Whether a stop was requested.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Reports progress.
    pub fn report(&self, unit: &'static str, done: u64, total: Option<u64>) {
        (self.progress)(Progress { unit, done, total });
    }
}
