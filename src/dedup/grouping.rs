//! Groups of copies: stars around a centre.
//!
//! The photo with the most neighbours by hash comes first (usually the original, which resembles each of its copies most). It takes every
//! photo that is a copy *of it*; then the next photo without a group does, and so on. So every member of a group was compared with the
//! centre, and a chain of photos that each resemble the next does not become one group. Photos with equally many neighbours come in the given order.
//! In the end, two groups become one if a member of them is a centre of both.
//!
//! No two members of a group are photos that may not join each other, whatever the centre. A copy that may join either of two such photos
//! goes to the one that it is nearest to ([`rivals`]).

mod rivals;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::hash::PerceptualHash;
use super::multi_index::MultiIndex;
use super::orientation::Orientation;
use super::signature::{Signature, WINDOWS};
use super::star::{BITS, Candidate, Copy, Photos, Star, candidate, copies, parts_may_correspond};
use super::union::united;
use rivals::Rivals;

/// Photos whose candidates are found at once.
const BATCH: usize = 256;

/// The groups of photos with these signatures, in the order in which they were found. `None` if `proceed`, which gets the number of completed
/// photos, returns `false`.
///
/// # Errors
/// A thumbnail cannot be read.
pub fn group<P: Photos>(
    signatures: &[Signature],
    photos: &P,
    mut proceed: impl FnMut(usize) -> bool,
) -> Result<Option<Vec<Star>>, P::Error> {
    let all = Index::new(signatures, (0..signatures.len()).collect());
    let (neighbours, near_other_kind): (Vec<u32>, Vec<bool>) =
        (0..signatures.len()).into_par_iter().map(|photo| all.neighbours(photo, photos)).unzip();
    let rivals = Rivals::new(&all, near_other_kind, photos);
    // The photos that can still be found, once they are few.
    let mut left: Option<Index<'_>> = None;
    let mut order: Vec<usize> = (0..signatures.len()).collect();
    order.sort_by_key(|photo| Reverse(neighbours[*photo]));
    let mut states = vec![State::New; signatures.len()];
    let (mut stars, mut pending) = (Vec::new(), order);
    let mut has_waited = vec![false; signatures.len()];
    while !pending.is_empty() {
        if !proceed(signatures.len() - pending.len()) {
            return Ok(None);
        }
        if let Some(smaller) = left.as_ref().unwrap_or(&all).without_grouped(&states) {
            left = Some(smaller);
        }
        let index = left.as_ref().unwrap_or(&all);
        let batch = index.batch(&mut pending, &mut has_waited, &states);
        let star = |&centre: &usize| rivals.star(centre, index.copies(centre, &states, &rivals)?);
        let found: Vec<Star> = batch.par_iter().with_max_len(1).map(star).collect::<Result<_, _>>()?;
        for mut star in found {
            if states[star.centre] == State::Grouped {
                continue;
            }
            star.copies.retain(|(copy, _)| states[*copy] != State::Grouped);
            if star.copies.is_empty() {
                states[star.centre] = State::Compared;
                continue;
            }
            states[star.centre] = State::Grouped;
            star.copies.iter().for_each(|(copy, _)| states[*copy] = State::Grouped);
            stars.push(star);
        }
    }
    united(stars, signatures, &neighbours, photos).map(Some)
}

/// How far a photo has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It can be the copy of a centre.
    New,
    /// It was a centre without copies. Whatever is like it was compared with it, so it is no copy of what is left.
    Compared,
    /// It has a group.
    Grouped,
}

/// Parts of a photo that are hashed beside the whole.
const PARTS: usize = WINDOWS.len() - 1;

struct Index<'a> {
    signatures: &'a [Signature],
    /// The photos that can be found. The rows of the hashes follow their order.
    photos: Vec<usize>,
    wholes: MultiIndex,
    /// The other windows of each photo, in this order.
    parts: MultiIndex,
}

impl<'a> Index<'a> {
    fn new(signatures: &'a [Signature], photos: Vec<usize>) -> Self {
        let wholes = photos.iter().map(|photo| signatures[*photo].hashes[0]).collect();
        let parts = photos.iter().flat_map(|photo| signatures[*photo].hashes[1..].iter().copied()).collect();
        Self { signatures, photos, wholes: MultiIndex::new(wholes), parts: MultiIndex::new(parts) }
    }

    /// An index without the photos that are not new any more, once they are half of all.
    fn without_grouped(&self, states: &[State]) -> Option<Self> {
        let is_left = |photo: &usize| states[*photo] == State::New;
        let is_small = 2 * self.photos.iter().copied().filter(is_left).count() < self.photos.len();
        is_small.then(|| Self::new(self.signatures, self.photos.iter().copied().filter(is_left).collect()))
    }

