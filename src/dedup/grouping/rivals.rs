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
    photos: &'a P,
    /// Whether all photos are of one kind, so that there are no rivals.
    pub are_alike: bool,
}

/// One member of each kind in a group.
struct Kinds(BTreeMap<u32, usize>);

impl Kinds {
    fn may_join<P: Photos>(&self, photo: usize, photos: &P) -> bool {
        self.0.contains_key(&photos.kind(photo)) || self.0.values().all(|one| photos.may_join(*one, photo))
    }
}

impl<'a, P: Photos> Rivals<'a, P> {
    /// Of an index of all photos.
    pub fn new(all: &'a Index<'a>, photos: &'a P) -> Self {
        let mut kinds = (0..all.signatures.len()).map(|photo| photos.kind(photo));
        let first = kinds.next();
        let are_alike = kinds.all(|kind| Some(kind) == first);
        Self { signatures: all.signatures, wholes: &all.wholes, photos, are_alike }
    }

    /// The star of a centre, from its copies, the nearest first.
    ///
    /// # Errors
    /// A photo cannot be read.
    pub fn star(&self, centre: usize, copies: Vec<Copy>) -> Result<Star, P::Error> {
        let photos = self.photos;
        let mut members = Kinds([(photos.kind(centre), centre)].into());
        let near_centre = if self.are_alike || copies.is_empty() { Vec::new() } else { self.near(centre) };
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
            if !self.are_alike {
                let near = [self.near(copy.photo), near_centre.clone()].concat();
                if self.is_nearer_to_another(copy.photo, &members, copy.difference, &near)? {
                    continue;
                }
            }
            kept.push((copy.photo, copy.likeness));
        }
        kept.sort_unstable_by_key(|(photo, _)| *photo);
        Ok(Star { centre, copies: kept })
    }

    /// Photos whose whole pictures may be those of a photo, in any orientation.
    fn near(&self, photo: usize) -> Vec<usize> {
        let mut near = Vec::new();
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
