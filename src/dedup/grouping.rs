//! Groups of copies: stars around a centre.
//!
//! The photo with the most neighbours by hash comes first (usually the original, which resembles each of its copies most). It takes every
//! photo that is a copy *of it*; then the next photo without a group does, and so on. So every member of a group was compared with the
//! centre, and a chain of photos that each resemble the next does not become one group. Photos with equally many neighbours come in the given order.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::alignment::Alignment;
use super::comparison::{Likeness, Refuted, compare};
use super::hash::{PerceptualHash, Window};
use super::level::Pyramid;
use super::multi_index::MultiIndex;
use super::orientation::Orientation;
use super::signature::{STRIPS, Signature, WINDOWS};
use super::thumbnail::Thumbnail;

/// Photos whose candidates are found at once.
const BATCH: usize = 256;
/// Largest distance of the hashes of two copies.
const BITS: u32 = 11;

/// A centre and its copies.
#[derive(Debug, Clone, PartialEq)]
pub struct Star {
    /// The photo with which the copies were compared.
    pub centre: usize,
    /// Its copies in ascending order, with their likeness to it.
    pub copies: Vec<(usize, Likeness)>,
}

/// The photos to group.
pub trait Photos: Sync {
    /// An error of reading a thumbnail.
    type Error: Send;

    /// The thumbnail of a photo.
    ///
    /// # Errors
    /// It cannot be read.
    fn thumbnail(&self, photo: usize) -> Result<Thumbnail, Self::Error>;

    /// Whether `photo` may be in the group of `centre`: `false` for different exposures, and for pairs that the user keeps apart.
    fn may_join(&self, centre: usize, photo: usize) -> bool;

    /// Whether `photo`, whose thumbnail is like that of `centre`, is a copy of it in detail.
    ///
    /// # Errors
    /// What is known of them cannot be read.
    fn confirms(&self, centre: usize, photo: usize, likeness: &Likeness) -> Result<bool, Self::Error>;
}

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
    let index = Index::new(signatures);
    let neighbours: Vec<u32> =
        (0..signatures.len()).into_par_iter().map(|photo| index.neighbours(photo)).collect();
    let mut order: Vec<usize> = (0..signatures.len()).collect();
    order.sort_by_key(|photo| Reverse(neighbours[*photo]));
    let mut is_free = vec![true; signatures.len()];
    let (mut stars, mut pending) = (Vec::new(), order);
    let mut has_waited = vec![false; signatures.len()];
    while !pending.is_empty() {
        if !proceed(signatures.len() - pending.len()) {
            return Ok(None);
        }
        let batch = index.batch(&mut pending, &mut has_waited, &is_free);
        let found: Vec<Star> =
            batch.par_iter().map(|&centre| index.star(centre, &is_free, photos)).collect::<Result<_, _>>()?;
        for mut star in found {
            if !is_free[star.centre] {
                continue;
            }
            star.copies.retain(|(copy, _)| is_free[*copy]);
            if !star.copies.is_empty() {
                is_free[star.centre] = false;
                star.copies.iter().for_each(|(copy, _)| is_free[*copy] = false);
                stars.push(star);
            }
        }
    }
    Ok(Some(stars))
}

/// An orientation of a photo, the part of it that may correspond to the centre, and where to begin to align that part.
type Candidate = (Orientation, Window, Alignment);
/// Parts of a photo that are hashed beside the whole.
const PARTS: usize = WINDOWS.len() - 1;

struct Index<'a> {
    signatures: &'a [Signature],
    wholes: MultiIndex,
    /// The other windows of each photo, in this order.
    parts: MultiIndex,
}

impl<'a> Index<'a> {
    fn new(signatures: &'a [Signature]) -> Self {
        let wholes = signatures.iter().map(|signature| signature.hashes[0]).collect();
        let parts = signatures.iter().flat_map(|signature| signature.hashes[1..].iter().copied()).collect();
        Self { signatures, wholes: MultiIndex::new(wholes), parts: MultiIndex::new(parts) }
    }

