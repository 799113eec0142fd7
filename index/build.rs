//! Finds out which tests can run on this machine; the others are ignored.

#[path = "build/small_disks.rs"]
mod small_disks;

fn main() {
    small_disks::report();
    println!("cargo::rerun-if-changed=build.rs");
}
