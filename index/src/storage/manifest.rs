//! The manifest: the file that names what belongs to the index. It is the only commit point.
//!
//! It is never changed in place. Each change writes a new file, syncs it, renames it over the old one and
//! syncs the directory. The epoch grows by one each time.
//!
//! ```text
//!  0  header (kind 1, sequence = epoch)   64
//! 64  length of the body                   4   at most MAX_BODY
//! 68  body                                     bincode 2, little-endian, fixed-width integers
//!     CRC-32C of everything before         4
//! ```
//! It is never changed in place: each change writes a new file, syncs it, renames it over the old one and
//! syncs the directory. Its epoch grows by one each time.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::{Decode, Encode};

use crate::error::Error;
use crate::options::{GraphOptions, GraphWhen, Lengths, Options};
use crate::storage::file::header::{self, Header, Kind};
use crate::storage::file::{self, PublishError, checksum, damaged, name};

/// Epochs, sequences and file numbers stay below this: no index lives that long, and nothing that counts up
/// overflows.
pub(crate) const COUNTERS: u64 = 1 << 62;
/// Bytes of a body, at most.
const MAX_BODY: usize = 16 << 20;
const CODEC: Configuration<LittleEndian, Fixint, Limit<MAX_BODY>> =
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<MAX_BODY>();

/// Everything that belongs to the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// Drawn at creation, in every file.
    pub(crate) index: [u8; 16],
    /// Grows with every change.
    pub(crate) epoch: u64,
    pub(crate) body: Body,
}

/// What a manifest says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) options: Options,
    /// File numbers from here on were never used.
    pub(crate) next_file: u64,
    pub(crate) segments: Vec<SegmentEntry>,
    pub(crate) tombstones: Vec<TombstoneEntry>,
    pub(crate) erasures: Vec<ErasureEntry>,
    /// One for each shard.
    pub(crate) shards: Vec<ShardEntry>,
}

/// A segment file.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SegmentEntry {
    pub(crate) file: u64,
    pub(crate) rows: u64,
    pub(crate) length: u64,
    /// XXH3-128 of all bytes before the footer.
    pub(crate) digest: [u8; 16],
}

/// A tombstone file.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct TombstoneEntry {
    pub(crate) file: u64,
    /// The segment whose rows are dead.
    pub(crate) segment: u64,
    /// How many of them.
    pub(crate) dead: u64,
}

/// A file of deletions that left the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ErasureEntry {
    pub(crate) file: u64,
    pub(crate) records: u64,
}

/// A shard's log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ShardEntry {
    /// Everything up to this sequence is in segments and tombstones.
    pub(crate) sealed: u64,
    /// Everything up to this sequence was on disk when this was written, at a seal or when the index was
    /// closed: a log that ends before it has lost something.
    pub(crate) durable: u64,
    /// Its files in order; the first frame of the first one has sequence `sealed + 1`.
    pub(crate) logs: Vec<u64>,
    /// The caller's highest watermark up to `sealed`; 0 if there was none.
    pub(crate) watermark: u64,
}

/// The body as it lies on disk, encoded with bincode.
#[derive(Encode, Decode)]
struct StoredBody<Shard> {
    options: StoredOptions,
    next_file: u64,
    segments: Vec<SegmentEntry>,
    tombstones: Vec<TombstoneEntry>,
    erasures: Vec<ErasureEntry>,
    shards: Vec<Shard>,
}

#[derive(Encode, Decode)]
struct StoredOptions {
    dimension: usize,
    shards: u16,
    label: String,
    seal_rows: usize,
    background_compaction: bool,
    /// 0 never, 1 auto, 2 always.
    graph_when: u32,
    graph_degree: u16,
    graph_build_width: u16,
}

/// The body in format version 3: what is new, then the body as before.
#[derive(Encode, Decode)]
struct StoredBodyV3 {
    any_length: bool,
    body: StoredBody<ShardEntry>,
}

/// A shard's log in format version 1, which knows no watermarks.
#[derive(Decode)]
struct ShardEntryV1 {
    sealed: u64,
    durable: u64,
    logs: Vec<u64>,
}

impl From<ShardEntryV1> for ShardEntry {
    fn from(ShardEntryV1 { sealed, durable, logs }: ShardEntryV1) -> Self {
        Self { sealed, durable, logs, watermark: 0 }
    }
}

