//! The write-ahead log of a shard.
//!
//! A shard's log is a chain of files that the manifest lists in order. Only the last is written to. Frames
//! carry consecutive sequence numbers across files and, inside a file, a checksum that continues the previous
//! frame's: a frame is only valid after its predecessor, in its file, in its index.

pub(crate) mod frame;
pub(crate) mod reader;
pub(crate) mod writer;

#[cfg(test)]
mod tests;
