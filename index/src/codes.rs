//! Vectors as numbers: scalar products, and short codes that estimate or bound them.
//!
//! [`kernels`] holds the loops for each instruction set, among them [`dot`](kernels::dot), the one score
//! function of the crate. [`l0`] holds the codes of at most 64 bytes a row that bound a score (candidate
//! pruning), [`sq8`] those of one byte a component (refinement and graphs). [`ordered`] compares scores as
//! integers.
//!
//! It works on slices that others own. It never knows rows, ids, files, segments or searches, and it cannot
//! fail. `unsafe` is allowed in the kernels only.

pub(crate) mod kernels;
pub(crate) mod l0;
pub(crate) mod ordered;
pub(crate) mod sq8;
