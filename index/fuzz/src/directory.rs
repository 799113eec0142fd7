//! From an input to the files of an index.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::format::{self, INDEX, Mend, Segment, get, put};

/// What a piece of an input becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Segment,
    /// Of the last segment.
    Tombstones,
    Erasures,
    /// The next log of the first or second shard.
    Log(u16),
    /// Numbers written over the manifest's body: offset in two bytes, number in eight.
    Patch,
    /// A file that no manifest names; the first byte picks its name.
    Stray,
    /// In the place of the manifest that fits the other files.
    Manifest,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Segment,
        Self::Tombstones,
        Self::Erasures,
        Self::Log(0),
        Self::Log(1),
        Self::Patch,
        Self::Stray,
        Self::Manifest,
    ];

    fn of(byte: u8) -> Self {
        Self::ALL[usize::from(byte) % Self::ALL.len()]
    }

    fn byte(self) -> u8 {
        Self::ALL.iter().position(|&kind| kind == self).map_or(0, |at| at as u8)
    }
}

/// An input taken apart. The first byte is flags: see [`Mend::of`], and the bits below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    pub flags: u8,
    pub pieces: Vec<(Kind, Vec<u8>)>,
}

/// The index is not written to.
pub const LOOK_ONLY: u8 = 0x10;
/// Seals build graphs.
const GRAPHS: u8 = 0x20;
/// The manifest does not vouch for the logs.
const UNVOUCHED: u8 = 0x40;

impl Input {
    /// All of the input is one file.
    pub fn single(input: &[u8], kind: Kind) -> Self {
        let (&flags, bytes) = input.split_first().unwrap_or((&0, &[]));
        Self { flags, pieces: vec![(kind, bytes.to_vec())] }
    }

    /// Pieces follow each other, each with its kind and its length in three bytes before it.
    pub fn parse(input: &[u8]) -> Self {
        let (&flags, mut rest) = input.split_first().unwrap_or((&0, &[]));
        let mut pieces = Vec::new();
        while let Some((&[kind, low, high], after)) = rest.split_first_chunk::<3>()
            && pieces.len() < 16
        {
            let length = usize::from(u16::from_le_bytes([low, high])).min(after.len());
            pieces.push((Kind::of(kind), after[..length].to_vec()));
            rest = &after[length..];
        }
        Self { flags, pieces }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.flags];
        for (kind, piece) in &self.pieces {
            let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
            bytes.push(kind.byte());
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&piece[..usize::from(length)]);
        }
        bytes
    }

    /// Whether the manifest may say what no writer says.
    pub fn patched(&self) -> bool {
        self.pieces.iter().any(|(kind, _)| matches!(kind, Kind::Patch | Kind::Manifest))
    }

    /// The files, in an index with so many shards.
    pub fn files(self, shards: u16) -> Files {
        let mut plan = Plan::new(&self, shards);
        for (kind, bytes) in self.pieces {
            plan.add(kind, bytes);
        }
        plan.finish()
    }
}

/// Contents by path inside the index.
pub struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.0.get(path).map(Vec::as_slice)
    }

    /// As an input again, with the same flags; the manifest is left out.
    pub fn encode(&self, flags: u8) -> Vec<u8> {
        let kind = |path: &str| match path.split_once('-')?.0 {
            "seg" => Some(Kind::Segment),
            "tomb" => Some(Kind::Tombstones),
            "erased" => Some(Kind::Erasures),
            _ => Some(Kind::Log(u16::from(path.starts_with("shard-01")))),
        };
        let mut pieces: Vec<(u64, Kind, &Vec<u8>)> =
            self.0.iter().filter_map(|(path, bytes)| Some((get(bytes, 32, 8), kind(path)?, bytes))).collect();
        pieces.sort_by_key(|piece| piece.0);
        let pieces = pieces.into_iter().map(|(_, kind, bytes)| (kind, bytes.clone())).collect();
        Input { flags, pieces }.encode()
    }

    pub fn write(&self, to: &Path) {
        for (path, content) in &self.0 {
            let path = to.join(path);
            fs::create_dir_all(path.parent().expect("inside the index")).expect("making a directory");
            fs::write(path, content).expect("writing a file");
        }
    }
}

struct Plan {
    mend: Mend,
    flags: u8,
    dimension: u64,
    next: u64,
    files: BTreeMap<String, Vec<u8>>,
    segments: Vec<Segment>,
    /// File, segment, dead rows.
    tombstones: Vec<[u64; 3]>,
    /// File, records.
    erasures: Vec<[u64; 2]>,
    /// Last sequence and files.
    shards: Vec<(u64, Vec<u64>)>,
    patches: Vec<(usize, u64)>,
    manifest: Option<Vec<u8>>,
}

