//! The stop flag and the progress of a run.

use std::sync::atomic::{AtomicBool, Ordering};

/// Stops a run and reports its progress.
#[derive(Clone, Copy)]
pub struct Monitor<'a> {
    /// Stops the run when it becomes true.
    pub stop: &'a AtomicBool,
    /// Called with the counted unit in the plural, the completed units, and all units if their number is known.
    pub progress: &'a dyn Fn(&'static str, u64, Option<u64>),
}

impl Monitor<'_> {
    /// Whether a stop was requested.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn report(&self, unit: &'static str, done: u64, total: Option<u64>) {
        (self.progress)(unit, done, total);
    }
}
