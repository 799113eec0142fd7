//! What is done to an index as a whole: making, recovering, checking and copying one.
//!
//! [`creation`] puts a new directory together beside its place and renames it. [`recovery`] reads an index
//! back after any end of its owner. [`check`] verifies every byte. [`snapshot`] copies an index that is in
//! use, and copies one back.
//!
//! It knows the files and the logs' ends. It never knows what is searched, and it inserts and deletes nothing.

pub(crate) mod check;
pub(crate) mod creation;
pub(crate) mod recovery;
pub(crate) mod snapshot;
