//! CUDA without linking it. The program links only the CPU part of libtorch. At start it opens `libtorch_cuda.so` if that file is in the
//! same folder as the loaded `libtorch_cpu.so`. So one program runs with a small CPU-only libtorch and with a full one.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::unsafe_library;

/// Whether CUDA is available.
#[derive(Debug)]
pub(super) enum State {
    /// It is.
    Ready { devices: i64 },
    /// The CUDA part of libtorch does not exist or cannot be loaded.
    NoLibrary(String),
    /// The library is loaded, but there is no device or no driver.
    NoDevice,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready { devices } => write!(f, "{devices} CUDA device(s)"),
            Self::NoLibrary(why) => write!(f, "no CUDA library: {why}"),
            Self::NoDevice => write!(f, "no CUDA device or driver"),
        }
    }
}

/// Checks for CUDA, once per process. Must run before any other call to libtorch, because libtorch checks for its CUDA part
/// only once.
pub(super) fn state() -> &'static State {
    static STATE: OnceLock<State> = OnceLock::new();
    STATE.get_or_init(|| {
        let Some(folder) = libtorch_folder() else {
            return State::NoLibrary("libtorch_cpu.so is not loaded".into());
        };
        let library = folder.join("libtorch_cuda.so"); // of the same build as the CPU part
        if !library.exists() {
            return State::NoLibrary(format!("there is no {}", library.display()));
        }
        match unsafe_library::open_for_ever(&library) {
            Err(reason) => State::NoLibrary(reason),
            Ok(()) => match tch::Cuda::device_count() {
                devices if devices > 0 => State::Ready { devices },
                _ => State::NoDevice,
            },
        }
    })
}

/// The folder from which this process loaded `libtorch_cpu.so`.
fn libtorch_folder() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    // A line has five fields and then the path, which may contain spaces.
    let path = maps.lines().find_map(|line| {
        let at = line.find('/')?;
        line[at..].ends_with("/libtorch_cpu.so").then(|| &line[at..])
    })?;
    Path::new(path).parent().map(Into::into)
}
