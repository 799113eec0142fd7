//! Reservations of ids: an id is claimed before the check that it is not live, and released when its row is
//! visible or certainly not written. Two concurrent inserts of one id cannot both pass.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

const STRIPES: usize = 64;

/// Claimed ids, in stripes so that writers seldom meet.
pub(crate) struct Reservations {
    stripes: [Stripe; STRIPES],
}

#[derive(Default)]
struct Stripe(Mutex<HashSet<u64>>);

impl Default for Reservations {
    fn default() -> Self {
        Self { stripes: std::array::from_fn(|_| Stripe::default()) }
    }
}

impl Reservations {
    /// Claims all ids, or none and says which position was taken. Ids must differ from each other.
    pub(crate) fn claim<'a>(&'a self, ids: &'a [u64]) -> Result<Claim<'a>, usize> {
        for (position, &id) in ids.iter().enumerate() {
            if !self.with(id, |stripe| stripe.insert(id)) {
                self.release(&ids[..position]);
                return Err(position);
            }
        }
        Ok(Claim { reservations: self, ids })
    }

    fn release(&self, ids: &[u64]) {
        for id in ids {
            self.with(*id, |stripe| stripe.remove(id));
        }
    }

    fn with<T>(&self, id: u64, act: impl FnOnce(&mut HashSet<u64>) -> T) -> T {
        let stripe = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58;
        act(&mut self.stripes[stripe as usize].0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Some claimed ids, released when dropped.
pub(crate) struct Claim<'a> {
    reservations: &'a Reservations,
    ids: &'a [u64],
}

impl Claim<'_> {
    /// Keeps the claim for as long as the index is open: whether these ids are on disk is not known.
    pub(crate) fn keep(mut self) {
        self.ids = &[];
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.reservations.release(self.ids);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_claimed_once() {
        let reservations = Reservations::default();
        let ids = [1, 2, 3];
        let first = reservations.claim(&ids).ok().unwrap();
        assert_eq!(reservations.claim(&[7, 8, 2]).err(), Some(2));
        reservations.claim(&[7, 8]).ok().unwrap();
        drop(first);
        reservations.claim(&ids).ok().unwrap().keep();
        assert_eq!(reservations.claim(&[3]).err(), Some(0));
    }
}
