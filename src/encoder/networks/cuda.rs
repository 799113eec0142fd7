//! CUDA without linking it: the program links libtorch's CPU half only, and opens `libtorch_cuda.so` at start
//! if it lies beside the `libtorch_cpu.so` that was loaded. So one program serves a small CPU folder and a full
//! installation.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::unsafe_library;

/// What came of looking for CUDA.
#[derive(Debug)]
pub(super) enum State {
    /// It can be used.
    Ready { devices: i64 },
    /// libtorch's CUDA half is not there, or cannot be loaded.
    NoLibrary(String),
    /// The library is there, a device or its driver is not.
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

/// Looks for CUDA, once a process. Comes before any other call to libtorch, which looks for its CUDA half
/// only once.
pub(super) fn state() -> &'static State {
    static STATE: OnceLock<State> = OnceLock::new();
    STATE.get_or_init(|| {
        let Some(folder) = libtorch_folder() else {
            return State::NoLibrary("libtorch_cpu.so is not loaded".into());
        };
        let library = folder.join("libtorch_cuda.so"); // of the same build as the CPU half, and no other
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

/// Where the `libtorch_cpu.so` of this process was loaded from.
fn libtorch_folder() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    // Five fields, then the path, which may hold spaces.
    let path = maps.lines().find_map(|line| {
        let at = line.find('/')?;
        line[at..].ends_with("/libtorch_cpu.so").then(|| &line[at..])
    })?;
    Path::new(path).parent().map(Into::into)
}
