//! What a power cut may leave.
//!
//! The model of a disk, after what POSIX promises and no more:
//!
//! * A file is its durable content and the writes and truncations since. Each of those may have reached the
//!   disk or not,
//!   in any order, a write in any subset of its sectors of 512 bytes, until a sync of the file makes all of them
//!   durable. The size is not ordered against the data: a file may have grown to where a lost write ended, and shows
//!   zeros, noise or another file's old bytes there. A sync of a file says nothing about its name.
//! * A directory is its durable entries and the changes since: an entry made, removed or renamed. Each of
//!   those may
//!   have reached the disk or not, independently of the others, of the files and of other directories, until a sync of
//!   the directory makes all of them durable. A rename is one change: the new name and the old one change together,
//!   and what the new name stood for before stays until then. Sectors and entries are never torn themselves.
//! * After a failed sync of a file, what it should have made durable stays in doubt for ever: later syncs
//!   succeed
//!   and do not write it again, while reading still shows it. After a failed sync of a directory a later one may
//!   succeed.
//! * A process that is killed leaves everything as it looks, with all that is in doubt still in doubt.
//!
//! Many file systems promise more (most keep the order of changes to directories). Disks that promise less, by
//! saying that they have written what they have not, are no use to anybody.

mod image;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

pub(crate) use image::{Image, KINDS, Kind};

use super::trace::Event;

/// The unit that a disk writes whole.
pub(crate) const SECTOR: u64 = 512;

/// A disk with what is on its way there. Node 0 is its root directory.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone)]
enum Node {
    File(FileNode),
    Directory(Directory),
}

#[derive(Debug, Clone, Default)]
struct FileNode {
    durable: Vec<u8>,
    changes: Vec<(Data, State)>,
}

/// A change of a file's content.
#[derive(Debug, Clone)]
enum Data {
    Write { offset: u64, bytes: Arc<[u8]> },
    Truncate { length: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Pending,
    /// A sync failed to write it.
    Forsaken,
    /// On disk, after one that may not be.
    Durable,
}

type Entries = BTreeMap<OsString, usize>;

#[derive(Debug, Clone, Default)]
struct Directory {
    durable: Entries,
    changes: Vec<Entry>,
    /// What it looks like.
    current: Entries,
}

/// A change of a directory's entries.
#[derive(Debug, Clone)]
enum Entry {
    Made { name: OsString, node: usize },
    Removed { name: OsString, node: usize },
    Renamed { from: OsString, to: OsString, node: usize },
}

impl Entry {
    fn apply(&self, entries: &mut Entries) {
        let mut forget = |name: &OsString, node: usize| {
            if entries.get(name) == Some(&node) {
                entries.remove(name);
            }
        };
        match self {
            Self::Made { name, node } => drop(entries.insert(name.clone(), *node)),
            Self::Removed { name, node } => forget(name, *node),
            Self::Renamed { from, to, node } => {
                forget(from, *node);
                entries.insert(to.clone(), *node);
            }
        }
    }
}

impl Directory {
    fn change(&mut self, entry: Entry) {
        entry.apply(&mut self.current);
        self.changes.push(entry);
    }
}

impl Disk {
    /// What is in a directory, all of it durable.
    pub(crate) fn read(directory: &Path) -> Self {
        let mut disk = Self { nodes: vec![Node::Directory(Directory::default())] };
        disk.read_into(0, directory);
        disk
    }

    fn read_into(&mut self, directory: usize, path: &Path) {
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            let node = self.nodes.len();
            if entry.file_type().unwrap().is_dir() {
                self.nodes.push(Node::Directory(Directory::default()));
                self.read_into(node, &entry.path());
            } else {
                let durable = fs::read(entry.path()).unwrap();
                self.nodes.push(Node::File(FileNode { durable, changes: Vec::new() }));
            }
            let parent = self.directory(directory);
            parent.durable.insert(entry.file_name(), node);
            parent.current.insert(entry.file_name(), node);
        }
    }

    /// How many files and directories there ever were.
    pub(super) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Calls `act` with the path and the number of each file that can be seen.
    pub(crate) fn each_file(&self, act: &mut impl FnMut(&Path, usize)) {
        self.each_file_below(0, Path::new(""), act);
    }

    fn each_file_below(&self, directory: usize, path: &Path, act: &mut impl FnMut(&Path, usize)) {
        let Node::Directory(directory) = &self.nodes[directory] else { return act(path, directory) };
        directory.current.iter().for_each(|(name, &node)| self.each_file_below(node, &path.join(name), act));
    }