    /// The next centres. A photo with a neighbour among them waits for the next batch, because it is probably a copy and needs no work; it
    /// waits once. Takes the centres, and photos that have a group, out of `pending`.
    fn batch(&self, pending: &mut Vec<usize>, has_waited: &mut [bool], is_free: &[bool]) -> Vec<usize> {
        let (mut batch, mut near, mut rest) = (Vec::with_capacity(BATCH), HashSet::new(), Vec::new());
        for photo in pending.drain(..) {
            if !is_free[photo] {
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
                self.wholes.within(hash, BITS, |neighbour, _| {
                    near.insert(neighbour);
                });
            }
            batch.push(photo);
        }
        *pending = rest;
        batch
    }

    /// How many photos have a near hash in any orientation; the nearer, the more each counts. An original is nearer to its copies than a
    /// framed or captioned copy is.
    fn neighbours(&self, photo: usize) -> u32 {
        let mut count = 0;
        for orientation in Orientation::ALL {
            let hash = self.signatures[photo].hashes[0].oriented(orientation);
            self.wholes.within(hash, BITS, |_, distance| count += BITS + 1 - distance);
        }
        count
    }

    fn star<P: Photos>(&self, centre: usize, is_free: &[bool], photos: &P) -> Result<Star, P::Error> {
        let mut candidates: Vec<(usize, Vec<Candidate>)> = self
            .candidates(centre, is_free)
            .into_iter()
            .filter(|(photo, _)| photos.may_join(centre, *photo))
            .collect();
        let mut copies = Vec::new();
        if candidates.is_empty() {
            return Ok(Star { centre, copies });
        }
        candidates.sort_unstable_by_key(|(photo, _)| *photo);
        let kept = Pyramid::of(&photos.thumbnail(centre)?);
        for (photo, candidates) in candidates {
            let thumbnail = photos.thumbnail(photo)?;
            let mut turned: Vec<(Orientation, Pyramid, Refuted)> = Vec::new();
            let likeness = candidates.into_iter().find_map(|(orientation, part, start)| {
                if turned.last().is_none_or(|(last, ..)| *last != orientation) {
                    let pyramid = Pyramid::of(&orientation.apply(&thumbnail));
                    turned.push((orientation, pyramid, Refuted::default()));
                }
                let (_, pyramid, refuted) = turned.last_mut()?;
                compare(pyramid, &kept, orientation, (part, start), refuted)
            });
            if let Some(likeness) = likeness
                && photos.confirms(centre, photo, &likeness)?
            {
                copies.push((photo, likeness));
            }
        }
        Ok(Star { centre, copies })
    }

    /// Free photos whose hashes are near, with the orientations and parts in which they are, the whole pictures as they are first.
    fn candidates(&self, centre: usize, is_free: &[bool]) -> HashMap<usize, Vec<Candidate>> {
        let signature = &self.signatures[centre];
        let mut found: HashMap<usize, Vec<Candidate>> = HashMap::new();
        for orientation in Orientation::ALL {
            // The photo in this orientation equals the centre, so the centre in the inverse one equals the photo.
            let turned = |hash: PerceptualHash| hash.oriented(orientation.inverse());
            let mut add = |photo: usize, window: usize, kept: usize| {
                let is_whole = (window, kept) == (0, 0);
                if photo != centre
                    && is_free[photo]
                    && self.signatures[photo].may_equal(orientation, signature, is_whole)
                {
                    let part = orientation.window(WINDOWS[window]);
                    let candidate = (orientation, part, Alignment::between(part, WINDOWS[kept]));
                    let known = found.entry(photo).or_default();
                    if !known.contains(&candidate) {
                        known.push(candidate);
                    }
                }
            };
            self.wholes.within(turned(signature.hashes[0]), BITS, |photo, _| add(photo, 0, 0));
            if !signature.has_structure() {
                continue;
            }
            for (kept, hash) in signature.hashes.iter().enumerate() {
                if kept > 0 {
                    self.wholes.within(turned(*hash), BITS, |photo, _| add(photo, 0, kept));
                }
                // A part in the middle of one picture hardly corresponds to a part of another.
                if kept == 0 || kept >= STRIPS {
                    self.parts.within(turned(*hash), BITS, |row, _| add(row / PARTS, 1 + row % PARTS, kept));
                }
            }
        }
        found
    }
}
