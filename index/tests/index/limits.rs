//! What the system allows: few open files, directories that may not be written, a mask that hides nothing.

mod open_files;

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use gallerist_index::{Error, GraphOptions, GraphWhen, Index, Options};

use crate::oracle::{Oracle, READ_ONLY, borrowed, child, copy, rows};

const DIRECTORY: &str = "GALLERIST_TEST_LIMITS";
const DIMENSION: usize = 8;
const SHARDS: u16 = 6;

/// Runs a test of this binary by way of another command, in a process of its own.
fn run_by(command: &mut Command, test: &str, directory: &Path) {
    let inside = child(test);
    command.arg(inside.get_program()).args(inside.get_args()).env(DIRECTORY, directory);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

/// Runs what is appended to it after a line of shell.
fn shell(line: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{line} && exec \"$@\""), "sh"]);
    command
}

fn options() -> Options {
    let graph = GraphOptions { when: GraphWhen::Always, ..GraphOptions::NEVER };
    Options::new(DIMENSION).shards(SHARDS).background_compaction(false).graph(graph)
}

/// An index of many segments with tombstones, and rows in logs. Closed, or left as the end of a process leaves it.
fn sample(path: &Path, is_closed: bool) -> Oracle {
    let index = Index::create(path, options()).unwrap();
    for first in (0..200).step_by(20) {
        index.insert(&borrowed(&rows(DIMENSION, first..first + 20, 1))).unwrap();
        index.seal().unwrap();
    }
    index.delete(&(0..200).step_by(7).collect::<Vec<_>>()).unwrap();
    index.insert(&borrowed(&rows(DIMENSION, 200..230, 1))).unwrap();
    let oracle = Oracle::of(&index.view());
    if is_closed {
        index.close().unwrap();
    } else {
        copy(path, &path.with_extension("left"));
        drop(index);
        fs::remove_dir_all(path).unwrap();
        fs::rename(path.with_extension("left"), path).unwrap();
    }
    oracle
}

/// Runs what is appended to it where permissions bind, as they do not bind root.
fn bound() -> Command {
    let privilege = "-dac_override,-dac_read_search";
    shell(&format!(
        "if [ \"$(id -u)\" = 0 ]; then exec setpriv --bounding-set={privilege} --inh-caps={privilege} \"$@\"; fi"
    ))
}

/// Sets the mode of a directory and of those in it.
fn set_modes(directory: &Path, mode: u32) {
    if directory.is_dir() {
        for entry in fs::read_dir(directory).unwrap() {
            set_modes(&entry.unwrap().path(), mode);
        }
        fs::set_permissions(directory, Permissions::from_mode(mode)).unwrap();
    }
}

#[test]
fn a_directory_that_may_not_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let [closed, left] = [true, false].map(|is_closed| {
        let path = directory.path().join(if is_closed { "closed" } else { "left" });
        let oracle = sample(&path, is_closed);
        set_modes(&path, 0o500);
        (path, oracle)
    });
    fs::create_dir(directory.path().join("parent")).unwrap();
    set_modes(&directory.path().join("parent"), 0o500);
    run_by(&mut bound(), "limits::with_a_read_only_directory", directory.path());
    for (path, mut oracle) in [closed, left] {
        set_modes(&path, 0o700);
        let index = Index::open(&path).unwrap();
        let found = Oracle::of(&index.view());
        if path.ends_with("closed") {
            rows(DIMENSION, 300..310, 1)
                .into_iter()
                .for_each(|(id, group, row)| oracle.insert(id, group, row));
        }
        assert_eq!(found, oracle, "{}", path.display());
        assert!(index.check().unwrap().is_clean());
    }
}

#[test]
#[ignore = "run by its parent, as somebody whom permissions bind"]
fn with_a_read_only_directory() {
    let Some(root) = std::env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let denied = |error: Error, action: &str, within: &Path| match error {
        Error::Io { path, action: acted, source } => {
            assert!(path.starts_with(within), "{} is not in {}", path.display(), within.display());
            assert_eq!((acted, source.kind()), (action, ErrorKind::PermissionDenied));
        }
        other => panic!("{other}"),
    };
    let parent = root.join("parent");
    denied(Index::create(&parent.join("index"), options()).unwrap_err(), "creating the directory", &parent);

    // What an unclean end left cannot be settled, so it is not served.
    let path = root.join("left");
    denied(Index::open(&path).unwrap_err(), "creating the file", &path);

    // What was closed can be read, and written as far as its logs go.
    let path = root.join("closed");
    let index = Index::open(&path).unwrap();
    assert!(index.insert(&borrowed(&rows(DIMENSION, 300..310, 1))).unwrap().durable);
    let sealed = index.seal().unwrap_err().to_string();
    assert!(sealed.contains("closed/shard-0") && sealed.contains("Permission denied"), "{sealed}");
    denied(index.snapshot(&parent.join("copy")).unwrap_err(), "creating the directory", &parent);
    denied(index.snapshot(&path.join("copy")).unwrap_err(), "creating the directory", &path);
    let purged = index.purge().unwrap_err().to_string();
    assert!(purged.contains("Permission denied"), "{purged}");
    assert!(index.view().contains(300) && index.check().unwrap().is_clean());
    denied(index.close().unwrap_err(), "creating the file", &path);
    // With its end not vouched for, it is like one that was left.
    denied(Index::open(&path).unwrap_err(), "creating the file", &path);

    fs::set_permissions(path.join("LOCK"), Permissions::from_mode(0o400)).unwrap();
    denied(Index::open(&path).unwrap_err(), "opening the lock file", &path);

    // Whoever only reads writes nothing.
    for path in [&path, &root.join("left")] {
        let reader = Index::open_with(path, &READ_ONLY).unwrap();
        assert!(!reader.view().is_empty() && reader.check().unwrap().is_clean());
        assert!(Index::check_at(path).unwrap().is_clean());
    }
}

#[test]
fn whatever_the_mask_only_the_owner_has_rights() {
    for mask in ["umask 000", "umask 077", "umask 0277", "umask 0777"] {
        run_by(&mut shell(mask), "limits::with_a_mask", tempfile::tempdir().unwrap().path());
    }
}

#[test]
#[ignore = "run by its parent, where the mask is another"]
fn with_a_mask() {
    let Some(root) = std::env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let oracle = sample(&root.join("index"), true);
    let index = Index::open(&root.join("index")).unwrap();
    index.snapshot(&root.join("snapshot")).unwrap();
    Index::restore(&root.join("snapshot"), &root.join("restored"), None).unwrap();
    index.compact().unwrap();
    index.purge().unwrap();
    assert_eq!(Oracle::of(&index.view()), oracle);
    let mut unseen: Vec<PathBuf> = ["index", "snapshot", "restored"].map(|name| root.join(name)).into();
    let mut seen = 0;
    while let Some(path) = unseen.pop() {
        let mode = path.metadata().unwrap().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
        if path.is_dir() {
            unseen.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        seen += 1;
    }
    assert!(seen > 50, "{seen}");
}