impl From<&Options> for StoredOptions {
    fn from(options: &Options) -> Self {
        let &Options { dimension, shards, seal_rows, background_compaction, graph, .. } = options;
        let graph_when = match graph.when {
            GraphWhen::Never => 0,
            GraphWhen::Auto => 1,
            GraphWhen::Always => 2,
        };
        let (graph_degree, graph_build_width) = (graph.degree, graph.build_width);
        let label = options.label.clone();
        Self {
            dimension,
            shards,
            label,
            seal_rows,
            background_compaction,
            graph_when,
            graph_degree,
            graph_build_width,
        }
    }
}

impl StoredOptions {
    /// The options; an error says what was expected.
    fn read(self) -> Result<Options, &'static str> {
        let when = match self.graph_when {
            0 => GraphWhen::Never,
            1 => GraphWhen::Auto,
            2 => GraphWhen::Always,
            _ => return Err("graphs never, auto or always"),
        };
        let graph = GraphOptions { when, degree: self.graph_degree, build_width: self.graph_build_width };
        Ok(Options::new(self.dimension)
            .shards(self.shards)
            .label(self.label)
            .seal_rows(self.seal_rows)
            .background_compaction(self.background_compaction)
            .graph(graph))
    }
}

impl StoredBodyV3 {
    fn read(self) -> Result<Body, &'static str> {
        let mut body = self.body.read()?;
        body.options.lengths = if self.any_length { Lengths::Any } else { Lengths::Unit };
        Ok(body)
    }
}

impl<Shard: Into<ShardEntry>> StoredBody<Shard> {
    fn read(self) -> Result<Body, &'static str> {
        let Self { options, next_file, segments, tombstones, erasures, shards } = self;
        let shards = shards.into_iter().map(Into::into).collect();
        Ok(Body { options: options.read()?, next_file, segments, tombstones, erasures, shards })
    }
}

impl Body {
    fn stored(&self) -> StoredBody<ShardEntry> {
        let Self { options, next_file, segments, tombstones, erasures, shards } = self.clone();
        StoredBody { options: (&options).into(), next_file, segments, tombstones, erasures, shards }
    }

    /// Every file that it names, and the manifest and the lock.
    pub(crate) fn files(&self, directory: &Path) -> HashSet<PathBuf> {
        let mut files: HashSet<PathBuf> =
            [name::MANIFEST, name::LOCK].map(|name| directory.join(name)).into();
        files.extend(self.segments.iter().map(|entry| directory.join(name::segment(entry.file))));
        files.extend(self.tombstones.iter().map(|entry| directory.join(name::tombstones(entry.file))));
        files.extend(self.erasures.iter().map(|entry| directory.join(name::erasures(entry.file))));
        for (shard, entry) in (0..).zip(&self.shards) {
            let folder = name::shard(directory, shard);
            files.extend(entry.logs.iter().map(|&number| folder.join(name::log(number))));
        }
        files
    }
}

impl Manifest {
    /// Replaces the manifest on disk.
    pub(crate) fn publish(&self, directory: &Path) -> Result<(), PublishError> {
        let path = directory.join(name::MANIFEST);
        let bytes = self.encode(&path).map_err(PublishError::Unchanged)?;
        file::publish(directory, name::MANIFEST, &bytes)
    }

