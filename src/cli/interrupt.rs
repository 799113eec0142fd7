//! Ctrl-C and requests to end: finish what is under way, save it, stop, and say what was not done. The second one stops at once.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use serde_json::json;

use super::End;
use super::screen::{Screen, complain, count, plural};

static ASKED: AtomicBool = AtomicBool::new(false);
static WATCHED: Once = Once::new();

/// Set once the user asked to stop. Call before long work.
pub fn watch() -> &'static AtomicBool {
    let handler = || {
        if ASKED.swap(true, Ordering::Relaxed) {
            std::process::exit(End::Interrupted.code().into());
        }
        complain("stopping after what is under way; Ctrl-C again stops at once");
    };
    WATCHED.call_once(|| {
        if let Err(error) = ctrlc::set_handler(handler) {
            tracing::warn!(%error, "Ctrl-C will stop at once, without saving what is under way");
        }
    });
    &ASKED
}

/// Work that was stopped: how much of it was done.
#[derive(Debug, Clone, Copy)]
pub struct Stopped {
    pub looked_at: u64,
    pub total: u64,
    pub unit: &'static str,
}

impl Stopped {
    /// Says how much was not looked at, after everything that was.
    pub fn report(self, screen: Screen) -> Result<End> {
        let Self { looked_at, total, unit } = self;
        let left = total.saturating_sub(looked_at);
        screen.text(format!("interrupted: {} of {} not looked at", count(left), plural(total, unit)))?;
        screen.json(&json!({
            "event": "interrupted", "unit": unit, "total": total, "looked_at": looked_at, "not_looked_at": left,
        }))?;
        Ok(End::Interrupted)
    }
}
