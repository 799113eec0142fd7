//! Snapshots: the content of a store at one moment, for reading and searching.

use std::any::Any;
use std::ops::Deref;
use std::sync::Arc;

use super::error::{Result, VectorError, VectorErrorKind};
use super::{Answer, Join, Mode, PairSink};

/// A copy of a stored row.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The template's id.
    pub id: u64,
    /// Its subject, or its own key.
    pub subject: u64,
    /// The vector, bit by bit as inserted.
    pub vector: Vec<f32>,
}

/// An iterator of rows. A damaged row is an error, and the iteration continues.
pub type Rows<'a> = Box<dyn Iterator<Item = Result<Stored, VectorError>> + 'a>;

/// An iterator of one result per requested id. A damaged row is an error, and the iteration continues.
pub type Lookups<'a> = Box<dyn Iterator<Item = Result<Option<Stored>, VectorError>> + 'a>;

/// All writes that were acknowledged before the snapshot was made, and nothing else. It never changes, and stays valid after the store is
/// closed. It still contains rows that are deleted later, and keeps their files in use.
pub trait Snapshot: Send + Sync {
    /// Number of rows.
    fn len(&self) -> usize;

    /// Whether there are no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ids that no row has, in their order.
    ///
    /// # Errors
    /// The store is failing.
    fn absent(&self, ids: &[u64]) -> Result<Vec<u64>>;

    /// Whether a row has this id.
    ///
    /// # Errors
    /// The store is failing.
    fn contains(&self, id: u64) -> Result<bool> {
        Ok(self.absent(&[id])?.is_empty())
    }

    /// The rows with these ids, in their order; `None` for an id that no row has. A remote store reads them in blocks.
    ///
    /// # Errors
    /// For each id: its row is damaged, or the store is failing.
    fn vectors<'a>(&'a self, ids: &'a [u64]) -> Lookups<'a>;

    /// The row with this id; `None` if there is none.
    ///
    /// # Errors
    /// It is damaged; the store is failing.
    fn get(&self, id: u64) -> Result<Option<Stored>> {
        self.vectors(&[id]).next().unwrap_or(Ok(None))
    }

    /// The ids of a subject's rows, ascending.
    ///
    /// # Errors
    /// The store is failing.
    fn ids_of(&self, subject: u64) -> Result<Vec<u64>>;

    /// Every row, in no particular order.
    fn rows(&self) -> Rows<'_>;

    /// This snapshot without the rows with these ids. The store does not change.
    ///
    /// # Errors
    /// The store is failing.
    fn without(&self, ids: &[u64]) -> Result<View>;

    /// Selects the rows of the subjects for which `passes` is true, for any number of searches of this snapshot.
    ///
    /// # Errors
    /// The store is failing.
    fn select(&self, passes: &dyn Fn(u64) -> bool) -> Result<Selection>;

    /// The `k` best rows for each probe, in the order of the probes.
    ///
    /// # Errors
    /// A probe does not fit (the error has its position as the row); an argument is outside its range; the selection is of another
    /// snapshot; a row is damaged; the store is failing.
    fn top(&self, query: &Query<'_>, k: usize) -> Result<Vec<Answer>>;

    /// The best row of each of the `k` best subjects, for each probe. A complete [`Mode`] returns exactly `k` hits, or as many as there are
    /// subjects.
    ///
    /// # Errors
    /// As [`top`](Self::top).
    fn top_subjects(&self, query: &Query<'_>, k: usize) -> Result<Vec<Answer>>;

    /// Every row with at least the score `min_score`, for each probe. It is complete in every [`Mode`].
    ///
    /// # Errors
    /// As [`top`](Self::top); `min_score` is not a number.
    fn range(&self, query: &Query<'_>, min_score: f32) -> Result<Vec<Answer>>;

    /// Gives every pair of rows with at least the score `min_score` to `sink`, each once, in no particular order. Returns whether these are
    /// all; `false` if the join was stopped. It needs no memory for the pairs.
    ///
    /// # Errors
    /// `min_score` is not a number; a row is damaged; the store or the device is failing.
    fn join(&self, join: Join<'_>, sink: PairSink<'_>) -> Result<bool>;
}

/// A [`Snapshot`] of some store. Cloning it is cheap.
#[derive(Clone)]
pub struct View(Arc<dyn Snapshot>);

impl View {
    /// A view of this snapshot.
    pub fn new(snapshot: impl Snapshot + 'static) -> Self {
        Self(Arc::new(snapshot))
    }
}

impl Deref for View {
    type Target = dyn Snapshot;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

/// A query: probes and options.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The probes, of the store's dimension and length 1. The rows are read once for several probes.
    pub probes: &'a [&'a [f32]],
    /// The search mode.
    pub mode: Mode,
    /// Probability that a row exactly at the threshold is missed, for a mode with probabilistic bounds, 1e-15 to 0.1: see
    /// [`Proof::Bounded`](super::Proof::Bounded).
    pub miss: Option<f64>,
    /// Required share of the hits, on average, for [`Mode::Auto`], 0 to 1. Range searches are complete anyway.
    pub recall: Option<f64>,
    /// Only these rows are searched.
    pub among: Option<&'a Selection>,
    /// A row that is ignored.
    pub except: Option<u64>,
    /// Whether a range search may leave out the best score if it is below the threshold, which is faster.
    pub hits_only: bool,
}

impl<'a> Query<'a> {
    /// A complete search of all rows.
    pub fn new(probes: &'a [&'a [f32]]) -> Self {
        let (mode, miss, recall) = (Mode::default(), None, None);
        Self { probes, mode, miss, recall, among: None, except: None, hits_only: false }
    }
}

/// Selected rows of a [`Snapshot`], in the representation of its store.
pub struct Selection(Box<dyn Any + Send + Sync>);

impl Selection {
    /// Wraps the representation of a store.
    pub fn new(selected: impl Any + Send + Sync) -> Self {
        Self(Box::new(selected))
    }

    /// The representation of the store.
    ///
    /// # Errors
    /// The selection is of another store's snapshot.
    pub fn downcast<T: Any>(&self) -> Result<&T, VectorError> {
        self.0.downcast_ref().ok_or_else(|| {
            let what = "the selection was made from a snapshot of another store";
            VectorError::new(VectorErrorKind::OtherSnapshot, what)
        })
    }
}
