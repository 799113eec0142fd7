//! Sets the paths with which programs and tests find libtorch without `LD_LIBRARY_PATH`, and with which `gallerist` finds
//! `gallerist-networks`. Also determines which tests can run on this machine; the others are ignored.

#[path = "index/build/small_disks.rs"]
mod small_disks;

use std::env::var_os;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

fn main() {
    // The path from target/PROFILE/program and from target/PROFILE/deps/test to the link of tools/setup.
    for up in ["../..", "../../.."] {
        search(&format!("$ORIGIN/{up}/.libtorch/lib"));
    }
    // With the absolute path a program also starts from another folder of this machine.
    if let Some(libtorch) = var_os("LIBTORCH").and_then(|p| PathBuf::from(p).canonicalize().ok()) {
        search(&format!("{}/lib", libtorch.display()));
    }
    println!("cargo::rerun-if-env-changed=LIBTORCH");

    let out = PathBuf::from(var_os("OUT_DIR").expect("cargo says where to write"));
    let built_in = out.ancestors().nth(3).expect("cargo lays build folders three deep");
    println!("cargo::rustc-env=GALLERIST_BUILT_IN={}", built_in.display());
    let mut hasher = DefaultHasher::new();
    ["src", "index/src", "Cargo.lock"].iter().for_each(|path| hash(Path::new(path), &mut hasher));
    println!("cargo::rustc-env=GALLERIST_BUILD={:016x}", hasher.finish());

    let models = models_dir();
    let networks = ["mtcnn", "mobilefacenet-192", "mobilefacenet-512", "dlib-128"];
    report("models_installed", &networks.map(|name| models.join(name).with_extension("safetensors")));
    let sources = models.with_file_name("sources");
    report("sources_installed", &[sources.join("fr_feature.onnx")]);
    println!("cargo::rustc-env=GALLERIST_SOURCES={}", sources.display());
    report("shared_faces", &[Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/faces/pairs.tsv")]);
    report_browser();
    report_heif();
    report_clone_disk();
    small_disks::report();
}

/// Sets `cfg(browser_installed)` if `tests/browser/run` finds its programs.
fn report_browser() {
    ["PATH", "PLAYWRIGHT_CHROMIUM"].iter().for_each(|name| println!("cargo::rerun-if-env-changed={name}"));
    let path = var_os("PATH").unwrap_or_default();
    let find =
        |name: &str| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    let given = var_os("PLAYWRIGHT_CHROMIUM").map(PathBuf::from);
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let chromium = given.or_else(|| names.into_iter().find_map(find));
    let programs = [find("node"), find("npm"), chromium];
    report("browser_installed", &programs.map(Option::unwrap_or_default));
}

/// Sets `cfg(heif_installed)` if a program of libheif is in the search path.
fn report_heif() {
    let path = var_os("PATH").unwrap_or_default();
    let find =
        |name: &str| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    report("heif_installed", &[["heif-dec", "heif-convert"].into_iter().find_map(find).unwrap_or_default()]);
}

/// Sets `cfg(clone_disk)` if `tests/clone_disk` finds or mounts a file system that can clone files.
fn report_clone_disk() {
    println!("cargo::rustc-check-cfg=cfg(clone_disk)");
    println!("cargo::rerun-if-changed=tests/clone_disk");
    println!("cargo::rerun-if-env-changed=TMPDIR");
    let mut command = std::process::Command::new("tests/clone_disk");
    if command.arg("true").stderr(std::process::Stdio::null()).status().is_ok_and(|status| status.success()) {
        println!("cargo::rustc-cfg=clone_disk");
    }
}

fn search(folder: &str) {
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "unix") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{folder}");
    }
}

/// All files of a file or folder. If one changes, cargo runs this script again.
fn hash(path: &Path, hasher: &mut DefaultHasher) {
    println!("cargo::rerun-if-changed={}", path.display());
    if let Ok(entries) = fs::read_dir(path) {
        let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        entries.sort();
        entries.iter().for_each(|entry| hash(entry, hasher));
    } else if let Ok(bytes) = fs::read(path) {
        (path, bytes).hash(hasher);
    }
}

/// Sets `cfg(NAME)` if all files are there.
fn report(name: &str, files: &[PathBuf]) {
    println!("cargo::rustc-check-cfg=cfg({name})");
    let present: Vec<&PathBuf> = files.iter().filter(|file| file.exists()).collect();
    if present.len() == files.len() {
        println!("cargo::rustc-cfg={name}");
    }
    // Missing files are not watched, because cargo would then rebuild each time.
    for file in present {
        println!("cargo::rerun-if-changed={}", file.display());
    }
}

/// The folder in which `gallerist` searches for models.
fn models_dir() -> PathBuf {
    let variables = ["GALLERIST_MODELS", "GALLERIST_CACHE", "XDG_CACHE_HOME", "HOME"];
    variables.iter().for_each(|name| println!("cargo::rerun-if-env-changed={name}"));
    let [models, cache, caches, home] =
        variables.map(|name| var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from));
    let caches = || caches.unwrap_or_else(|| home.unwrap_or_default().join(".cache"));
    models.unwrap_or_else(|| cache.unwrap_or_else(|| caches().join("gallerist")).join("models"))
}
