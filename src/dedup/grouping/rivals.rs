//! Copies that may join either of two photos that may not join each other: an undated copy of one of several exposures.
//!
//! Such a copy belongs to the photo that it is nearest to. A group takes its copies from the nearest on, none that may not join those before
//! it, and none that is nearer to a photo outside that may not join the group. That one may be in another group, or may find the copy
//! when it is a centre itself.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::super::level::Pyramid;
use super::super::multi_index::MultiIndex;
use super::super::orientation::Orientation;
use super::super::signature::Signature;
use super::super::star::{BITS, Candidate, Copy, Photos, Star, candidates, like};
use super::Index;

/// Rivals of a group, and members that may not join them, with which a copy is compared, those first that are most like it.
const MOST: usize = 8;

/// Tells whether copies belong to a group or to a photo outside.
pub(super) struct Rivals<'a, P> {
    signatures: &'a [Signature],
    /// The whole pictures of all photos.
    wholes: &'a MultiIndex,
    pub photos: &'a P,
    /// Whether a photo of another kind is near to each photo. Photos of its own kind are no rivals.
    near_other_kind: Vec<bool>,
}

/// One member of each kind in a group.
struct Kinds(BTreeMap<u32, usize>);

impl Kinds {
    fn may_join<P: Photos>(&self, photo: usize, photos: &P) -> bool {
        self.0.contains_key(&photos.kind(photo)) || self.0.values().all(|one| photos.may_join(*one, photo))
    }
}

impl<'a, P: Photos> Rivals<'a, P> {
    /// Of an index of all photos, which knows what is near to each.
    pub fn new(all: &'a Index<'a>, near_other_kind: Vec<bool>, photos: &'a P) -> Self {
        Self { signatures: all.signatures, wholes: &all.wholes, photos, near_other_kind }
    }

    /// Whether a centre or one of these photos that may be its copies may have rivals, so that it matters which copy is the nearest.
    pub fn may_concern(&self, centre: usize, mut copies: impl Iterator<Item = usize>) -> bool {
        let kind = self.photos.kind(centre);
        self.near_other_kind[centre]
            || copies.any(|copy| self.near_other_kind[copy] || self.photos.kind(copy) != kind)
    }

    /// The star of a centre, from its copies, the nearest first.
    ///
    /// # Errors
    /// A photo cannot be read.
    pub fn star(&self, centre: usize, copies: Vec<Copy>) -> Result<Star, P::Error> {
        let photos = self.photos;
        let mut members = Kinds([(photos.kind(centre), centre)].into());
        let near_centre = if copies.is_empty() { Vec::new() } else { self.near(centre) };
        let mut taken: Vec<Copy> = Vec::with_capacity(copies.len());
        for copy in copies {
            let kind = photos.kind(copy.photo);
            if !members.may_join(copy.photo, photos) {
                continue;
            }
            if let Entry::Vacant(place) = members.0.entry(kind) {
                let own = Kinds([(kind, copy.photo)].into());
                let near = [self.near(copy.photo), near_centre.clone()].concat();
                if self.is_nearer_to_another(centre, &own, copy.difference, &near)? {
                    continue;
                }
                place.insert(copy.photo);
            }
            taken.push(copy);
        }
        let is_outside = |photo: &usize| !members.may_join(*photo, photos);
        let near_centre: Vec<usize> = near_centre.into_iter().filter(is_outside).collect();
        let mut kept = Vec::with_capacity(taken.len());
        for copy in taken {
            let near = [self.near(copy.photo), near_centre.clone()].concat();
            if self.is_nearer_to_another(copy.photo, &members, copy.difference, &near)? {
                continue;
            }
            kept.push((copy.photo, copy.likeness));
        }
        kept.sort_unstable_by_key(|(photo, _)| *photo);
        Ok(Star { centre, copies: kept })
    }

    /// Photos whose whole pictures may be those of a photo, in any orientation; none if all of them are of its kind.
    fn near(&self, photo: usize) -> Vec<usize> {
        let mut near = Vec::new();
        if !self.near_other_kind[photo] {
            return near;
        }
        for orientation in Orientation::ALL {
            let hash = self.signatures[photo].hashes[0].oriented(orientation);
            self.wholes.within(hash, BITS, |row, _| near.push(row));
        }
        near
    }

    /// Whether one of these photos, which may join `photo` and not this group, is a copy that is nearer to it than the group is. `difference`
    /// is that of its copy in the group.
    fn is_nearer_to_another(
        &self,
        photo: usize,
        group: &Kinds,
        difference: f32,
        others: &[usize],
    ) -> Result<bool, P::Error> {
        let photos = self.photos;
        let mut known: BTreeMap<u32, bool> = BTreeMap::new();
        let mut is_rival = |other: &usize| {
            let kind = photos.kind(*other);
            *known.entry(kind).or_insert_with(|| {
                *other != photo && photos.may_join(photo, *other) && !group.may_join(*other, photos)
            })
        };
        let rivals: BTreeSet<usize> = others.iter().copied().filter(|other| is_rival(other)).collect();
        let rivals = self.most_like(photo, rivals.into_iter());
        if rivals.is_empty() {
            return Ok(false);
        }
        let kept = Pyramid::of(&photos.thumbnail(photo)?);
        let against = |member: &usize| rivals.iter().any(|(rival, _)| !photos.may_join(*member, *rival));
        let mut nearest = difference;
        for (member, ways) in self.most_like(photo, group.0.values().copied().filter(against)) {
            let found = like(&kept, member, ways, photos, true)?;
            nearest = found.map_or(nearest, |found| found.difference.min(nearest));
        }
        for (rival, ways) in rivals {
            if let Some(found) = like(&kept, rival, ways, photos, true)?
                && found.difference < nearest
                && photos.confirms(photo, rival, &found.likeness)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Those photos that are most like one, with the ways in which they may be copies of it.
    fn most_like(&self, photo: usize, others: impl Iterator<Item = usize>) -> Vec<(usize, Vec<Candidate>)> {
        let own = &self.signatures[photo];
        let found = others.filter_map(|other| {
            let ways = candidates(&self.signatures[other], own);
            let each = ways.iter().map(|way| self.signatures[other].difference(way.0, own));
            Some((each.min()?, other, ways))
        });
        let mut found: Vec<_> = found.collect();
        found.sort_unstable_by_key(|(difference, other, _)| (*difference, *other));
        found.truncate(MOST);
        found.into_iter().map(|(_, other, ways)| (other, ways)).collect()
    }
}
