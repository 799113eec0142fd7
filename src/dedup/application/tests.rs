//! Links of files with several names, and what they refuse.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use super::preparation::Places;
use super::*;
use crate::dedup::plan::{Counts, Kind, PlannedFile, VERSION};

struct Folder {
    folder: tempfile::TempDir,
    decisions: Decisions,
}

impl Folder {
    /// Makes `kept`, and `copy` with a second name.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let decisions = Decisions::open(&folder.path().join("decisions")).unwrap();
        let made = Self { folder, decisions };
        for name in ["kept", "copy"] {
            fs::create_dir_all(made.path("photos/a")).unwrap();
            fs::write(made.path("photos").join(name), b"photo").unwrap();
        }
        fs::hard_link(made.path("photos/copy"), made.path("photos/a/copy")).unwrap();
        made
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn plan(&self) -> Plan {
        let text = |name: &str| PathText::from(self.path("photos").join(name).as_path());
        let member = |action, names: &[&str]| Member {
            action,
            why: String::new(),
            photo: text(names[0]),
            width: 0,
            height: 0,
            taken: None,
            files: vec![PlannedFile {
                paths: names.iter().map(|name| text(name)).collect(),
                bytes: 5,
                blake3: blake3::hash(b"photo").to_hex().to_string(),
                links: vec![],
            }],
        };
        let members = vec![member(Action::Keep, &["kept"]), member(Action::Move, &["copy", "a/copy"])];
        Plan {
            version: VERSION,
            roots: vec![self.path("photos").as_path().into()],
            references: vec![],
            keep: vec![],
            groups: vec![Group { id: "1".into(), kind: Kind::Exact, keep_all: false, members }],
            unread: vec![],
            counts: Counts::default(),
        }
    }

    fn link(&self) -> Applied {
        let request = ApplyRequest { disposal: Disposal::Hardlink, ..ApplyRequest::default() };
        apply(&self.plan(), &request, &self.decisions, &Control::none()).unwrap()
    }

    fn undo(&self) -> Undone {
        undo(&self.plan(), None, &Control::none()).unwrap()
    }

    fn inodes(&self) -> [u64; 3] {
        ["kept", "copy", "a/copy"].map(|name| fs::metadata(self.path("photos").join(name)).unwrap().ino())
    }

    /// A temporary file of the run, beside the second name.
    fn temporary(&self) -> PathBuf {
        self.path("photos/a").join(format!(".gallerist-{}-0", Places::of(&self.plan(), None).id))
    }
}

#[test]
fn a_file_of_which_one_name_cannot_be_replaced_keeps_all_its_names() {
    let folder = Folder::new();
    let before = folder.inodes();
    // A folder is in the way of the temporary file of the second name.
    fs::create_dir(folder.temporary()).unwrap();
    let applied = folder.link();
    assert_eq!((applied.replaced, applied.refused.len()), (0, 1), "{applied:?}");
    assert_eq!(folder.inodes(), before);
    assert!(!folder.path("photos/.gallerist-quarantine").exists());
}

#[test]
fn a_run_that_was_killed_between_two_names_is_completed_or_undone() {
    for is_completed in [true, false] {
        let folder = Folder::new();
        let before = folder.inodes();
        assert_eq!(folder.link().replaced, 1);
        let [kept, copy, second] = folder.inodes();
        assert_eq!([copy, second], [kept; 2]);
        folder.undo();
        let [kept, copy, second] = folder.inodes();
        assert!(kept == before[0] && copy != kept && second == copy);
        // As if the run had ended after the first name, with the temporary file of the second one.
        folder.link();
        let third = folder.path("photos/third");
        fs::copy(folder.path("photos/kept"), &third).unwrap();
        let journal = Places::of(&folder.plan(), None).runs[0].run.join("journal.json");
        let inode = format!("\"inode\":{}", fs::metadata(&third).unwrap().ino());
        let text = fs::read_to_string(&journal).unwrap();
        fs::write(&journal, text.replace(&format!("\"inode\":{copy}"), &inode)).unwrap();
        fs::rename(&third, folder.path("photos/a/copy")).unwrap();
        fs::hard_link(folder.path("photos/kept"), folder.temporary()).unwrap();
        if is_completed {
            let applied = folder.link();
            assert_eq!((applied.replaced, applied.refused.len()), (1, 0), "{applied:?}");
            let [kept, copy, second] = folder.inodes();
            assert_eq!([copy, second], [kept; 2]);
        }
        assert!(folder.undo().refused.is_empty());
        let [kept, copy, second] = folder.inodes();
        assert!(copy != kept && second == copy && !folder.temporary().exists());
        assert!(!folder.path("photos/.gallerist-quarantine").exists());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn files_with_other_extended_attributes_are_not_linked() {
    let folder = Folder::new();
    let file = fs::File::open(folder.path("photos/copy")).unwrap();
    let tags = std::collections::BTreeMap::from([("user.tags".into(), b"holiday".to_vec())]);
    match attributes::extend(&file, &tags) {
        // An old file system in memory has none, so there is nothing to lose.
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => {
            assert_eq!(folder.link().replaced, 1);
        }
        given => {
            given.unwrap();
            let applied = folder.link();
            assert!(applied.refused[0].reason.contains("other extended attributes"), "{applied:?}");
            let kept = fs::File::open(folder.path("photos/kept")).unwrap();
            attributes::extend(&kept, &tags).unwrap();
            assert_eq!(folder.link().replaced, 1);
            folder.undo();
            let copy = fs::File::open(folder.path("photos/copy")).unwrap();
            assert_eq!(attributes::extended(&copy).unwrap(), tags);
        }
    }
}

#[test]
fn whoever_keeps_a_burst_decides_nothing_about_copies_of_its_photos() {
    let folder = Folder::new();
    let photo = *blake3::hash(b"photo").as_bytes();
    for (kind, is_about_copies) in [(Kind::Burst, false), (Kind::Exact, true)] {
        let mut plan = folder.plan();
        plan.groups[0].keep_all = true;
        plan.groups[0].kind = kind;
        let applied = apply(&plan, &ApplyRequest::default(), &folder.decisions, &Control::none()).unwrap();
        assert_eq!((applied.kept_whole, applied.moved), (1, 0));
        assert_eq!(folder.decisions.keeps_all(&[photo]).unwrap(), is_about_copies);
    }
}
