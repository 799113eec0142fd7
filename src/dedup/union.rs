//! Groups that are one: their centres do not equal each other, and one of their members equals all of them.
//!
//! The photo with the most neighbours becomes a centre first. That may be a recoloured or captioned copy, which does not equal each of the
//! other copies. These are then a second group. Groups with two photos that may not join each other stay apart.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rayon::prelude::*;

use super::level::Pyramid;
use super::multi_index::MultiIndex;
use super::orientation::Orientation;
use super::signature::Signature;
use super::star::{BITS, Photos, Star, candidates, copy};

/// Groups with which one is united at most, the nearest ones, and members that are tried as the centre of both.
const NEAREST: usize = 3;
const CENTRES: usize = 4;

/// The stars, where two of them are one if a member equals all members of both. `neighbours` says which members are tried first: those with
/// the most.
///
/// # Errors
/// A photo cannot be read.
pub(super) fn united<P: Photos>(
    mut stars: Vec<Star>,
    signatures: &[Signature],
    neighbours: &[u32],
    photos: &P,
) -> Result<Vec<Star>, P::Error> {
    let near = nearest(&stars, signatures);
    let mut is_gone = vec![false; stars.len()];
    for (at, near) in near.into_iter().enumerate() {
        for other in near {
            let (first, second) = (at.min(other), at.max(other));
            if is_gone[first] || is_gone[second] || !may_join(&stars[first], &stars[second], photos) {
                continue;
            }
            if let Some(star) = one_star([&stars[first], &stars[second]], signatures, neighbours, photos)? {
                stars[first] = star;
                is_gone[second] = true;
            }
        }
    }
    let mut is_gone = is_gone.into_iter();
    stars.retain(|_| !is_gone.next().unwrap_or(false));
    Ok(stars)
}

fn members(star: &Star) -> impl Iterator<Item = usize> {
    std::iter::once(star.centre).chain(star.copies.iter().map(|(copy, _)| *copy))
}

/// Whether each member of one star may join each member of the other.
fn may_join<P: Photos>(one: &Star, other: &Star, photos: &P) -> bool {
    // One photo of each kind stands for all of that kind.
    let kinds = |star: &Star| -> BTreeMap<u32, usize> {
        members(star).map(|photo| (photos.kind(photo), photo)).collect()
    };
    let (one, other) = (kinds(one), kinds(other));
    one.values().all(|one| other.values().all(|other| photos.may_join(*one, *other)))
}

/// For each star the nearest others by the hashes of the whole pictures.
fn nearest(stars: &[Star], signatures: &[Signature]) -> Vec<Vec<usize>> {
    let rows: Vec<(usize, usize)> =
        stars.iter().enumerate().flat_map(|(at, star)| members(star).map(move |photo| (photo, at))).collect();
    let index = MultiIndex::new(rows.iter().map(|(photo, _)| signatures[*photo].hashes[0]).collect());
    let near = |(at, star): (usize, &Star)| {
        let mut distances: BTreeMap<usize, u32> = BTreeMap::new();
        for orientation in Orientation::ALL {
            let hash = signatures[star.centre].hashes[0].oriented(orientation);
            index.within(hash, BITS, |row, distance| {
                let known = distances.entry(rows[row].1).or_insert(distance);
                *known = distance.min(*known);
            });
        }
        distances.remove(&at);
        let mut near: Vec<usize> = distances.keys().copied().collect();
        near.sort_by_key(|other| distances[other]);
        near.truncate(NEAREST);
        near
    };
    stars.par_iter().enumerate().map(near).collect()
}

/// The star of a member that equals all members of both, if there is one. The centres do not.
fn one_star<P: Photos>(
    both: [&Star; 2],
    signatures: &[Signature],
    neighbours: &[u32],
    photos: &P,
) -> Result<Option<Star>, P::Error> {
    let mut all: Vec<usize> = both.into_iter().flat_map(members).collect();
    all.sort_unstable();
    let mut centres: Vec<usize> = both.iter().flat_map(|star| &star.copies).map(|(copy, _)| *copy).collect();
    centres.sort_by_key(|photo| (Reverse(neighbours[*photo]), *photo));
    for centre in centres.into_iter().take(CENTRES) {
        let kept = Pyramid::of(&photos.thumbnail(centre)?);
        let mut copies = Vec::with_capacity(all.len() - 1);
        for &photo in all.iter().filter(|photo| **photo != centre) {
            let candidates = candidates(&signatures[photo], &signatures[centre]);
            if candidates.is_empty() {
                break;
            }
            let Some(copy) = copy((centre, &kept), photo, candidates, photos, false)? else { break };
            copies.push((photo, copy.likeness));
        }
        if copies.len() + 1 == all.len() {
            return Ok(Some(Star { centre, copies }));
        }
    }
    Ok(None)
}
