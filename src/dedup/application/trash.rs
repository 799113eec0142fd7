//! The trash of the desktop, by the freedesktop.org trash specification 1.0.
//!
//! A file goes to the trash of the user's home if it is on the same file system, otherwise to `.Trash/UID` or `.Trash-UID` in the top
//! folder of its own. In a trash, `files/NAME` is the file and `info/NAME.trashinfo` says where it was and when it was moved.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use time::{OffsetDateTime, UtcOffset};

use crate::dedup::journal::{exists, rename};

const FILES: &str = "files";
const INFO: &str = "info";
/// Longest name of a file, in bytes, less the ending of its description.
const LONGEST_NAME: usize = 255 - ".trashinfo".len();

/// Selects places in the trash, each once.
pub struct Trash<'a> {
    home: Option<&'a Path>,
    user: u32,
    taken: BTreeSet<PathBuf>,
    /// The last number that was tried, by the place without one.
    numbers: HashMap<PathBuf, u64>,
}

impl<'a> Trash<'a> {
    /// `home` is the trash of the user's home.
    pub fn new(home: Option<&'a Path>) -> Self {
        let user = rustix::process::getuid().as_raw();
        Self { home, user, taken: BTreeSet::new(), numbers: HashMap::new() }
    }

    /// The place of a file in the trash. Changes nothing.
    ///
    /// # Errors
    /// The folders above the file cannot be read.
    pub fn place(&mut self, file: &Path) -> io::Result<PathBuf> {
        let folder = self.folder(file)?;
        let name = file.file_name().unwrap_or_default();
        let plain = folder.join(FILES).join(shortened(name, LONGEST_NAME));
        loop {
            let number = self.numbers.entry(plain.clone()).or_default();
            *number += 1;
            let place = match number {
                1 => plain.clone(),
                number => folder.join(FILES).join(numbered(name, *number)),
            };
            if !exists(&place) && !exists(&info(&place)) && self.taken.insert(place.clone()) {
                return Ok(place);
            }
        }
    }

    /// The trash for a file.
    fn folder(&self, file: &Path) -> io::Result<PathBuf> {
        let folder = file.parent().unwrap_or(Path::new("/"));
        let device = fs::metadata(folder)?.dev();
        if let Some(home) = self.home
            && fs::metadata(existing(home))?.dev() == device
        {
            return Ok(home.to_owned());
        }
        let is_same = |folder: &&Path| fs::metadata(folder).is_ok_and(|metadata| metadata.dev() == device);
        let top = folder.ancestors().take_while(is_same).last().unwrap_or(folder);
        Ok(match shared(top) {
            true => top.join(".Trash").join(self.user.to_string()),
            false => top.join(format!(".Trash-{}", self.user)),
        })
    }
}

/// Whether a top folder has a trash for all users: a folder, not a link, with the sticky bit.
fn shared(top: &Path) -> bool {
    fs::symlink_metadata(top.join(".Trash"))
        .is_ok_and(|metadata| metadata.is_dir() && metadata.mode() & 0o1000 != 0)
}

/// The first folder on the way up that exists.
fn existing(path: &Path) -> &Path {
    path.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"))
}

fn shortened(name: &OsStr, longest: usize) -> OsString {
    OsStr::from_bytes(&name.as_bytes()[..name.len().min(longest)]).to_owned()
}

/// `NAME.2.jpg`: the ending stays.
fn numbered(name: &OsStr, number: u64) -> OsString {
    let path = Path::new(name);
    let ending = path.extension().map(|ending| [b".", ending.as_bytes()].concat()).unwrap_or_default();
    let number = format!(".{number}");
    let room = LONGEST_NAME.saturating_sub(ending.len() + number.len());
    let mut numbered = shortened(path.file_stem().unwrap_or_default(), room);
    numbered.push(number);
    numbered.push(OsStr::from_bytes(&ending));
    shortened(&numbered, LONGEST_NAME)
}

/// The trash in which a place is, if it is one of a trash: `files/NAME` in `Trash`, `.Trash-UID` or `.Trash/UID`.
pub fn of_place(place: &Path) -> Option<&Path> {
    let files = place.parent().filter(|folder| folder.file_name() == Some(FILES.as_ref()))?;
    let trash = files.parent()?;
    let name = trash.file_name()?.as_bytes();
    let above = trash.parent()?.file_name();
    (name == b"Trash" || name.starts_with(b".Trash-") || above == Some(".Trash".as_ref())).then_some(trash)
}

