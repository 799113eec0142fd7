//! Immutable snapshots for readers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::Error;
use crate::query::Query;
use crate::row::Stored;

pub(crate) type Rows = BTreeMap<u64, (u64, Vec<f32>)>;

/// An immutable snapshot of an index.
#[derive(Clone)]
pub struct View {
    pub(crate) rows: Arc<Rows>,
    pub(crate) dimension: usize,
}

impl View {
    /// Live rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no row is live.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Components of a vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Whether a row with this id is live.
    pub fn contains(&self, id: u64) -> bool {
        self.rows.contains_key(&id)
    }

    /// The live row with this id.
    pub fn get(&self, id: u64) -> Option<Stored> {
        self.rows.get(&id).map(|(group, vector)| Stored { id, group: *group, vector: vector.clone() })
    }

    /// The ids of the live rows of a group, ascending.
    pub fn group_ids(&self, group: u64) -> Vec<u64> {
        self.rows.iter().filter(|(_, row)| row.0 == group).map(|(id, _)| *id).collect()
    }

    /// Every live row, in no particular order.
    pub fn rows(&self) -> impl Iterator<Item = Stored> + '_ {
        self.rows.iter().map(|(id, (group, vector))| Stored { id: *id, group: *group, vector: vector.clone() })
    }

    /// Begins a search.
    ///
    /// # Errors
    /// The vector has the wrong dimension, is not finite or not of length 1.
    pub fn query(&self, vector: &[f32]) -> Result<Query<'_>, Error> {
        if vector.len() != self.dimension {
            return Err(Error::WrongDimension { row: 0, expected: self.dimension, got: vector.len() });
        }
        Ok(Query::new(self, vector))
    }
}
