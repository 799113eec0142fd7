//! The files of a backup: their list, and the `.tar` file.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Backup, Progress};
use crate::gallery::error::{GalleryError, Result};
use crate::gallery::pictures::PICTURES;
use crate::gallery::{CATALOG, INDEX};

const NAME: &str = "backup.json";
const FORMAT: u32 = 1;

/// The list of files, as in `backup.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Listing {
    format: u32,
    /// Seconds since 1970.
    made: u64,
    subjects: u64,
    templates: u64,
    files: Vec<Entry>,
    #[serde(skip, default = "nothing")]
    pub backup: Backup,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    path: PathBuf,
    bytes: u64,
    sha256: String,
}

fn nothing() -> Backup {
    Backup { subjects: 0, templates: 0, files: 0, bytes: 0 }
}

fn bad(path: &Path, what: impl Into<String>) -> GalleryError {
    GalleryError::BadBackup { path: path.to_owned(), what: what.into() }
}

fn failed(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> GalleryError {
    let path = path.to_owned();
    move |source| GalleryError::Io { path, doing, source }
}

impl Listing {
    /// Makes the list of a folder.
    pub fn of(folder: &Path, backup: &Backup, progress: Progress<'_>) -> Result<Self> {
        let made = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let (subjects, templates) = (backup.subjects, backup.templates);
        let paths = paths(folder)?;
        let total = paths.iter().filter_map(|path| Some(fs::metadata(folder.join(path)).ok()?.len())).sum();
        let mut listing =
            Self { format: FORMAT, made, subjects, templates, files: Vec::new(), backup: nothing() };
        let mut done = 0;
        for path in paths {
            let full = folder.join(&path);
            let mut file = File::open(&full).map_err(failed(&full, "opening it"))?;
            let (bytes, sha256) = hash(&mut file).map_err(failed(&full, "reading it"))?;
            done += bytes;
            progress(done, total);
            listing.files.push(Entry { path, bytes, sha256 });
        }
        listing.count();
        Ok(listing)
    }

    fn count(&mut self) {
        self.backup = Backup {
            subjects: self.subjects,
            templates: self.templates,
            files: self.files.len() as u64,
            bytes: self.files.iter().map(|file| file.bytes).sum(),
        };
    }

    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(NAME);
        let write = || {
            let mut file = new_file(&path)?;
            serde_json::to_writer_pretty(&mut file, self)?;
            file.sync_all()?;
            File::open(folder)?.sync_all()
        };
        write().map_err(failed(&path, "writing it"))
    }

    /// Reads the list of a backup.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let text =
            fs::read(&path).map_err(|_| bad(folder, "it is not a backup: it contains no backup.json"))?;
        Self::parse(&path, &text)
    }

    fn parse(path: &Path, text: &[u8]) -> Result<Self> {
        let mut listing: Self = serde_json::from_slice(text).map_err(|error| bad(path, error.to_string()))?;
        if listing.format != FORMAT {
            let got = listing.format;
            return Err(bad(path, format!("it has format {got}, this program reads {FORMAT}")));
        }
        if let Some(file) = listing.files.iter().find(|file| !is_below(&file.path)) {
            return Err(bad(path, format!("it lists {}, which is not in the backup", file.path.display())));
        }
        listing.count();
        Ok(listing)
    }

    /// Compares every file of a folder with the list.
    pub fn verify(&self, folder: &Path, progress: Progress<'_>) -> Result<()> {
        let mut done = 0;
        for entry in &self.files {
            let path = folder.join(&entry.path);
            let mut file = File::open(&path).map_err(|error| bad(&path, error.to_string()))?;
            let found = hash(&mut file).map_err(failed(&path, "reading it"))?;
            entry.compare(&path, found)?;
            done += entry.bytes;
            progress(done, self.backup.bytes);
        }
        let listed: HashSet<&Path> = self.files.iter().map(|entry| entry.path.as_path()).collect();
        let is_of_gallery =
            |path: &&PathBuf| [CATALOG, INDEX, PICTURES].iter().any(|part| path.starts_with(part));
        for path in paths(folder)?.iter().filter(is_of_gallery) {
            if !listed.contains(path.as_path()) {
                let what = format!("it does not list {}, which is in the backup", path.display());
                return Err(bad(&folder.join(NAME), what));
            }
        }
        Ok(())
    }

    /// Compares the counts with those of the gallery, if they are known.
    pub fn expect_counts(&self, folder: &Path, found: Option<(u64, u64)>) -> Result<()> {
        let listed = (self.subjects, self.templates);
        match found.filter(|found| *found != listed) {
            None => Ok(()),
            Some((subjects, templates)) => Err(bad(
                &folder.join(NAME),
                format!(
                    "it states {} templates of {} subjects, found {templates} of {subjects}",
                    listed.1, listed.0
                ),
            )),
        }
    }
}

impl Entry {
    fn compare(&self, path: &Path, (bytes, sha256): (u64, String)) -> Result<()> {
        if bytes != self.bytes {
            return Err(bad(path, format!("expected {} bytes, got {bytes}", self.bytes)));
        }
        if sha256 != self.sha256 {
            return Err(bad(path, format!("expected SHA-256 {}, got {sha256}", self.sha256)));
        }
        Ok(())
    }
}

/// Whether a path stays inside the folder that it is joined to.
fn is_below(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}

/// The relative paths of the files in a folder.
fn paths(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(|error| failed(folder, "listing it")(error.into()))?;
        if let (true, Ok(path)) = (entry.file_type().is_file(), entry.path().strip_prefix(folder)) {
            found.push(path.to_owned());
        }
    }
    Ok(found)
}