/// Whether a file was found in a trash below `root`, so that it is not part of the collection.
pub fn contains(root: &Path, path: &Path) -> bool {
    let below = path.strip_prefix(root).unwrap_or(Path::new(""));
    let is_trash = |folder: &Path| {
        folder.file_name() == Some(FILES.as_ref())
            && folder.parent().and_then(Path::file_name) == Some("Trash".as_ref())
            && root.join(folder).with_file_name(INFO).is_dir()
    };
    below.ancestors().skip(1).any(is_trash)
}

/// The description of a place in a trash.
fn info(place: &Path) -> PathBuf {
    let mut name = place.file_name().unwrap_or_default().to_owned();
    name.push(".trashinfo");
    let trash = place.parent().and_then(Path::parent).unwrap_or(Path::new(""));
    trash.join(INFO).join(name)
}

/// The line of a description that says where a file was: from the top folder if the trash is in it, otherwise from the root.
fn path_line(file: &Path, place: &Path) -> String {
    let trash = of_place(place).unwrap_or(Path::new(""));
    let is_home = trash.file_name() == Some("Trash".as_ref());
    let is_shared = trash.parent().and_then(Path::file_name) == Some(".Trash".as_ref());
    let top = if is_home { None } else { trash.ancestors().nth(1 + usize::from(is_shared)) };
    let path = top.and_then(|top| file.strip_prefix(top).ok()).unwrap_or(file);
    let mut line = String::from("Path=");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                line.push(char::from(*byte));
            }
            other => drop(write!(line, "%{other:02X}")),
        }
    }
    line
}

/// How the description of a file begins.
fn beginning(file: &Path, place: &Path) -> String {
    format!("[Trash Info]\n{}\n", path_line(file, place))
}

/// Whether the description at a place is that of the file, or the part of it that a run had written when it was killed.
fn is_own(file: &Path, place: &Path) -> bool {
    let own = beginning(file, place);
    fs::read(info(place))
        .is_ok_and(|text| text.starts_with(own.as_bytes()) || own.as_bytes().starts_with(&text))
}

/// Moves a file to its place in the trash. A run that was killed between the description and the move is completed.
///
/// # Errors
/// The trash cannot be made, or the place was taken by another program.
pub fn put(file: &Path, place: &Path) -> io::Result<()> {
    let trash = of_place(place).ok_or(io::ErrorKind::InvalidInput)?;
    for folder in [trash.join(FILES), trash.join(INFO)] {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let now = OffsetDateTime::now_utc();
    let now = now.to_offset(UtcOffset::local_offset_at(now).unwrap_or(UtcOffset::UTC));
    let date = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        now.year(),
        u8::from(now.month()),
        now.day(),
        now.hour(),
        now.minute(),
        now.second()
    );
    let text = format!("{}DeletionDate={date}\n", beginning(file, place));
    let path = info(place);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(info) => write_info(info, &text, &path)?,
        // A run that was killed may have left an incomplete one, and then nothing is at the place.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !exists(place) => {
            if !is_own(file, place) {
                return Err(error);
            }
            write_info(OpenOptions::new().write(true).truncate(true).open(&path)?, &text, &path)?;
        }
        Err(error) => return Err(error),
    }
    rename(file, place).inspect_err(|_| drop(fs::remove_file(&path)))
}

