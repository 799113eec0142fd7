//! The only `unsafe` code of the programs: opening a shared library runs its initialisers, and no safe call can do that.

use std::path::Path;

/// Opens a library of the libtorch that this process runs, and never closes it.
///
/// # Errors
/// The library, or one that it needs, cannot be loaded.
#[cfg(unix)]
pub(super) fn open_for_ever(library: &Path) -> Result<(), String> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    // SAFETY: opening a library runs its initialisers. This one belongs to the libtorch that this process already
    // runs, it comes from the same folder, and its initialisers only register CUDA with that libtorch. It is never
    // closed, so nothing registered can dangle.
    let opened = unsafe { Library::open(Some(library), RTLD_NOW | RTLD_GLOBAL) };
    std::mem::forget(opened.map_err(|error| error.to_string())?);
    Ok(())
}

/// Elsewhere nothing is opened.
///
/// # Errors
/// Always.
#[cfg(not(unix))]
pub(super) fn open_for_ever(_: &Path) -> Result<(), String> {
    Err("CUDA is only looked for on Unix".into())
}
