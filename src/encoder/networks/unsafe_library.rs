//! The only `unsafe` code of the programs. Opening a shared library runs its initialisers, and no safe call can do that.

use std::path::Path;

/// Opens a library of the loaded libtorch, and never closes it.
///
/// # Errors
/// The library, or a library that it needs, cannot be loaded.
#[cfg(unix)]
pub(super) fn open_for_ever(library: &Path) -> Result<(), String> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    // SAFETY: opening a library runs its initialisers. This library is part of the libtorch that this process has loaded,
    // from the same folder, and its initialisers only register CUDA with that libtorch. The library is never
    // closed, so no registered pointer can dangle.
    let opened = unsafe { Library::open(Some(library), RTLD_NOW | RTLD_GLOBAL) };
    std::mem::forget(opened.map_err(|error| error.to_string())?);
    Ok(())
}

/// On other systems nothing is opened.
///
/// # Errors
/// Always.
#[cfg(not(unix))]
pub(super) fn open_for_ever(_: &Path) -> Result<(), String> {
    Err("CUDA is supported on Unix only".into())
}
