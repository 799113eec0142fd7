//! What the fuzz targets do with an input. It knows the format from FORMAT.md and the crate from outside, so that the
//! crate's own tests can do the same with the corpus on a stable compiler.

pub mod attack;
pub mod directory;
pub mod format;
pub mod mutate;
pub mod operations;
#[path = "../../src/random.rs"]
#[allow(clippy::duplicate_mod)] // the tests of the index include this crate and that file
mod random;
pub mod seeds;
