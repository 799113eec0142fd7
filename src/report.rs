//! Reports of an evaluation: the numbers as JSON and CSV, charts as SVG, and a self-contained HTML page.

mod chart;
pub mod clusters;
pub mod comparison;
pub mod copies;
mod csv;
pub mod escape;
#[cfg(test)]
mod example;
mod page;
pub mod people;
pub mod training;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use self::chart::Chart;
pub use self::chart::training::curve as training_curve;
use crate::evaluation::{Identification, Verification};

/// The beginning of every page.
pub const PAGE: &str = "<!DOCTYPE html>";

/// The settings of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// A title for people.
    pub title: String,
    /// Name of the model.
    pub model: String,
    /// Its fingerprint. Empty for templates of another program.
    pub fingerprint: String,
    /// How the scores of a subject's templates become one score.
    pub fusion: String,
    /// How the gallery was searched.
    pub search: String,
    /// The command line.
    pub command: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// Bootstrap repetitions.
    pub repetitions: u32,
    /// Date, `YYYY-MM-DD`, UTC.
    pub date: String,
    /// Version of the program.
    pub version: String,
}

/// A complete evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The settings of the evaluation.
    pub setting: Setting,
    /// Warnings: few probes, few false alarms, non-mated probes that may be mates.
    pub warnings: Vec<String>,
    /// 1:N.
    pub identification: Option<Identification>,
    /// 1:1.
    pub verification: Option<Verification>,
}

/// An error while a file of a report was written.
#[derive(Debug, Error)]
#[error("{}: {doing}: {source}", path.display())]
pub struct WriteError {
    /// The file, or the directory.
    pub path: PathBuf,
    /// The failed operation.
    pub doing: &'static str,
    /// The error of the system.
    pub source: io::Error,
}

/// Writes the numbers (`report.json`), the curves (`*.csv`), the charts (`*.svg`) and the page (`index.html`). Each file is written
/// completely or not at all. Files of an earlier report are replaced. Its charts that this report does not have are removed.
pub fn write(report: &Report, directory: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(directory).map_err(at(directory, "making the directory"))?;
    let path = directory.join("report.json");
    let mut json = serde_json::to_vec_pretty(report).map_err(|error| WriteError {
        path: path.clone(),
        doing: "writing it as JSON",
        source: error.into(),
    })?;
    json.push(b'\n');
    put(&path, &json)?;
    for (name, table) in csv::tables(report) {
        put(&directory.join(name), table.as_bytes())?;
    }
    let charts = charts(report);
    for name in chart::NAMES {
        let path = directory.join(format!("{name}.svg"));
        match charts.iter().find(|chart| chart.name == name) {
            Some(chart) => put(&path, chart.file().as_bytes())?,
            None => remove(&path)?,
        }
    }
    put(&directory.join("index.html"), page::html(report).as_bytes())?;
    sync(directory)
}

fn charts(report: &Report) -> Vec<chart::Chart> {
    let mut charts = report.identification.as_ref().map_or_else(Vec::new, chart::of_identification);
    charts.extend(report.verification.as_ref().map_or_else(Vec::new, chart::of_verification));
    charts
}

/// Writes a temporary file in the same folder and renames it when it is complete and synced.
fn put(path: &Path, content: &[u8]) -> Result<(), WriteError> {
    let mut options = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Temporary files are private to their owner. A report gets the permissions of any other new file.
        options.permissions(fs::Permissions::from_mode(0o666));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = options.tempfile_in(folder).map_err(at(path, "making it"))?;
    file.write_all(content).map_err(at(path, "writing it"))?;
    file.as_file().sync_all().map_err(at(path, "syncing it"))?;
    file.persist(path).map_err(|error| at(path, "putting it in place")(error.error))?;
    Ok(())
}

fn remove(path: &Path) -> Result<(), WriteError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(at(path, "removing a file of an earlier report")(error))
        }
        _ => Ok(()),
    }
}

/// The names of files are durable only after a sync of their directory.
fn sync(directory: &Path) -> Result<(), WriteError> {
    if cfg!(unix) {
        File::open(directory)
            .and_then(|open| open.sync_all())
            .map_err(at(directory, "syncing the directory"))?;
    }
    Ok(())
}

fn at(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> WriteError {
    move |source| WriteError { path: path.to_owned(), doing, source }
}

#[cfg(test)]
mod tests {
    use super::example::{example, odd};
    use super::*;

    const ALWAYS: [&str; 7] =
        ["index.html", "report.json", "det.csv", "cmc.csv", "roc.csv", "growth.csv", "histogram.csv"];

    fn names(directory: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(directory).unwrap().map(name).collect();
        names.sort();
        names
    }

    fn expected(charts: &[&str]) -> Vec<String> {
        let mut names: Vec<String> = ALWAYS.map(String::from).into();
        names.extend(charts.iter().map(|name| format!("{name}.svg")));
        names.sort();
        names
    }

    /// Whether the text contains NaN or infinity as a word.
    fn not_finite(text: &str) -> bool {
        let words = text.split(|character: char| !character.is_alphanumeric());
        words.map(str::to_lowercase).any(|word| matches!(&*word, "nan" | "inf" | "infinity"))
    }

    #[test]
    fn all_files_are_written_and_an_earlier_report_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().join("new").join("report");
        write(&example(), &inside).unwrap();
        assert_eq!(names(&inside), expected(&chart::NAMES));
        let mut report = example();
        report.identification = None;
        write(&report, &inside).unwrap();
        assert_eq!(names(&inside), expected(&["verification-det", "roc", "verification-histogram"]));
        let json: serde_json::Value =
            serde_json::from_slice(&fs::read(inside.join("report.json")).unwrap()).unwrap();
        assert!(json["identification"].is_null());
        assert_eq!(json["verification"]["pairs"], serde_json::json!([3_000, 300_000]));
        assert_eq!(json["setting"]["seed"], report.setting.seed);
        assert_eq!(fs::read_to_string(inside.join("cmc.csv")).unwrap().lines().count(), 1);
    }

    #[test]
    fn no_file_contains_nan_or_infinity() {
        let directory = tempfile::tempdir().unwrap();
        for (name, report) in odd() {
            write(&report, directory.path()).unwrap();
            for file in names(directory.path()) {
                let text = fs::read_to_string(directory.path().join(&file)).unwrap();
                assert!(!not_finite(&text), "{name}: {file}");
            }
        }
    }

    #[test]
    fn an_error_names_the_file() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("roc.csv")).unwrap();
        let error = write(&example(), directory.path()).unwrap_err();
        assert!(error.path.ends_with("roc.csv"), "{error}");
        assert!(error.to_string().contains("roc.csv: putting it in place"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_report_has_the_permissions_of_any_other_file() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        write(&example(), directory.path()).unwrap();
        fs::write(directory.path().join("other"), "").unwrap();
        let mode = |name| fs::metadata(directory.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode("index.html"), mode("other"));
    }
}
