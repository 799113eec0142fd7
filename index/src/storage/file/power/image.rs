//! One of the many states that a power cut may leave of a disk.

use std::fs;
use std::ops::Range;
use std::path::Path;

use super::{Data, Directory, Disk, Entries, FileNode, Node, SECTOR, State};

/// How a state is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only what was synced.
    Synced,
    /// Everything: what a killed process leaves.
    Everything,
    /// All data, no name that was not synced.
    Data,
    /// All names, no data that was not synced.
    Names,
    /// Of each file and each directory, the changes up to some point.
    Prefix,
    /// Any sectors and any names; what is missing within a file is zero.
    SectorsAndZeros,
    /// Any sectors and any names; what is missing within a file is noise or another file's.
    SectorsAndNoise,
    /// Files are as long as they looked, and hold zeros where the data was lost.
    GrownWithZeros,
    /// Files are as long as they looked, and hold noise or another file's bytes where the data was lost.
    GrownWithNoise,
    /// Each file and each directory in its own way.
    Mixed,
}

/// All kinds.
pub(crate) const KINDS: [Kind; 10] = [
    Kind::Synced,
    Kind::Everything,
    Kind::Data,
    Kind::Names,
    Kind::Prefix,
    Kind::SectorsAndZeros,
    Kind::SectorsAndNoise,
    Kind::GrownWithZeros,
    Kind::GrownWithNoise,
    Kind::Mixed,
];

/// A choice.
pub(crate) struct Image {
    pub(crate) kind: Kind,
    random: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Keep {
    None,
    All,
    Prefix,
    Some,
}

impl Image {
    pub(crate) fn new(kind: Kind, seed: u64) -> Self {
        Self { kind, random: seed }
    }

    /// Whether files may hold bytes that were never written there.
    pub(crate) fn has_noise(&self) -> bool {
        matches!(self.kind, Kind::SectorsAndNoise | Kind::GrownWithNoise | Kind::Mixed)
    }

    /// Puts the state into an empty directory.
    pub(crate) fn write(&mut self, disk: &Disk, target: &Path) {
        let Node::Directory(root) = &disk.nodes[0] else { unreachable!("the root is a directory") };
        self.write_directory(disk, root, target);
    }

    fn write_directory(&mut self, disk: &Disk, directory: &Directory, target: &Path) {
        for (name, node) in self.entries(directory) {
            let path = target.join(name);
            match &disk.nodes[node] {
                Node::File(file) => fs::write(path, self.content(disk, file)).unwrap(),
                Node::Directory(directory) => {
                    fs::create_dir(&path).unwrap();
                    self.write_directory(disk, directory, &path);
                }
            }
        }
    }

    /// A number below a bound, after SplitMix64.
    fn below(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(mixed ^ (mixed >> 31)) * bound as u128) >> 64) as usize
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    fn any_keep(&mut self) -> Keep {
        [Keep::None, Keep::All, Keep::Prefix, Keep::Some][self.below(4)]
    }

    fn entries(&mut self, directory: &Directory) -> Entries {
        let keep = match self.kind {
            Kind::Synced | Kind::Data => Keep::None,
            Kind::Everything | Kind::Names => Keep::All,
            Kind::Prefix => Keep::Prefix,
            Kind::Mixed => self.any_keep(),
            _ => Keep::Some,
        };
        let mut entries = directory.durable.clone();
        let kept = self.below(directory.changes.len() + 1);
        for (place, change) in directory.changes.iter().enumerate() {
            if self.keeps(keep, place, kept) {
                change.apply(&mut entries);
            }
        }
        entries
    }

    fn keeps(&mut self, keep: Keep, place: usize, prefix: usize) -> bool {
        match keep {
            Keep::None => false,
            Keep::All => true,
            Keep::Prefix => place < prefix,
            Keep::Some => self.coin(),
        }
    }

    fn content(&mut self, disk: &Disk, file: &FileNode) -> Vec<u8> {
        if file.changes.is_empty() {
            return file.durable.clone();
        }
        let keep = match self.kind {
            Kind::Everything | Kind::Data => Keep::All,
            Kind::Prefix => Keep::Prefix,
            Kind::SectorsAndZeros | Kind::SectorsAndNoise => Keep::Some,
            Kind::Mixed => self.any_keep(),
            _ => Keep::None,
        };
        let filling = self.filling(disk);
        let fill = |range: Range<usize>| -> Vec<u8> { range.map(|at| filling[at % filling.len()]).collect() };
        let mut content = file.durable.clone();
        let kept = self.below(file.changes.len() + 1);
        for (place, (data, state)) in file.changes.iter().enumerate() {
            let split = keep == Keep::Some && *state != State::Durable;
            match data {
                Data::Write { offset, bytes } if split => {
                    for (offset, bytes) in sectors(*offset, bytes) {
                        if self.coin() {
                            Data::Write { offset, bytes: bytes.into() }.apply(&mut content, &fill);
                        }
                    }
                }
                data if *state == State::Durable || self.keeps(keep, place, kept) => {
                    data.apply(&mut content, &fill);
                }
                _ => {}
            }
        }
        let grown = match self.kind {
            Kind::GrownWithZeros | Kind::GrownWithNoise => true,
            Kind::SectorsAndZeros | Kind::SectorsAndNoise | Kind::Mixed => self.coin(),
            _ => false,
        };
        let length = file.length();
        if grown && content.len() < length && keep != Keep::All {
            content.extend(fill(content.len()..length));
        }
        content
    }

    /// What shows where nothing was written, over and over.
    fn filling(&mut self, disk: &Disk) -> Vec<u8> {
        let noise = self.has_noise() && (self.kind != Kind::Mixed || self.coin());
        if !noise {
            return vec![0];
        }
        let other = self.below(disk.nodes.len());
        match &disk.nodes[other] {
            Node::File(file) if !file.durable.is_empty() && self.coin() => file.durable.clone(),
            _ => (0..997).map(|_| self.below(256) as u8).collect(),
        }
    }
}

/// The parts of a write that lie in a sector each.
fn sectors(offset: u64, bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let (end, mut start) = (offset + bytes.len() as u64, offset);
    std::iter::from_fn(move || {
        let next = (start / SECTOR * SECTOR + SECTOR).min(end);
        let part = (start, &bytes[(start - offset) as usize..(next - offset) as usize]);
        let more = start < end;
        start = next;
        more.then_some(part)
    })
}