    /// Lets something happen.
    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::Create { path, number } => self.link(path, *number, Node::File(FileNode::default())),
            Event::CreateDirectory { path, number } => {
                self.link(path, *number, Node::Directory(Directory::default()));
            }
            Event::Write { number, offset, bytes } => {
                self.file(*number).change(Data::Write { offset: *offset, bytes: Arc::clone(bytes) });
            }
            Event::Truncate { number, length } => {
                self.file(*number).change(Data::Truncate { length: *length })
            }
            Event::Sync { number } => self.file(*number).sync(State::Durable),
            Event::FailedSync { number } => self.file(*number).sync(State::Forsaken),
            Event::SyncDirectory { path } => {
                let number = self.find(path);
                let directory = self.directory(number);
                directory.changes.drain(..).for_each(|entry| entry.apply(&mut directory.durable));
            }
            Event::Rename { from, to } => {
                let (parent, from) = self.parent(from);
                let (other, to) = self.parent(to);
                assert_eq!(parent, other, "the index renames within a directory");
                let directory = self.directory(parent);
                let node = directory.current[&from];
                directory.change(Entry::Renamed { from, to, node });
            }
            Event::Link { from, to } => {
                let node = self.find(from);
                let (parent, name) = self.parent(to);
                self.directory(parent).change(Entry::Made { name, node });
            }
            Event::Remove { path } => {
                let (parent, name) = self.parent(path);
                let directory = self.directory(parent);
                let node = directory.current[&name];
                directory.change(Entry::Removed { name, node });
            }
            Event::RemoveAll { path } => self.remove_all(path),
            Event::Nothing => {}
        }
    }

    fn remove_all(&mut self, path: &Path) {
        let number = self.find(path);
        if let Node::Directory(directory) = &self.nodes[number] {
            let names: Vec<PathBuf> = directory.current.keys().map(|name| path.join(name)).collect();
            names.iter().for_each(|path| self.remove_all(path));
        }
        self.apply(&Event::Remove { path: path.to_owned() });
    }

    fn link(&mut self, path: &Path, number: usize, node: Node) {
        assert_eq!(number, self.nodes.len(), "numbers are given in order");
        self.nodes.push(node);
        let (parent, name) = self.parent(path);
        self.directory(parent).change(Entry::Made { name, node: number });
    }

    fn find(&self, path: &Path) -> usize {
        let mut found = 0;
        for part in path.components() {
            let Component::Normal(name) = part else { panic!("{}", path.display()) };
            let Node::Directory(directory) = &self.nodes[found] else { panic!("{}", path.display()) };
            found = directory.current[name];
        }
        found
    }

    fn parent(&self, path: &Path) -> (usize, OsString) {
        (self.find(path.parent().unwrap()), path.file_name().unwrap().to_owned())
    }

    fn file(&mut self, number: usize) -> &mut FileNode {
        let Node::File(file) = &mut self.nodes[number] else { panic!("{number} is a directory") };
        file
    }

    fn directory(&mut self, number: usize) -> &mut Directory {
        let Node::Directory(directory) = &mut self.nodes[number] else { panic!("{number} is a file") };
        directory
    }
}

impl FileNode {
    fn change(&mut self, data: Data) {
        self.changes.push((data, State::Pending));
    }

    /// What is pending becomes durable, or forsaken.
    fn sync(&mut self, becomes: State) {
        for (_, state) in self.changes.iter_mut().filter(|(_, state)| *state == State::Pending) {
            *state = becomes;
        }
        let whole = self.changes.iter().take_while(|(_, state)| *state == State::Durable).count();
        for (data, _) in self.changes.drain(..whole) {
            data.apply(&mut self.durable, &|range| vec![0; range.len()]);
        }
    }

    /// How long it looks.
    fn length(&self) -> usize {
        self.changes.iter().fold(self.durable.len(), |length, (data, _)| match data {
            Data::Write { offset, bytes } => length.max(*offset as usize + bytes.len()),
            Data::Truncate { length } => *length as usize,
        })
    }
}

impl Data {
    /// `fill` makes up what lies between the end of the file and where a write begins.
    fn apply(&self, content: &mut Vec<u8>, fill: &dyn Fn(std::ops::Range<usize>) -> Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                let start = *offset as usize;
                if content.len() < start {
                    content.extend(fill(content.len()..start));
                }
                let end = start + bytes.len();
                content.resize(content.len().max(end), 0);
                content[start..end].copy_from_slice(bytes);
            }
            Self::Truncate { length } => content.resize(*length as usize, 0),
        }
    }
}
