//! Comparison with other libraries, with the same rows and probes in one run.
//!
//! ```text
//! cargo run --release -p gallerist-bench -- peers KIND ROWS DIRECTORY [OPTIONS of bench/reference/peers.py]
//! ```
//!
//! KIND is the kind of data. It is made in DIRECTORY if it does not exist:
//!
//! - `flat-D`: D dimensions of equal importance, the most difficult kind (bench/reference/flat.py);
//! - `model:FILE.npz`: like the templates of a real encoder, from the fitted model in FILE.npz by `synth.py` in the same folder.
//!
//! There are 400 probes. Half of them are further images of the first people in the gallery, the others are non-mated. The index of the
//! engine is made in DIRECTORY too. Then bench/reference/peers.py builds the other indexes and queries all of them in turn. Its lines go to
//! DIRECTORY/peers.jsonl, and chart.py draws DIRECTORY/peers.svg. Needs Python with bench/reference/requirements.txt:
//! `python3`, or the program in GALLERIST_PYTHON.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

const PROBES: usize = 400;

/// Runs the benchmark with the arguments after its name.
///
/// # Errors
/// The data cannot be made, or a program fails.
pub fn run(arguments: &[String]) -> Result<()> {
    let [kind, rows, directory, options @ ..] = arguments else {
        bail!("peers KIND ROWS DIRECTORY [OPTIONS]")
    };
    let directory = Path::new(directory);
    fs::create_dir_all(directory)?;
    let [gallery, probes] = ["gallery.npy", "probes.npy"].map(|name| directory.join(name));
    if !probes.exists() {
        make(kind, rows, &gallery, &probes)?;
    }
    let result = directory.join("peers.jsonl");
    let lines = File::create(&result).with_context(|| format!("cannot write {}", result.display()))?;
    let engine = std::env::current_exe()?;
    let mut peers = python("peers.py");
    peers.arg(engine).arg(directory.join("index")).args([&gallery, &probes]);
    peers.args(["--mated", &(PROBES / 2).to_string()]).args(options).stdout(lines);
    succeed(&mut peers)?;
    let mut chart = python("chart.py");
    // The name of a model is independent of its folder.
    let kind = kind.rsplit('/').next().unwrap_or(kind);
    chart.arg(&result).arg(directory.join("peers.svg")).arg(format!("{rows} rows, {kind}"));
    succeed(&mut chart)
}

/// Makes the rows and the probes. The probes are written last, so if they exist everything does.
fn make(kind: &str, rows: &str, gallery: &Path, probes: &Path) -> Result<()> {
    if let Some(dimension) = kind.strip_prefix("flat-") {
        let mut flat = python("flat.py");
        flat.arg(rows).args([gallery, probes]).args([
            "--dimension",
            dimension,
            "--probes",
            &PROBES.to_string(),
        ]);
        return succeed(&mut flat);
    }
    let model = kind.strip_prefix("model:").context("KIND is flat-D or model:FILE.npz")?;
    let synth = Path::new(model).with_file_name("synth.py");
    ensure!(synth.exists(), "there is no synth.py in the folder of {model}");
    let draw = |rows: &str, how: &[&str], out: &Path| {
        let mut draw = Command::new(interpreter());
        draw.arg(&synth).args(["gen", "--model", model, "--ids", rows]).args(how).arg("--out").arg(out);
        succeed(&mut draw)
    };
    let half = (PROBES / 2).to_string();
    let [mates, strangers] = ["mates.npy", "strangers.npy"].map(|name| gallery.with_file_name(name));
    draw(rows, &[], gallery)?;
    draw(&half, &["--image-seed", "9"], &mates)?;
    draw(&half, &["--seed", "77"], &strangers)?;
    let join =
        "import sys, numpy as n; n.save(sys.argv[3], n.vstack([n.load(sys.argv[1]), n.load(sys.argv[2])]))";
    let mut both = Command::new(interpreter());
    both.args(["-c", join]).args([&mates, &strangers]).arg(probes);
    succeed(&mut both)
}

fn interpreter() -> PathBuf {
    std::env::var_os("GALLERIST_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from)
}

/// A program of bench/reference.
fn python(name: &str) -> Command {
    let mut command = Command::new(interpreter());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("reference").join(name));
    command
}

fn succeed(command: &mut Command) -> Result<()> {
    let status =
        command.status().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    ensure!(status.success(), "{} {} failed", command.get_program().display(), arguments.join(" "));
    Ok(())
}
