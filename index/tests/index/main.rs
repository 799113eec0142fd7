//! The promises of the index, each attacked from outside.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod compaction;
mod concurrency;
mod corruption;
mod crash;
mod full_disk;
mod golden;
mod graph;
mod limits;
mod model;
mod opening;
mod oracle;
mod search;
mod snapshot;
mod torn;