impl Plan {
    fn new(input: &Input, shards: u16) -> Self {
        let segment = input.pieces.iter().find(|piece| piece.0 == Kind::Segment);
        // Where the footer has it.
        let wanted = segment.map_or(0, |(_, bytes)| get(bytes, bytes.len().wrapping_sub(40), 4));
        Self {
            mend: Mend::of(input.flags),
            flags: input.flags,
            dimension: if (1..=4096).contains(&wanted) { wanted } else { 3 },
            next: 1,
            files: BTreeMap::new(),
            segments: Vec::new(),
            tombstones: Vec::new(),
            erasures: Vec::new(),
            shards: vec![(0, Vec::new()); shards.into()],
            patches: Vec::new(),
            manifest: None,
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    fn add(&mut self, kind: Kind, mut bytes: Vec<u8>) {
        let mend = self.mend;
        match kind {
            Kind::Segment => {
                let number = self.number();
                self.segments.push(format::segment(&mut bytes, number, mend));
                self.files.insert(format!("seg-{number:010}.seg"), bytes);
            }
            Kind::Tombstones => {
                let number = self.number();
                let (segment, rows) = self.segments.last().map_or((0, 0), |last| (last.number, last.rows));
                let dead = format::tombstones(&mut bytes, number, segment, rows, mend);
                self.tombstones.push([number, segment, dead]);
                self.files.insert(format!("tomb-{number:010}.tomb"), bytes);
            }
            Kind::Erasures => {
                let number = self.number();
                self.erasures.push([number, format::erasures(&mut bytes, number, mend)]);
                self.files.insert(format!("erased-{number:010}.list"), bytes);
            }
            Kind::Log(shard) => self.add_log(usize::from(shard), bytes, mend),
            Kind::Patch => {
                let (patches, _) = bytes.as_chunks::<10>();
                let patches = patches.iter().map(|patch| (get(patch, 0, 2) as usize, get(patch, 2, 8)));
                self.patches.extend(patches.take(8));
            }
            Kind::Stray => drop(self.files.insert(stray(bytes.first().copied().unwrap_or(0)), bytes)),
            Kind::Manifest => self.manifest = Some(bytes),
        }
    }

    fn add_log(&mut self, shard: usize, mut bytes: Vec<u8>, mend: Mend) {
        let shard = shard % self.shards.len();
        let number = self.number();
        let (last, files) = &mut self.shards[shard];
        *last = format::log(&mut bytes, number, *last, self.dimension, mend);
        files.push(number);
        self.files.insert(format!("shard-{shard:02}/wal-{number:010}.log"), bytes);
    }

    fn finish(mut self) -> Files {
        for shard in 0..self.shards.len() {
            if self.shards[shard].1.is_empty() {
                self.add_log(shard, Vec::new(), Mend::Places);
            }
        }
        let manifest = match self.manifest.take() {
            Some(mut bytes) => {
                format::manifest(&mut bytes, self.mend);
                bytes
            }
            None => self.encode(),
        };
        self.files.insert("MANIFEST".into(), manifest);
        Files(self.files)
    }

    /// The manifest that fits the files, patched.
    fn encode(&self) -> Vec<u8> {
        let when: u32 = if self.flags & GRAPHS == 0 { 0 } else { 2 };
        let mut body = Body(Vec::new());
        body.numbers(&[self.dimension]);
        body.bytes(&(self.shards.len() as u16).to_le_bytes());
        body.numbers(&[0, 1000]); // no label; rows of a buffer
        body.bytes(&[0]);
        body.bytes(&when.to_le_bytes());
        body.bytes(&[4, 0, 20, 0]);
        body.numbers(&[self.next, self.segments.len() as u64]);
        for Segment { number, rows, length, digest, .. } in &self.segments {
            body.numbers(&[*number, *rows, *length]);
            body.bytes(digest);
        }
        body.list(&self.tombstones);
        body.list(&self.erasures);
        body.numbers(&[self.shards.len() as u64]);
        for (last, files) in &self.shards {
            body.numbers(&[0, if self.flags & UNVOUCHED == 0 { *last } else { 0 }, files.len() as u64]);
            body.numbers(files);
            body.numbers(&[*last]); // the caller's watermark
        }
        let Body(mut body) = body;
        for &(at, number) in &self.patches {
            put(&mut body, at, 8, number);
        }
        let mut bytes = vec![0; 68];
        put(&mut bytes, 8, 2, 2); // the version
        put(&mut bytes, 40, 8, 3); // the epoch
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(&[0; 4]);
        format::manifest(&mut bytes, Mend::Places);
        debug_assert_eq!(bytes[16..32], INDEX);
        bytes
    }
}

struct Body(Vec<u8>);

impl Body {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn numbers<'a>(&mut self, numbers: impl IntoIterator<Item = &'a u64>) {
        numbers.into_iter().for_each(|number| self.bytes(&number.to_le_bytes()));
    }

    fn list<const N: usize>(&mut self, items: &[[u64; N]]) {
        self.numbers(&[items.len() as u64]);
        self.numbers(items.iter().flatten());
    }
}

/// Names that an interrupted write, another program or a user may leave.
fn stray(pick: u8) -> String {
    const NAMES: [&str; 10] = [
        "tmp-MANIFEST",
        "tmp-seg-0000000099.seg",
        "seg-0000000099.seg",
        "tomb-0000000099.tomb",
        "erased-0000000099.list",
        "shard-00/wal-0000000099.log",
        "shard-00/tmp-wal-0000000100.log",
        "seg-9223372036854775806.seg",
        "shard-07/wal-4611686018427387903.log",
        "notes.txt",
    ];
    NAMES[usize::from(pick) % NAMES.len()].into()
}
