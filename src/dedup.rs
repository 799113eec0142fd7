//! Duplicates: one thing that is there twice, and two things that are taken for one.
//!
//! [`subjects`] finds them among the subjects of a gallery, from scores alone. Nothing is searched or read here.

pub mod subjects;