    fn encode(&self, path: &Path) -> Result<Vec<u8>, Error> {
        let header =
            Header { kind: Kind::Manifest, index: self.index, file: 0, sequence: self.epoch, salt: 0 };
        let (version, body) = match self.body.options.lengths {
            Lengths::Unit => (header::VERSION, bincode::encode_to_vec(self.body.stored(), CODEC)),
            Lengths::Any => {
                let body = StoredBodyV3 { any_length: true, body: self.body.stored() };
                (header::NEWEST, bincode::encode_to_vec(body, CODEC))
            }
        };
        let body = body.map_err(|error| too_large(path, error))?;
        if body.len() > MAX_BODY {
            return Err(too_large(path, format!("{} bytes", body.len())));
        }
        let mut bytes = header.encode_version(version).to_vec();
        bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&body);
        checksum::append(&mut bytes);
        Ok(bytes)
    }

    /// Reads the manifest of a directory.
    pub(crate) fn load(directory: &Path) -> Result<Self, Error> {
        let path = directory.join(name::MANIFEST);
        if !path.is_file() {
            return Err(Error::NotAnIndex { path: directory.to_owned() });
        }
        Self::parse(&file::read_small(&path, (MAX_BODY + 128) as u64)?, &path)
    }

    fn parse(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let header = Header::parse(bytes, path, Kind::Manifest)?;
        let content = checksum::verify(bytes, path)?;
        let framed = content.get(header::LENGTH..).and_then(|rest| rest.split_first_chunk::<4>());
        let Some((length, body)) =
            framed.filter(|(length, body)| u32::from_le_bytes(**length) as usize == body.len())
        else {
            return Err(damaged(path, header::LENGTH, "the length of the body", "another length"));
        };
        let at = header::LENGTH + length.len();
        let decoded = match Header::version(bytes) {
            1 => bincode::decode_from_slice::<StoredBody<ShardEntryV1>, _>(body, CODEC)
                .map(|(body, used)| (body.read(), used)),
            2 => bincode::decode_from_slice::<StoredBody<ShardEntry>, _>(body, CODEC)
                .map(|(body, used)| (body.read(), used)),
            _ => bincode::decode_from_slice::<StoredBodyV3, _>(body, CODEC)
                .map(|(body, used)| (body.read(), used)),
        };
        let (decoded, used) = decoded.map_err(|error| damaged(path, at, "a manifest body", error))?;
        let decoded = decoded.map_err(|expected| damaged(path, at, expected, "another number"))?;
        if used != body.len() || decoded.shards.len() != usize::from(decoded.options.shards) {
            return Err(damaged(
                path,
                at,
                "a manifest body and nothing after it",
                format!("{used} of {} bytes", body.len()),
            ));
        }
        let counters = decoded.shards.iter().flat_map(|shard| [shard.sealed, shard.durable]);
        let counters = counters.chain([header.sequence, decoded.next_file]);
        if let Some(counter) = counters.into_iter().find(|&counter| counter >= COUNTERS) {
            return Err(damaged(path, at, "counters that can still be counted up", counter));
        }
        decoded.options.validate().map_err(|error| damaged(path, at, "options in their ranges", error))?;
        Ok(Self { index: header.index, epoch: header.sequence, body: decoded })
    }
}

fn too_large(path: &Path, error: impl ToString) -> Error {
    Error::Io {
        path: path.to_owned(),
        action: "encoding the manifest",
        source: std::io::Error::other(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Manifest {
        let body = Body {
            options: Options::new(3).label("encoder").shards(2),
            next_file: 12,
            segments: vec![SegmentEntry { file: 4, rows: 10, length: 999, digest: [9; 16] }],
            tombstones: vec![TombstoneEntry { file: 5, segment: 4, dead: 2 }],
            erasures: vec![ErasureEntry { file: 6, records: 3 }],
            shards: vec![
                ShardEntry { sealed: 77, durable: 80, logs: vec![8, 9], watermark: 5 },
                ShardEntry::default(),
            ],
        };
        Manifest { index: [3; 16], epoch: 6, body }
    }

    #[test]
    fn a_manifest_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(Manifest::load(directory.path()), Err(Error::NotAnIndex { .. })));
        sample().publish(directory.path()).unwrap();
        assert_eq!(Manifest::load(directory.path()).unwrap(), sample());
        let mut next = sample();
        next.epoch += 1;
        next.publish(directory.path()).unwrap();
        assert_eq!(Manifest::load(directory.path()).unwrap(), next);
    }

    #[test]
    fn only_indexes_with_lengths_are_of_the_newest_version() {
        let path = Path::new("m");
        let mut manifest = sample();
        assert_eq!(Header::version(&manifest.encode(path).unwrap()), 2);
        manifest.body.options.lengths = Lengths::Any;
        let bytes = manifest.encode(path).unwrap();
        assert_eq!(Header::version(&bytes), 3);
        assert_eq!(Manifest::parse(&bytes, path).unwrap(), manifest);
    }

    #[test]
    fn every_change_is_noticed() {
        let path = Path::new("m");
        let bytes = sample().encode(path).unwrap();
        for position in 0..bytes.len() {
            for value in [0x01, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[position] ^= value;
                assert!(Manifest::parse(&changed, path).is_err(), "byte {position}");
            }
            assert!(Manifest::parse(&bytes[..position], path).is_err(), "length {position}");
        }
    }

    #[test]
    fn a_body_that_is_none_is_named_where_it_begins() {
        let path = Path::new("m");
        let mut bytes = sample().encode(path).unwrap();
        let end = bytes.len() - 4;
        bytes[header::LENGTH + 4..end].fill(0xff);
        let checksum = crc32c::crc32c(&bytes[..end]);
        bytes[end..].copy_from_slice(&checksum.to_le_bytes());
        let error = Manifest::parse(&bytes, path).err();
        assert!(matches!(&error, Some(Error::Damaged { offset: 68, .. })), "{error:?}");
    }
}
