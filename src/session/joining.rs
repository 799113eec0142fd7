//! The join of a view with itself, with progress.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::Control;
use super::error::Result;
use crate::gallery::{GalleryError, Join, JoinDevice, PairSink, PairSubjects, View};

/// How often progress is reported.
const REPORT: Duration = Duration::from_millis(200);

/// Gives every pair of templates with at least the score `min_score` (-1 to 1) to `sink`. Returns whether these are all; `false` if it was
/// stopped, by `sink` or by `control`.
pub(super) fn join(
    view: &View,
    (min_score, subjects): (f32, PairSubjects),
    device: JoinDevice<'_>,
    control: &Control<'_>,
    sink: PairSink<'_>,
) -> Result<bool> {
    let (done, total) = (AtomicU64::new(0), AtomicU64::new(0));
    let progress = |now: u64, of: u64| {
        done.store(now, Ordering::Relaxed);
        total.store(of, Ordering::Relaxed);
    };
    let join = Join { min_score, subjects, stop: control.stop, progress: &progress, device };
    // Progress is reported by this thread, as the callback may not be called by another one.
    let result = thread::scope(|scope| {
        let (sender, finished) = channel();
        scope.spawn(|| {
            let result = view.join(join, sink);
            let _ = { sender }.send(result);
        });
        loop {
            match finished.recv_timeout(REPORT) {
                Ok(result) => return Some(result),
                Err(RecvTimeoutError::Timeout) => {
                    let total = total.load(Ordering::Relaxed);
                    let done = done.load(Ordering::Relaxed);
                    control.report("pairs compared", done, (total > 0).then_some(total));
                }
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    });
    match result {
        Some(result) => Ok(result.map_err(GalleryError::from)?),
        None => Ok(false), // the thread ended with a panic, which the scope passes on
    }
}
