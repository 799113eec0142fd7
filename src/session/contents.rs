//! Photos with equal bytes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::image::PhotoHash;

/// The first photo of each content: its path, and what it stands for, such as a person.
#[derive(Debug)]
pub(super) struct Contents<T>(HashMap<PhotoHash, (T, String)>);

impl<T> Default for Contents<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Contents<T> {
    /// An earlier photo with these bytes; `None` if this is the first one. Photos without a hash are not compared.
    pub(super) fn enter(&mut self, hash: Option<PhotoHash>, label: T, path: &str) -> Option<(&T, &str)> {
        match self.0.entry(hash?) {
            Entry::Vacant(vacant) => {
                vacant.insert((label, path.to_owned()));
                None
            }
            Entry::Occupied(first) => {
                let (label, path) = first.into_mut();
                Some((label, path))
            }
        }
    }
}
