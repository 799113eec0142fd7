#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod background;
mod buffer;
mod check;
mod compaction;
mod creation;
mod erasure;
mod error;
mod file;
mod graph;
mod index;
mod insertion;
mod kernels;
mod l0;
mod locks;
mod logs;
mod manifest;
mod mmap;
mod opening;
mod options;
mod ordered;
mod part;
mod query;
mod recovery;
mod report;
mod reservation;
mod row;
mod sealing;
mod segment;
mod selection;
mod shard;
mod snapshot;
mod sq8;
mod state;
mod store;
mod syncing;
mod tombstone;
mod view;
mod wal;
mod writing;

#[cfg(target_endian = "big")]
compile_error!("segments are mapped as they lie on disk, which is little-endian");

pub use erasure::Erasures;
pub use error::Error;
pub use index::Index;
pub use opening::{Access, OpenOptions};
pub use options::{GraphOptions, GraphWhen, MAX_BUFFER_BYTES, MAX_DIMENSION, MAX_LABEL, MAX_SHARDS, Options};
pub use query::{Answer, Batch, Certificate, Cost, Hit, Mode, Query, RangeStream, dot};
pub use report::{
    CheckReport, CheckedFile, Compaction, GraphStats, ProbeStats, Problem, PurgeReceipt, SegmentStats, Stats,
};
pub use row::{Durability, Receipt, Row, SYNC_INTERVAL, Stored};
pub use selection::Selection;
pub use snapshot::{RestoreReport, SnapshotReport};
pub use view::{Salvage, View};
