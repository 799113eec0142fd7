//! Searching an index: views, selections, plans, and the ways of finding the best rows.
//!
//! A [`View`] is an immutable snapshot. [`view`] looks rows up, [`selection`] chooses some, [`query`] puts a
//! search together. [`planner`] picks a way by its cost. [`scan`] scores every row by its vector; [`pruning`]
//! bounds every row by its code and scores the candidates that are left (candidate pruning and refinement);
//! [`walk`] searches the graphs. [`complete`] joins the first two, [`execute`] runs whatever was planned, and
//! [`stream`] returns hits one by one, and [`join`] finds all pairs of rows that score above a threshold.
//!
//! It reads a state that others made. It never knows how rows are written, sealed or compacted, which files a
//! commit names, or whether the index is open for writing.

mod answer;
mod complete;
mod costs;
mod execute;
mod filter;
mod found;
mod join;
mod plan;
mod planner;
mod pruning;
mod query;
mod rank;
mod scan;
mod selection;
mod stream;
mod view;
mod walk;

pub use answer::{Answer, Certificate, Hit, Mode};
pub use costs::measure_costs;
pub use join::{Join, JoinReport, Pair, PairGroups, Products, Side, Tile};
pub use planner::Cost;
pub use query::{Batch, Query};
pub use selection::Selection;
pub use stream::RangeStream;
pub use view::{Salvage, View};
