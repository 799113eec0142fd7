//! The promises of the index, each attacked from outside.

mod concurrency;
mod corruption;
mod crash;
mod full_disk;
mod model;
mod opening;
mod oracle;
mod search;
mod torn;