fn hash(file: &mut (impl Read + ?Sized)) -> io::Result<(u64, String)> {
    let (mut sha, mut buffer, mut bytes) = (Sha256::new(), vec![0; 1 << 20], 0);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            let digits = sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            return Ok((bytes, digits));
        }
        sha.update(&buffer[..read]);
        bytes += read as u64;
    }
}

/// A file that only its owner can read.
pub(in crate::gallery) fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Writes a folder into a `.tar` file. The list is the first file.
pub(super) fn pack(folder: &Path, to: &Path) -> Result<()> {
    let pack = || {
        let mut archive = tar::Builder::new(io::BufWriter::with_capacity(1 << 20, new_file(to)?));
        archive.mode(tar::HeaderMode::Deterministic);
        let mut all = paths(folder).map_err(io::Error::other)?;
        all.sort_by_key(|path| path != Path::new(NAME));
        for path in all {
            archive.append_path_with_name(folder.join(&path), &path)?;
        }
        let mut writer = archive.into_inner()?;
        writer.flush()?;
        writer.get_ref().sync_all()
    };
    pack().map_err(failed(to, "writing it"))
}

/// Reads a `.tar` file and compares every file in it with the list.
pub(super) fn verify_packed(path: &Path, progress: Progress<'_>) -> Result<()> {
    let mut listing = None;
    let mut done = 0;
    each_packed(path, |name, file| {
        let Some((Listing { backup, .. }, files)) = &listing else {
            let mut text = Vec::new();
            file.read_to_end(&mut text).map_err(failed(path, "reading it"))?;
            let read = Listing::parse(path, &text)?;
            let files = read.files.iter().map(|entry| (entry.path.clone(), entry.clone()));
            let files: HashMap<PathBuf, Entry> = files.collect();
            listing = Some((read, files));
            return Ok(());
        };
        let entry =
            files.get(name).ok_or_else(|| bad(path, format!("{} is not in its list", name.display())))?;
        entry.compare(path, hash(file).map_err(failed(path, "reading it"))?)?;
        done += entry.bytes;
        progress(done, backup.bytes);
        Ok(())
    })?;
    match listing {
        Some((listing, _)) if done == listing.backup.bytes => Ok(()),
        _ => Err(bad(path, "files are missing")),
    }
}

/// Writes the files of a `.tar` file into an empty folder. The caller then calls [`Listing::verify`].
pub(super) fn unpack(path: &Path, folder: &Path) -> Result<()> {
    each_packed(path, |name, file| {
        let to = folder.join(name);
        let mut write = || {
            make_folders(folder, name)?;
            io::copy(file, &mut new_file(&to)?)
        };
        match write() {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(bad(path, format!("it contains {} twice", name.display())))
            }
            Err(error) => Err(failed(path, "unpacking it")(error)),
        }
    })
}

/// Makes the parent folders of a file below `folder`. Does not make `folder` itself, which another thread may have removed after a stop
/// request.
fn make_folders(folder: &Path, file: &Path) -> io::Result<()> {
    let between: Vec<&Path> = file.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty()).collect();
    for path in between.into_iter().rev() {
        match fs::create_dir(folder.join(path)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// An error about an unpacked file, with the path of the `.tar` file.
pub(super) fn in_terms_of(packed: &Path, unpacked: &Path, error: GalleryError) -> GalleryError {
    let (said, hidden) = (error.to_string(), unpacked.display().to_string());
    if error.is_full() || !said.contains(&hidden) {
        return error;
    }
    bad(
        packed,
        said.replace(&format!("backup {hidden}/"), "")
            .replace(&format!("{hidden}/"), "")
            .replace(&format!("backup {hidden}: "), "")
            .replace(&hidden, "it"),
    )
}

/// First bytes of compressed files, and the program that decompresses them.
const COMPRESSED: [(&[u8], &str); 4] =
    [(b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zXZ\0", "xz"), (b"BZh", "bzip2")];

fn refuse_compressed(path: &Path, file: &mut impl BufRead) -> Result<()> {
    let start = file.fill_buf().map_err(failed(path, "reading it"))?;
    match COMPRESSED.iter().find(|(magic, _)| start.starts_with(magic)) {
        Some((_, how)) => {
            Err(bad(path, format!("it is compressed with {how}: decompress it first, with `{how} -d`")))
        }
        None => Ok(()),
    }
}

fn each_packed(path: &Path, mut visit: impl FnMut(&Path, &mut dyn Read) -> Result<()>) -> Result<()> {
    let file = File::open(path).map_err(failed(path, "opening it"))?;
    let mut file = io::BufReader::with_capacity(1 << 20, file);
    refuse_compressed(path, &mut file)?;
    let mut archive = tar::Archive::new(file);
    let mut is_first = true;
    for entry in archive.entries().map_err(failed(path, "reading it"))? {
        let mut entry = entry.map_err(|error| match is_first {
            true => bad(path, format!("it is not a .tar file, or is damaged ({error})")),
            false => bad(path, error.to_string()),
        })?;
        is_first = false;
        let name = entry.path().map_err(|error| bad(path, error.to_string()))?;
        // Other programs also write folders, and paths that begin with "./".
        let name: PathBuf = name.components().filter(|part| *part != Component::CurDir).collect();
        if entry.header().entry_type().is_dir() {
            continue;
        }
        if !entry.header().entry_type().is_file() || !is_below(&name) {
            return Err(bad(
                path,
                format!("it contains {}, which is not a file of a backup", name.display()),
            ));
        }
        visit(&name, &mut entry)?;
    }
    Ok(())
}
