//! Signals that request a stop, such as Ctrl-C. The first one finishes and saves the current step, then stops and prints what was not done.
//! The second one ends the process at once.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, LazyLock, Once, OnceLock};
use std::thread;

use anyhow::Result;
use nix::sys::signal::{SigSet, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::ExitStatus;
use super::screen::{Screen, count, plural, print_error};
use crate::gallery::remove_temporary_folders;
use crate::reply::Interrupted;
use crate::session::Stopped;

/// The signals that request a stop.
const REQUESTS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Set by the signal handler itself, so that it is set before anything else happens in this process.
static REQUESTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
static WATCHED: Once = Once::new();
/// Asks the thread that takes the signals to block them. It answers when it has.
static TAKER: OnceLock<Sender<Sender<()>>> = OnceLock::new();
/// Where the end is printed, if the first signal ends the process.
static EXITS_AT_ONCE: OnceLock<Screen> = OnceLock::new();

/// Starts the thread that takes the signals; this thread blocks them, and so do all that it starts from now on. So [`block`] can block them in
/// all threads, and none is lost while another program replaces this one. Call this before other threads are started.
pub fn take() {
    signal_set().thread_block().ok();
    let (asks, asked) = channel::<Sender<()>>();
    let take = move || {
        signal_set().thread_unblock().ok();
        if let Ok(answer) = asked.recv() {
            signal_set().thread_block().ok();
            answer.send(()).ok();
        }
    };
    match thread::Builder::new().name("signals".into()).spawn(take) {
        Ok(_) => drop(TAKER.set(asks)),
        Err(_) => drop(signal_set().thread_unblock()),
    }
}

/// The flag that the first signal sets. Call this before long work.
pub fn stop_flag() -> &'static AtomicBool {
    WATCHED.call_once(|| {
        if let Err(error) = listen() {
            tracing::warn!(%error, "Ctrl-C will stop at once, without saving the current step");
        }
    });
    &REQUESTED
}

fn listen() -> io::Result<()> {
    // The flag first: a signal that comes between the two sets it, and only the message is missing.
    for signal in REQUESTS {
        signal_hook::flag::register(signal, Arc::clone(&REQUESTED))?;
    }
    let mut signals = Signals::new(REQUESTS)?;
    let answer = move || {
        for (earlier, _) in signals.forever().enumerate() {
            if let Some(screen) = EXITS_AT_ONCE.get() {
                let removed = remove_temporary_folders();
                print_error(match removed.is_empty() {
                    true => "interrupted",
                    false => "interrupted: nothing was made; temporary files are removed",
                });
                let whole = Stopped { looked_at: 0, total: 1, unit: "gallery" };
                let _ = screen.json(&Interrupted::from(whole)); // the process ends in any case
            }
            if EXITS_AT_ONCE.get().is_some() || earlier > 0 {
                // `std::process::exit` would run the destructors of libtorch while its threads are running.
                signal_hook::low_level::exit(ExitStatus::Interrupted.code().into());
            }
            print_error("stopping after the current step; Ctrl-C again stops at once");
        }
    };
    thread::Builder::new().name("stop requests".into()).spawn(answer).map(drop)
}

/// Lets the first signal end the process. Use it for commands whose result appears completely or not at all. The signal also removes their
/// temporary files.
pub fn exit_at_once(screen: Screen) {
    let _ = EXITS_AT_ONCE.set(screen);
    stop_flag();
}

/// Blocks the signals in all threads until [`unblock`], also while another program replaces this one. A signal that has already come ends the
/// process.
pub fn block() {
    let (answer, answered) = channel();
    if TAKER.get().is_some_and(|taker| taker.send(answer).is_ok()) {
        answered.recv().ok();
    }
    signal_set().thread_block().ok();
    if REQUESTED.load(Ordering::Relaxed) {
        signal_hook::low_level::exit(ExitStatus::Interrupted.code().into());
    }
}

/// Unblocks the signals that [`block`] blocked, in this thread. Pending ones take effect now.
pub fn unblock() {
    signal_set().thread_unblock().ok();
}

fn signal_set() -> SigSet {
    REQUESTS.into_iter().filter_map(|signal| Signal::try_from(signal).ok()).collect()
}

/// Prints how many inputs were not processed. Call it after the results of the others were printed.
pub fn report(stopped: Stopped, screen: Screen) -> Result<ExitStatus> {
    let interrupted = Interrupted::from(stopped);
    let (left, total) = (count(interrupted.not_looked_at), plural(interrupted.total, &interrupted.unit));
    screen.text(format!("interrupted: {left} of {total} not processed"))?;
    screen.json(&interrupted)?;
    Ok(ExitStatus::Interrupted)
}
