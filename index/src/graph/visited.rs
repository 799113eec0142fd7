//! The set of nodes that a search has visited.

use std::sync::{Mutex, PoisonError};

/// Marks that are cleared by counting up, so that a search touches only what it visits.
#[derive(Default)]
pub(crate) struct Visited {
    epoch: u8,
    /// One byte each: every access can be a cache miss.
    marks: Vec<u8>,
}

impl Visited {
    /// Marks a node; says whether it was not marked before.
    pub(super) fn insert(&mut self, node: u32) -> bool {
        let mark = &mut self.marks[node as usize];
        std::mem::replace(mark, self.epoch) != self.epoch
    }

    fn clear(&mut self, nodes: usize) {
        if self.marks.len() < nodes {
            self.marks.resize(nodes, self.epoch);
        }
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            self.marks.fill(0);
            self.epoch = 1;
        }
    }
}

/// Tables that are used again, as many as searches ever ran at once.
#[derive(Default)]
pub(crate) struct Pool(Mutex<Vec<Visited>>);

impl Pool {
    /// Lends an empty table for so many nodes.
    pub(super) fn with<T>(&self, nodes: usize, work: impl FnOnce(&mut Visited) -> T) -> T {
        let lent = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut visited = lent.unwrap_or_default();
        visited.clear(nodes);
        let done = work(&mut visited);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(visited);
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lent_table_is_empty_whatever_came_before() {
        let pool = Pool::default();
        for (round, nodes) in [5, 3, 9, 9].into_iter().enumerate() {
            pool.with(nodes, |visited| {
                assert!((0..nodes as u32).all(|node| visited.insert(node)));
                assert!((0..nodes as u32).all(|node| !visited.insert(node)));
                if round == 0 {
                    visited.epoch = u8::MAX - 1; // so that the next but one begins again
                }
            });
        }
    }
}