/// Writes a description durably: without it a desktop does not know where a file was.
fn write_info(mut info: File, text: &str, path: &Path) -> io::Result<()> {
    info.write_all(text.as_bytes())?;
    info.sync_all()?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Moves a file back from its place in the trash.
///
/// # Errors
/// Something else is where it was, or the system refuses.
pub fn take_back(file: &Path, place: &Path) -> io::Result<()> {
    rename(place, file)?;
    forget(file, place);
    Ok(())
}

/// Removes the description of a file that is not in the trash.
pub fn forget(file: &Path, place: &Path) {
    if !exists(place) && is_own(file, place) {
        let _ = fs::remove_file(info(place));
    }
}

/// Removes a trash that is empty.
pub fn remove_empty(trash: &Path) {
    for folder in [trash.join(FILES), trash.join(INFO), trash.to_owned()] {
        let _ = fs::remove_dir(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_says_where_a_file_was() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("data/Trash");
        let file = folder.path().join("a b/\u{e9}%.jpg");
        fs::create_dir(file.parent().unwrap()).unwrap();
        fs::write(&file, b"photo").unwrap();
        let place = Trash::new(Some(&home)).place(&file).unwrap();
        put(&file, &place).unwrap();
        assert_eq!(place, home.join("files/\u{e9}%.jpg"));
        let text = fs::read_to_string(home.join("info/\u{e9}%.jpg.trashinfo")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines[0], lines.len()), ("[Trash Info]", 3));
        assert!(lines[1].starts_with("Path=/") && lines[1].ends_with("/a%20b/%C3%A9%25.jpg"), "{text}");
        let date = lines[2].strip_prefix("DeletionDate=").unwrap().as_bytes();
        assert!(date.len() == 19 && date[10] == b'T', "{text}");
        assert_eq!(fs::metadata(&home).unwrap().mode() & 0o777, 0o700);
        take_back(&file, &place).unwrap();
        assert!(file.exists() && fs::read_dir(home.join("info")).unwrap().next().is_none());
    }

    #[test]
    fn what_a_killed_run_wrote_of_a_description_is_removed_and_that_of_another_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (home, file) = (folder.path().join("Trash"), folder.path().join("1.jpg"));
        fs::write(&file, b"photo").unwrap();
        let place = Trash::new(Some(&home)).place(&file).unwrap();
        fs::create_dir_all(home.join("info")).unwrap();
        let whole = beginning(&file, &place);
        for written in [0, 1, 13, whole.len() - 1, whole.len()] {
            fs::write(info(&place), &whole[..written]).unwrap();
            forget(&file, &place);
            assert!(!exists(&info(&place)), "{written} bytes");
            fs::write(info(&place), &whole[..written]).unwrap();
            put(&file, &place).unwrap();
            take_back(&file, &place).unwrap();
        }
        let other = beginning(&folder.path().join("2.jpg"), &place);
        for text in [other.as_str(), "[Trash Info]\nPath=/\n", "x"] {
            fs::write(info(&place), text).unwrap();
            forget(&file, &place);
            assert!(exists(&info(&place)), "{text}");
            assert!(put(&file, &place).is_err() && exists(&file), "{text}");
        }
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("Trash");
        fs::create_dir_all(home.join("info")).unwrap();
        fs::write(home.join("info/1.jpg.trashinfo"), b"").unwrap();
        let mut trash = Trash::new(Some(&home));
        let mut name = |file: &str| {
            let place = trash.place(&folder.path().join(file)).unwrap();
            place.file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!([name("1.jpg"), name("1.jpg"), name("2")], ["1.2.jpg", "1.3.jpg", "2"]);
        let long = "n".repeat(251) + ".jpg";
        assert_eq!([name(&long).len(), name(&long).len()], [LONGEST_NAME; 2]);
        assert!(name(&long).ends_with(".3.jpg"));
    }

    #[test]
    fn a_file_system_without_the_home_has_a_trash_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        let user = rustix::process::getuid().as_raw();
        // Another device than that of the folder stands for another file system.
        let place = Trash::new(Some(Path::new("/proc"))).place(&top.join("1.jpg")).unwrap();
        let trash = of_place(&place).unwrap();
        assert_eq!(trash.file_name().unwrap().to_str(), Some(format!(".Trash-{user}").as_str()));
        assert!(top.starts_with(trash.parent().unwrap()));
        // The path is from the top folder.
        let own = top.join(format!(".Trash-{user}/files/1.jpg"));
        assert_eq!(path_line(&top.join("a/1.jpg"), &own), "Path=a/1.jpg");
        let all = top.join(format!(".Trash/{user}/files/1.jpg"));
        assert_eq!(path_line(&top.join("a/1.jpg"), &all), "Path=a/1.jpg");
        assert!(!shared(top));
        DirBuilder::new().mode(0o700).create(top.join(".Trash")).unwrap();
        assert!(!shared(top), "without the sticky bit it is not used");
        let sticky = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
        fs::set_permissions(top.join(".Trash"), sticky).unwrap();
        assert!(shared(top));
    }

    #[test]
    fn files_in_a_trash_below_a_folder_are_recognised() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let file = root.join("share/Trash/files/1.jpg");
        assert!(!contains(root, &file), "a folder of this name is no trash");
        fs::create_dir_all(root.join("share/Trash/info")).unwrap();
        assert!(contains(root, &file) && !contains(&root.join("share/Trash/files"), &file));
    }
}
