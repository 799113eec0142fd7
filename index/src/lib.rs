#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod background;
mod codes;
mod control;
mod error;
mod graph;
mod index;
mod maintenance;
mod options;
#[cfg(test)]
mod random;
mod report;
mod row;
mod search;
mod storage;
mod write;

#[cfg(target_endian = "big")]
compile_error!("segments are mapped as they lie on disk, which is little-endian");

pub use codes::kernels::dot;
pub use control::{Control, Progress};
pub use error::Error;
pub use index::Index;
pub use options::{
    Access, GraphOptions, GraphWhen, Lengths, MAX_BUFFER_BYTES, MAX_DIMENSION, MAX_LABEL, MAX_SHARDS,
    OpenOptions, Options,
};
pub use report::{
    CheckReport, CheckedFile, Compaction, GraphStats, ProbeStats, Problem, PurgeReceipt, RestoreReport,
    SegmentStats, SnapshotReport, Stats,
};
pub use row::{Durability, Receipt, Row, SYNC_INTERVAL, Stored};
pub use search::{
    Answer, Batch, Certificate, Cost, Hit, Join, JoinReport, Mode, Pair, PairGroups, Products, Query,
    RangeStream, Salvage, Selection, Side, Tile, View, measure_costs,
};
pub use storage::erasure::Erasures;
