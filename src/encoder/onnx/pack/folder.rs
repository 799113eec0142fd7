//! ONNX files in a folder.

use std::path::{Path, PathBuf};

use super::{MOST_ENTRIES, Unread, Wanted, is_onnx, name, only, read};
use crate::encoder::onnx::Refusal;
use crate::encoder::weights::open_regular;

/// What is wanted, and the names of the ONNX files in the folder. A folder without any, of which one subfolder has some, stands for that
/// one: archives unpack to this.
pub(super) fn search<T>(
    folder: &Path,
    largest: u64,
    wanted: &Wanted<'_, T>,
) -> Result<(T, Vec<String>), Refusal> {
    let entries = entries(folder).map_err(|error| Refusal::new(error.to_string()))?;
    let mut files = onnx_files(&entries);
    if files.is_empty() {
        files = of_subfolder(&entries)?;
    }
    let names: Vec<String> = files.iter().map(|file| name(file)).collect();
    let found = only(&names, wanted, "folder", |at| {
        let unwanted = |reason: String| Unread::Unwanted(Refusal::new(reason));
        let (file, length) =
            open_regular(&files[at], largest).map_err(|error| unwanted(error.to_string()))?;
        read(file, length).map_err(unwanted)
    })?;
    Ok((found, names))
}

/// What a folder contains, sorted.
fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.take(MOST_ENTRIES);
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

fn onnx_files(entries: &[PathBuf]) -> Vec<PathBuf> {
    entries.iter().filter(|file| is_onnx(&name(file)) && file.is_file()).cloned().collect()
}

/// The ONNX files of the only subfolder that has some; none if no subfolder has.
fn of_subfolder(entries: &[PathBuf]) -> Result<Vec<PathBuf>, Refusal> {
    let mut found: Vec<Vec<PathBuf>> = Vec::new();
    for folder in entries.iter().filter(|path| path.is_dir()) {
        // A subfolder that cannot be read is none with files to choose from.
        let files = self::entries(folder).map(|entries| onnx_files(&entries)).unwrap_or_default();
        if !files.is_empty() {
            found.push(files);
        }
    }
    if found.len() > 1 {
        let folders = found.iter().filter_map(|files| files[0].parent()).take(9).map(name);
        let folders = folders.collect::<Vec<_>>().join(", ");
        return Err(Refusal::new(format!(
            "the folder contains no .onnx file, but several subfolders do: {folders}; give one of them"
        )));
    }
    Ok(found.pop().unwrap_or_default())
}