    /// The next centres. A photo with a neighbour among them waits for the next batch, because it is probably a copy and needs no work; it
    /// waits once. Takes the centres, and photos that have a group, out of `pending`.
    fn batch(&self, pending: &mut Vec<usize>, has_waited: &mut [bool], states: &[State]) -> Vec<usize> {
        let (mut batch, mut near, mut rest) = (Vec::with_capacity(BATCH), HashSet::new(), Vec::new());
        for photo in pending.drain(..) {
            if states[photo] == State::Grouped {
                continue;
            }
            let waits = near.contains(&photo) && !has_waited[photo];
            has_waited[photo] |= waits;
            if batch.len() == BATCH || waits {
                rest.push(photo);
                continue;
            }
            for orientation in Orientation::ALL {
                let hash = self.signatures[photo].hashes[0].oriented(orientation);
                self.wholes.within(hash, BITS, |row, _| {
                    near.insert(self.photos[row]);
                });
            }
            batch.push(photo);
        }
        *pending = rest;
        batch
    }

    /// How many photos have a near hash in any orientation; the nearer, the more each counts. An original is nearer to its copies than a
    /// framed or captioned copy is. And whether one of them is of another kind.
    fn neighbours(&self, photo: usize, photos: &impl Photos) -> (u32, bool) {
        let (mut count, mut is_near_other_kind) = (0, false);
        let kind = photos.kind(photo);
        for orientation in Orientation::ALL {
            let hash = self.signatures[photo].hashes[0].oriented(orientation);
            self.wholes.within(hash, BITS, |row, distance| {
                count += BITS + 1 - distance;
                is_near_other_kind |= photos.kind(self.photos[row]) != kind;
            });
        }
        (count, is_near_other_kind)
    }

    fn copies<P: Photos>(
        &self,
        centre: usize,
        states: &[State],
        rivals: &Rivals<'_, P>,
    ) -> Result<Vec<Copy>, P::Error> {
        let own = &self.signatures[centre];
        let difference = |photo: usize, candidates: &[Candidate]| {
            let each = candidates.iter().map(|candidate| self.signatures[photo].difference(candidate.0, own));
            each.min().unwrap_or(u32::MAX)
        };
        let found = self.candidates(centre, states);
        let mut candidates: Vec<_> =
            found.into_iter().map(|(photo, (bits, ways))| (bits, photo, ways)).collect();
        candidates.sort_by_cached_key(|(bits, photo, ways)| (*bits, difference(*photo, ways), *photo));
        let candidates: Vec<_> = candidates.into_iter().map(|(_, photo, ways)| (photo, ways)).collect();
        let may_have_rivals = rivals.may_concern(centre, candidates.iter().map(|(photo, _)| *photo));
        copies(centre, candidates, rivals.photos, may_have_rivals)
    }

    /// Photos whose hashes are near, with the smallest distance, and with the orientations and parts in which they are near, the whole
    /// pictures as they are first.
    fn candidates(&self, centre: usize, states: &[State]) -> HashMap<usize, (u32, Vec<Candidate>)> {
        let signature = &self.signatures[centre];
        let mut found: HashMap<usize, (u32, Vec<Candidate>)> = HashMap::new();
        for orientation in Orientation::ALL {
            // The photo in this orientation equals the centre, so the centre in the inverse one equals the photo.
            let turned = |hash: PerceptualHash| hash.oriented(orientation.inverse());
            let mut add = |photo: usize, distance: u32, window: usize, kept: usize| {
                let is_whole = (window, kept) == (0, 0);
                if photo != centre
                    && states[photo] == State::New
                    && self.signatures[photo].may_equal(orientation, signature, is_whole)
                {
                    let candidate = candidate(orientation, window, kept);
                    let (nearest, known) = found.entry(photo).or_insert((distance, Vec::new()));
                    *nearest = distance.min(*nearest);
                    if !known.contains(&candidate) {
                        known.push(candidate);
                    }
                }
            };
            self.wholes
                .within(turned(signature.hashes[0]), BITS, |row, bits| add(self.photos[row], bits, 0, 0));
            if !signature.has_structure() {
                continue;
            }
            for (kept, hash) in signature.hashes.iter().enumerate() {
                if kept > 0 {
                    self.wholes.within(turned(*hash), BITS, |row, bits| add(self.photos[row], bits, 0, kept));
                }
                if parts_may_correspond(kept) {
                    self.parts.within(turned(*hash), BITS, |row, bits| {
                        add(self.photos[row / PARTS], bits, 1 + row % PARTS, kept);
                    });
                }
            }
        }
        found
    }
}
