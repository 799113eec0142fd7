//! Segments: sealed rows, immutable, mapped, every byte covered by a checksum.

pub(crate) mod graph;
pub(crate) mod l0;
pub(crate) mod layout;
pub(crate) mod reader;
mod statistics;
pub(crate) mod writer;

#[cfg(test)]
mod tests;

pub(crate) use reader::Segment;
