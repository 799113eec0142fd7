//! A durable, memory-mapped vector index with sharded writes.
#![deny(missing_docs)]
#![deny(unsafe_code)]

mod error;
mod index;
mod options;
mod query;
mod report;
mod row;
mod view;

pub use error::Error;
pub use index::Index;
pub use options::{MAX_BUFFER_BYTES, MAX_DIMENSION, MAX_LABEL, MAX_SHARDS, Options};
pub use query::{Answer, Hit, Mode, Query, dot};
pub use report::{CheckReport, CheckedFile, Problem, Stats};
pub use row::{Durability, Receipt, Row, Stored};
pub use view::View;
