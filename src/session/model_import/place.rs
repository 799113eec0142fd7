//! The files of an imported model: they are made in a folder of their own and renamed into place.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::ModelImportRequest;
use crate::encoder::{Manifest, Model};
use crate::session::error::{Result, SessionError};

/// Beginning of the names of folders with unfinished files.
const PREFIX: &str = ".import-";
/// Age of a folder from which it belongs to an import that was killed.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// A folder for unfinished files, on the same file system as the result, removed at the end. Those of imports that were killed are removed.
pub(super) fn workplace(out: &Path, dry_run: bool) -> std::io::Result<TempDir> {
    if dry_run {
        return tempfile::tempdir();
    }
    fs::create_dir_all(out)?;
    remove_abandoned(out);
    tempfile::Builder::new().prefix(PREFIX).tempdir_in(out)
}

/// A folder that cannot be removed costs space, not the import.
fn remove_abandoned(out: &Path) {
    for entry in fs::read_dir(out).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let age = |metadata: fs::Metadata| metadata.modified().ok()?.elapsed().ok();
        // Not of the target of a link.
        let metadata = entry.metadata().ok().filter(fs::Metadata::is_dir);
        if is_ours && metadata.and_then(age).is_some_and(|age| age > ABANDONED) {
            let removed = fs::remove_dir_all(entry.path());
            tracing::info!(folder = %entry.path().display(), ?removed, "left by an import that was killed");
        }
    }
}

pub(super) fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Renames the weights and then the manifest into place: a manifest without weights never exists.
pub(super) fn publish(work: &TempDir, out: &Path, name: &str, manifest: &Manifest) -> std::io::Result<()> {
    let text = toml::to_string(manifest).map_err(std::io::Error::other)?;
    let [weights, manifest] = ["safetensors", "toml"].map(|extension| format!("{name}.{extension}"));
    write(&work.path().join(&manifest), text.as_bytes())?;
    for file in [weights, manifest] {
        fs::rename(work.path().join(&file), out.join(&file))?;
    }
    File::open(out)?.sync_all()
}

/// The model that is there under the name of `model`, if it is the same one and has what the user states.
///
/// # Errors
/// It is another one, or its files are damaged.
pub(super) fn same(manifest: &Path, model: &Model, request: &ModelImportRequest) -> Result<Model> {
    let name = &model.name;
    let refused = |reason: String| Err(SessionError::Request { field: "name", reason });
    let taken = |what: &str| {
        let folder = manifest.parent().unwrap_or(Path::new("")).display();
        refused(format!(
            "{name:?}: {what} of this name exists in {folder}; give another --name, or remove it"
        ))
    };
    if !manifest.exists() {
        return taken("a file");
    }
    let there = Model::from_manifest(manifest)?;
    there.check_weights()?;
    if there.fingerprint() != model.fingerprint() {
        return taken("another model");
    }
    let threshold = request.threshold.filter(|stated| stated.to_bits() != there.threshold.to_bits());
    let licence = request.licence.as_ref().filter(|stated| **stated != there.licence);
    let conflict = match (threshold, licence) {
        (Some(stated), _) => format!("the threshold {}, not {stated}", there.threshold),
        (None, Some(stated)) => format!("the licence {:?}, not {stated:?}", there.licence),
        (None, None) => return Ok(there),
    };
    refused(format!(
        "{name:?} is imported already with {conflict}; give another --name, or remove {} and its weights",
        manifest.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_killed_imports_are_removed_after_an_hour() {
        let out = tempfile::tempdir().unwrap();
        let make = |name: &str, minutes: u64| {
            let folder = out.path().join(name);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("weights"), "half").unwrap();
            let then = std::time::SystemTime::now() - Duration::from_secs(60 * minutes);
            File::open(&folder).unwrap().set_modified(then).unwrap();
        };
        make(".import-old", 61);
        make(".import-new", 59);
        make("other", 600);
        let work = workplace(out.path(), false).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.retain(|name| Some(name.as_os_str()) != work.path().file_name());
        names.sort();
        assert_eq!(names, [".import-new", "other"]);
    }
}
