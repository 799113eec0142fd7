//! The folders of the user's programs, by the XDG Base Directory Specification.

use std::env::var_os;
use std::path::PathBuf;

/// `gallerist` in `$XDG_STATE_HOME` or `~/.local/state`: what the user decided. `None` if neither is set.
pub fn state() -> Option<PathBuf> {
    folder("XDG_STATE_HOME", ".local/state")
}

/// `gallerist` in `$XDG_CACHE_HOME` or `~/.cache`: what can be computed again.
pub fn cache() -> Option<PathBuf> {
    folder("XDG_CACHE_HOME", ".cache")
}

/// `Trash` in `$XDG_DATA_HOME` or `~/.local/share`: the trash of the user's home.
pub fn trash() -> Option<PathBuf> {
    Some(base("XDG_DATA_HOME", ".local/share")?.join("Trash"))
}

fn folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    Some(base(variable, below_home)?.join("gallerist"))
}

fn base(variable: &str, below_home: &str) -> Option<PathBuf> {
    let own = var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let home = || var_os("HOME").map(|home| PathBuf::from(home).join(below_home));
    own.or_else(home)
}
