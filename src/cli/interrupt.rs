//! Ctrl-C: finish what is under way, save it, stop. A second Ctrl-C stops at once.

use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Set once the user asked to stop. Call before long work that can be resumed.
pub fn watch() -> &'static AtomicBool {
    let handler = || {
        if ASKED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("stopping after what is under way; Ctrl-C again stops at once");
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        tracing::warn!(%error, "Ctrl-C will stop at once, without saving what is under way");
    }
    &ASKED
}
