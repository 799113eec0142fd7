//! Progress of work that takes long, and ways to end it early.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::error::Error;

/// How far a compaction, a purge or a check has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Segments rewritten, or files checked.
    pub done: u64,
    /// Of how many, where that is known.
    pub total: Option<u64>,
}

/// What the caller of a compaction, a purge or a check is told while it runs, and what ends it early.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use std::time::{Duration, Instant};
/// use gallerist_index::Control;
///
/// let stop = AtomicBool::new(false); // set by another thread
/// let control = Control::new()
///     .progress(&|progress| eprintln!("{} of {:?}", progress.done, progress.total))
///     .stop(&stop)
///     .deadline(Instant::now() + Duration::from_secs(60));
/// # let _ = control;
/// ```
#[derive(Clone, Copy, Default)]
#[must_use = "pass it to `compact_with`, `purge_with` or `check_with`"]
pub struct Control<'a> {
    progress: Option<&'a (dyn Fn(Progress) + Sync)>,
    stop: Option<&'a AtomicBool>,
    deadline: Option<Instant>,
}

impl std::fmt::Debug for Control<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { progress, stop, deadline } = self;
        f.debug_struct("Control")
            .field("progress", &progress.is_some())
            .field("stop", stop)
            .field("deadline", deadline)
            .finish()
    }
}

impl<'a> Control<'a> {
    /// Reports nothing and ends nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls a function after each segment or file, from the thread that made the call.
    pub fn progress(mut self, report: &'a (dyn Fn(Progress) + Sync)) -> Self {
        self.progress = Some(report);
        self
    }

    /// Ends the work with [`Error::Stopped`] soon after the flag is set.
    pub fn stop(mut self, flag: &'a AtomicBool) -> Self {
        self.stop = Some(flag);
        self
    }

    /// Ends the work with [`Error::Stopped`] soon after this moment.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    pub(crate) fn report(&self, done: u64, total: Option<u64>) {
        if let Some(report) = self.progress {
            report(Progress { done, total });
        }
    }

    /// An error once the work is to end; `action` names the work.
    pub(crate) fn expect_going(&self, action: &'static str) -> Result<(), Error> {
        let stopped = self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed));
        match stopped || self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            true => Err(Error::Stopped { action }),
            false => Ok(()),
        }
    }
}
