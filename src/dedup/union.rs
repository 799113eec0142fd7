//! Groups that are one: their centres do not equal each other, and one of their members equals all of them.
//!
//! The photo with the most neighbours becomes a centre first. That may be a recoloured or captioned copy, which does not equal each of the
//! other copies. These are then a second group. Groups with two photos that may not join each other stay apart.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

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
    let near = nearest(&stars, signatures).into_iter().enumerate();
    let pairs: Vec<[usize; 2]> = near
        .flat_map(|(at, near)| near.into_iter().map(move |other| [at.min(other), at.max(other)]))
        .collect();
    let one = |stars: &[Star], pair: [usize; 2]| {
        one_star(pair.map(|at| &stars[at]), signatures, neighbours, photos)
    };
    // Few stars change, so what was found for two of them is nearly always what is needed.
    let distinct: BTreeSet<[usize; 2]> = pairs.iter().copied().collect();
    let distinct: Vec<[usize; 2]> = distinct.into_iter().collect();
    let found: BTreeMap<[usize; 2], Option<Star>> = distinct
        .par_iter()
        .with_max_len(1)
        .map(|&pair| Ok((pair, one(&stars, pair)?)))
        .collect::<Result<_, P::Error>>()?;
    let mut states = vec![State::Same; stars.len()];
    for pair in pairs {
        let star = match pair.map(|at| states[at]) {
            [State::Gone, _] | [_, State::Gone] => continue,
            [State::Same, State::Same] => found.get(&pair).cloned().flatten(),
            _ => one(&stars, pair)?,
        };
        if let Some(star) = star {
            let [first, second] = pair;
            stars[first] = star;
            (states[first], states[second]) = (State::United, State::Gone);
        }
    }
    let mut states = states.into_iter();
    stars.retain(|_| states.next() != Some(State::Gone));
    Ok(stars)
}

/// What became of a star.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is as it was.
    Same,
    /// It has the members of another one too.
    United,
    /// Another one has its members.
    Gone,
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

/// The star of a member that equals all members of both, if there is one and they may join each other. The centres do not.
fn one_star<P: Photos>(
    both: [&Star; 2],
    signatures: &[Signature],
    neighbours: &[u32],
    photos: &P,
) -> Result<Option<Star>, P::Error> {
    if !may_join(both[0], both[1], photos) {
        return Ok(None);
    }
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
