//! The files of an index and what they stand for in memory.
//!
//! [`file`] is the only way to the file system, [`mmap`] the only place that maps files. [`manifest`] names
//! what belongs to an index, [`wal`] holds the logs, [`segment`] the sealed rows, [`tombstone`] which of
//! those are deleted, [`erasure`] what an old copy must not bring back. [`buffer`] holds rows that are in no
//! segment yet, [`part`] is the common form of rows wherever they lie, [`state`] is all that is visible at
//! one moment, and [`store`] changes state and manifest, one commit at a time.
//!
//! It never knows when something is written, sealed or compacted, who waits for it, or how rows are searched.
//! It has no threads and no queues. `unsafe` is allowed in [`mmap`] only.

pub(crate) mod buffer;
pub(crate) mod erasure;
pub(crate) mod file;
pub(crate) mod manifest;
pub(crate) mod mmap;
pub(crate) mod part;
pub(crate) mod segment;
pub(crate) mod state;
pub(crate) mod store;
pub(crate) mod tombstone;
pub(crate) mod wal;
