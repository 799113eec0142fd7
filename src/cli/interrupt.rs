//! Ctrl-C and requests to end: finish what is under way, save it, stop, and say what was not done. The second one stops at once.

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

/// The signals that ask to end.
const REQUESTS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Set by the signal handler itself, so that a request is known before anything else happens in this process.
static ASKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
static WATCHED: Once = Once::new();
/// Whether the process ends at the first request.
static LEAVES: AtomicBool = AtomicBool::new(false);

/// Set once the user asked to stop. Call before long work.
pub fn watch() -> &'static AtomicBool {
    WATCHED.call_once(|| {
        if let Err(error) = listen() {
            tracing::warn!(%error, "Ctrl-C will stop at once, without saving what is under way");
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
                    false => "interrupted: nothing was made, and the temporary copies are removed",
                });
            }
            if LEAVES.load(Ordering::Relaxed) || earlier > 0 {
                // Not `std::process::exit`: the destructors of libtorch would run while its threads do.
                signal_hook::low_level::exit(End::Interrupted.code().into());
            }
            complain("stopping after what is under way; Ctrl-C again stops at once");
        }
    };
    thread::Builder::new().name("requests to end".into()).spawn(answer).map(drop)
}

/// Ends the process at the first request, without what it was making: for work that is whole or not there.
pub fn leave() {
    LEAVES.store(true, Ordering::Relaxed);
    watch();
}

/// Keeps requests to end until [`release`], also over the start of another program in place of this one. One that has come
/// already ends this one.
pub fn hold() {
    requests().thread_block().ok();
    if ASKED.load(Ordering::Relaxed) {
        signal_hook::low_level::exit(End::Interrupted.code().into());
    }
}

/// Takes what [`hold`] kept as if it came now.
pub fn release() {
    watch();
    requests().thread_unblock().ok();
}

fn requests() -> SigSet {
    REQUESTS.into_iter().filter_map(|signal| Signal::try_from(signal).ok()).collect()
}

/// Says how much was not looked at, after everything that was.
pub fn report(stopped: Stopped, screen: Screen) -> Result<End> {
    let told = Interrupted::from(stopped);
    let (left, total) = (count(told.not_looked_at), plural(told.total, &told.unit));
    screen.text(format!("interrupted: {left} of {total} not looked at"))?;
    screen.json(&told)?;
    Ok(End::Interrupted)
}
