//! The promises of the index, each attacked from outside.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod architecture;
mod compaction;
mod concurrency;
mod corruption;
mod crash;
mod full_disk;
#[allow(dead_code)] // its mutations are for the fuzzer
#[path = "../../fuzz/src/lib.rs"]
mod fuzz;
mod fuzzed;
mod golden;
mod graph;
mod join;
mod lengths;
mod limits;
mod model;
mod opening;
mod oracle;
mod planner;
#[path = "../../src/random.rs"]
mod random;
mod scan;
mod search;
mod snapshot;
mod torn;
mod upsert;
mod using;
mod watermarks;
