//! Tells the tests whether small disks can be mounted here: `cfg(small_disks)`, and `UNSHARE_FLAGS` for `unshare`.

use std::path::Path;
use std::process::{Command, Stdio};

/// Mounts one where no other process sees it, for as long as the attempt lasts.
pub fn report() {
    println!("cargo::rustc-check-cfg=cfg(small_disks)");
    let Some(place) = std::env::var_os("OUT_DIR") else { return };
    // Root may mount; others may where they can be root of a namespace of their own.
    let flags = ["-m", "-rm"].into_iter().find(|flags| mounts(flags, Path::new(&place)));
    if let Some(flags) = flags {
        println!("cargo::rustc-cfg=small_disks");
        println!("cargo::rustc-env=UNSHARE_FLAGS={flags}");
    }
}

fn mounts(flags: &str, place: &Path) -> bool {
    let mut command = Command::new("unshare");
    command.args([flags, "mount", "-t", "tmpfs", "-o", "size=1m", "small-disk"]).arg(place);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
