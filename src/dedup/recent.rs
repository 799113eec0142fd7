//! The values that were needed last, within a bound of memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Values by the number of a picture. Threads share them.
pub(super) struct Recent<T> {
    values: Mutex<VecDeque<(usize, Arc<T>)>>,
    /// Bytes of all values; the last one is kept in any case.
    most: usize,
    /// Bytes of a value.
    size: fn(&T) -> usize,
}

impl<T> Recent<T> {
    pub fn new(most: usize, size: fn(&T) -> usize) -> Self {
        Self { values: Mutex::default(), most, size }
    }

    /// The value of a picture, if it is still here.
    pub fn get(&self, picture: usize) -> Option<Arc<T>> {
        self.lock().iter().find(|(known, _)| *known == picture).map(|(_, value)| value.clone())
    }

    /// Adds a value, and drops those that were added first.
    pub fn add(&self, picture: usize, value: T) -> Arc<T> {
        let value = Arc::new(value);
        let mut values = self.lock();
        values.push_front((picture, value.clone()));
        let mut bytes = 0;
        let is_kept = |(_, value): &(usize, Arc<T>)| {
            bytes += (self.size)(value);
            bytes <= self.most
        };
        let kept = values.iter().map(is_kept).take_while(|is_kept| *is_kept).count();
        values.truncate(kept.max(1));
        value
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(usize, Arc<T>)>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_values_are_dropped_and_the_last_one_stays() {
        let recent = Recent::new(10, Vec::<u8>::len);
        for (picture, bytes) in [(1, 4), (2, 6), (3, 1)] {
            recent.add(picture, vec![0; bytes]);
        }
        assert_eq!(
            [1, 2, 3].map(|picture| recent.get(picture).map(|value| value.len())),
            [None, Some(6), Some(1)]
        );
        recent.add(4, vec![0; 11]);
        assert_eq!([2, 3, 4].map(|picture| recent.get(picture).is_some()), [false, false, true]);
    }
}
