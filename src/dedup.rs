//! Duplicates: one thing that is there twice, and two things that are taken for one.
//!
//! [`subjects`] finds them among the subjects of a gallery, from scores alone. The rest is about photos.
//!
//! Copies of a photo, from exact ones to crops, turns and changes of colour:
//!
//! ```text
//! files -> items (photos with sidecars, raw files, videos)
//!   |
//!   +-> examination: content hash, thumbnail, signature (all in a cache)
//!          |
//!          +-> multi-index of hashes -> comparison of thumbnails -> groups -> keep rules -> plan -> application, undo
//! ```
//!
//! Animations, files of several pages and camera raw files are copies of equal bytes only: of these, a part is compared, such as the preview
//! of a raw file. A photo that holds more than its picture (a motion photo, a stereo photo) is never moved for another file.
//!
//! Memory grows with the number of photos (about 600 bytes each) and not with the number of pairs; thumbnails stay in the cache.

mod alignment;
pub mod application;
mod between;
mod blocks;
mod border;
mod burst;
pub mod cache;
mod colours;
mod comparison;
mod compatibility;
mod contents;
mod database;
pub mod decisions;
mod detail;
mod disposal;
mod draft;
mod drawing;
mod enlargement;
mod equations;
mod error;
mod examination;
mod extent;
mod files;
mod grouping;
mod hash;
mod hues;
mod item;
mod journal;
mod keep;
mod level;
mod luma;
mod moments;
mod multi_index;
mod orientation;
mod origin;
pub mod plan;
mod planning;
mod recent;
mod recompression;
mod relation;
mod signature;
mod star;
pub mod subjects;
#[cfg(test)]
mod tests;
mod thumbnail;
mod tones;
mod union;
mod vectors;

pub use disposal::Disposal;
pub use error::{DedupError, Result};
pub use keep::{DEFAULT as KEEP, Keep};
pub use planning::{PlanRequest, Planned, plan};
