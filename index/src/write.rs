//! Writing: from a call to rows that are durable, visible, sealed and compacted.
//!
//! [`writers`] is the write side of an open index. [`insertion`] cuts a batch into transactions,
//! [`reservation`] keeps an id from being inserted twice at once, [`shard`] appends to a log and orders
//! commits. In the background, [`sealing`] turns full buffers into segments, [`syncing`] syncs for those who
//! do not wait, [`compaction`] merges segments; [`requests`] carries what they are asked to do. [`logs`] is
//! what an open index knows of its logs, whether it writes them or only read them.
//!
//! It changes the store and asks for nothing else. It never knows how an index is found, recovered, checked or
//! copied, nor how it is searched.

pub(crate) mod compaction;
pub(crate) mod insertion;
mod locks;
pub(crate) mod logs;
pub(crate) mod requests;
mod reservation;
mod sealing;
pub(crate) mod shard;
mod syncing;
pub(crate) mod writers;
