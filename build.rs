//! Lets programs and tests find libtorch without `LD_LIBRARY_PATH`. Link arguments do not reach dependants, so every
//! package that makes a program names this script.

use std::path::PathBuf;

fn main() {
    // From target/PROFILE/program and from target/PROFILE/deps/test to the link that tools/setup makes.
    for up in ["../..", "../../.."] {
        search(&format!("$ORIGIN/{up}/.libtorch/lib"));
    }
    // So that a program still starts when it is copied elsewhere on this machine.
    if let Some(libtorch) = std::env::var_os("LIBTORCH").and_then(|p| PathBuf::from(p).canonicalize().ok()) {
        search(&format!("{}/lib", libtorch.display()));
    }
    println!("cargo::rerun-if-env-changed=LIBTORCH");
}

fn search(folder: &str) {
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "unix") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}");
    }
}
