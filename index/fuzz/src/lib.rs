//! What the fuzz targets do with an input. It knows the format from FORMAT.md and the crate from outside, so that the
//! crate's own tests can do the same with the corpus on a stable compiler.

pub mod attack;
pub mod directory;
pub mod format;
pub mod mutate;
pub mod operations;
pub mod seeds;
