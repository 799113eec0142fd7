//! Signals that request a stop, such as Ctrl-C. The first one finishes and saves the current step, then stops and prints what was not done.
//! The second one ends the process at once.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Once};
use std::thread;

use anyhow::Result;
use nix::sys::signal::{SigSet, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::End;
use super::screen::{Screen, complain, count, plural};
use crate::gallery::abandon;
use crate::reply::Interrupted;
use crate::session::Stopped;

/// The signals that request a stop.
const REQUESTS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Set by the signal handler itself, so that it is set before anything else happens in this process.
static ASKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
static WATCHED: Once = Once::new();
/// Whether the first signal ends the process.
static LEAVES: AtomicBool = AtomicBool::new(false);

/// The flag that the first signal sets. Call this before long work.
pub fn watch() -> &'static AtomicBool {
    WATCHED.call_once(|| {
        if let Err(error) = listen() {
            tracing::warn!(%error, "Ctrl-C will stop at once, without saving the current step");
        }
    });
    &ASKED
}

fn listen() -> io::Result<()> {
    let mut signals = Signals::new(REQUESTS)?;
    for signal in REQUESTS {
        signal_hook::flag::register(signal, Arc::clone(&ASKED))?;
    }
    let answer = move || {
        for (earlier, _) in signals.forever().enumerate() {
            if LEAVES.load(Ordering::Relaxed) {
                let removed = abandon();
                complain(match removed.is_empty() {
                    true => "interrupted",
                    false => "interrupted: nothing was made; temporary files are removed",
                });
            }
            if LEAVES.load(Ordering::Relaxed) || earlier > 0 {
                // `std::process::exit` would run the destructors of libtorch while its threads are running.
                signal_hook::low_level::exit(End::Interrupted.code().into());
            }
            complain("stopping after the current step; Ctrl-C again stops at once");
        }
    };
    thread::Builder::new().name("requests to end".into()).spawn(answer).map(drop)
}

/// Lets the first signal end the process. Use it for commands whose result appears completely or not at all. The signal also removes their
/// temporary files.
pub fn leave() {
    LEAVES.store(true, Ordering::Relaxed);
    watch();
}

/// Blocks the signals until [`release`], also while another program replaces this one. A signal that has already come ends the process.
pub fn hold() {
    requests().thread_block().ok();
    if ASKED.load(Ordering::Relaxed) {
        signal_hook::low_level::exit(End::Interrupted.code().into());
    }
}

/// Unblocks the signals that [`hold`] blocked. Pending ones take effect now.
pub fn release() {
    watch();
    requests().thread_unblock().ok();
}

fn requests() -> SigSet {
    REQUESTS.into_iter().filter_map(|signal| Signal::try_from(signal).ok()).collect()
}

/// Prints how many inputs were not processed. Call it after the results of the others were printed.
pub fn report(stopped: Stopped, screen: Screen) -> Result<End> {
    let told = Interrupted::from(stopped);
    let (left, total) = (count(told.not_looked_at), plural(told.total, &told.unit));
    screen.text(format!("interrupted: {left} of {total} not processed"))?;
    screen.json(&told)?;
    Ok(End::Interrupted)
}
