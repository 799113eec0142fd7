//! Which photos of a group were made from another one of it: enlarged, or encoded again. Only members of groups are decoded for it, and
//! what is found is in the cache.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::cache::{Cache, ContentHash, Facts};
use super::contents::{Collection, ContentStar};
use super::enlargement::{NEAREST, excess};
use super::error::Result;
use super::luma::Luma;
use super::orientation::Orientation;
use super::recompression::{self, luma_steps};
use crate::image::{Limits, Source, decode};

/// Members of a group with which a photo is compared in each way.
const MOST: usize = 3;
/// Excess of detail up to which an original of a camera counts as much as a larger photo without the camera's data.
const CLEAR: f32 = 2.0;
/// Pixels of photos that are kept decoded, of one byte each, beside the two that are compared. A member is compared with several others.
const KEPT: usize = 16 << 20;
/// Largest difference of the aspect ratios of two sizes of a picture.
const ASPECT: f32 = 0.03;

/// What is known of the origin of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Pixels of the smallest photo of the group that shows as much.
    pub pixels: u64,
    /// Whether it is an enlargement of a smaller photo of the group.
    pub is_enlarged: bool,
    /// Whether it was decoded from a coarser file of the group, and encoded again.
    pub is_recompressed: bool,
}

/// Whether the file says with which camera or when the photo was taken.
pub fn is_from_camera(facts: &Facts) -> bool {
    facts.camera.is_some() || facts.taken.is_some()
}

/// The origins of those members of a group that show the whole picture upright.
///
/// # Errors
/// The cache failed.
pub(super) fn origins(
    collection: &Collection<'_>,
    star: &ContentStar,
    cache: &Cache,
    limits: &Limits,
) -> Result<BTreeMap<ContentHash, Origin>> {
    let mut origins = BTreeMap::new();
    let is_whole = |one: &super::comparison::Likeness| {
        one.orientation == Orientation::default() && one.share() == (1.0, false)
    };
    let mut whole: Vec<(ContentHash, &Facts)> = star
        .iter()
        .filter(|(_, likeness)| likeness.as_ref().is_none_or(is_whole))
        .filter_map(|(content, _)| Some((*content, collection.facts(content)?)))
        .collect();
    if whole.len() < 2 {
        return Ok(origins);
    }
    whole.sort_by_key(|(content, facts)| (pixels(facts), *content));
    let mut reader = Reader { collection, cache, limits, photos: VecDeque::new() };
    for (content, facts) in &whole {
        let own = pixels(facts);
        let mut origin = Origin { pixels: own, is_enlarged: false, is_recompressed: false };
        if !is_from_camera(facts) {
            let mut smaller: Vec<_> = whole
                .iter()
                .filter(|(_, other)| pixels(other) < own && have_one_aspect(facts, other))
                .collect();
            smaller.sort_by_key(|(_, other)| (!is_from_camera(other), Reverse(pixels(other))));
            for (other, other_facts) in smaller.into_iter().take(MOST) {
                let is_near = pixels(other_facts) as f32 > NEAREST * NEAREST * own as f32;
                let excess = if is_near { 1.0 } else { reader.excess(content, other)? };
                let clear = if is_from_camera(other_facts) { CLEAR } else { 1.0 };
                if excess < clear || is_near {
                    let shown = origins.get(other).map_or(pixels(other_facts), |known: &Origin| known.pixels);
                    origin.pixels = origin.pixels.min(shown);
                }
                origin.is_enlarged |= excess < 1.0;
            }
        }
        let coarseness = |facts: &Facts| facts.coarseness.unwrap_or(0);
        let is_coarser = |other: &Facts| {
            (other.width, other.height) == (facts.width, facts.height)
                && coarseness(other) > coarseness(facts)
        };
        let mut coarser: Vec<_> = whole.iter().filter(|(_, other)| is_coarser(other)).collect();
        coarser.sort_by_key(|(_, other)| (!is_from_camera(other), coarseness(other)));
        for (other, _) in coarser.into_iter().take(MOST) {
            origin.is_recompressed = origin.is_recompressed || reader.is_recompressed(content, other)?;
        }
        origins.insert(*content, origin);
    }
    Ok(origins)
}

fn pixels(facts: &Facts) -> u64 {
    u64::from(facts.width) * u64::from(facts.height)
}

fn have_one_aspect(one: &Facts, other: &Facts) -> bool {
    let aspect = |facts: &Facts| facts.width as f32 / facts.height.max(1) as f32;
    (aspect(one) / aspect(other).max(f32::MIN_POSITIVE) - 1.0).abs() < ASPECT
}

type Decoded = Option<Arc<(Luma, Option<[u16; 64]>)>>;

/// Decodes members of a group and compares them.
struct Reader<'a> {
    collection: &'a Collection<'a>,
    cache: &'a Cache,
    limits: &'a Limits,
    photos: VecDeque<(ContentHash, Decoded)>,
}

impl Reader<'_> {
    /// The excess of detail of a photo over an enlargement of another one.
    fn excess(&mut self, large: &ContentHash, small: &ContentHash) -> Result<f32> {
        self.known(large, small, |large, small| excess(&large.0, &small.0).unwrap_or(f32::MAX))
    }

    fn is_recompressed(&mut self, fine: &ContentHash, coarse: &ContentHash) -> Result<bool> {
        let found = self.known(fine, coarse, |fine, coarse| {
            let shows = coarse.1.is_some_and(|steps| recompression::shows(&fine.0, fine.1.as_ref(), &steps));
            f32::from(u8::from(shows))
        })?;
        Ok(found == 1.0)
    }

    /// A number about two photos, from the cache or from their pixels. `f32::MAX` if they cannot be read now.
    fn known(
        &mut self,
        one: &ContentHash,
        other: &ContentHash,
        compare: impl Fn(&(Luma, Option<[u16; 64]>), &(Luma, Option<[u16; 64]>)) -> f32,
    ) -> Result<f32> {
        if let Some(known) = self.cache.derivation(one, other)? {
            return Ok(known);
        }
        let Some((one_photo, other_photo)) = self.photo(one).zip(self.photo(other)) else {
            return Ok(f32::MAX);
        };
        let found = compare(&one_photo, &other_photo);
        self.cache.store_derivation(one, other, found)?;
        Ok(found)
    }

    fn photo(&mut self, content: &ContentHash) -> Decoded {
        if let Some((_, photo)) = self.photos.iter().find(|(known, _)| known == content) {
            return photo.clone();
        }
        let mut pixels = 0;
        let is_within = |(_, photo): &(ContentHash, Decoded)| {
            pixels += photo.as_ref().map_or(0, |photo| photo.0.grey.len());
            pixels <= KEPT
        };
        let kept = self.photos.iter().map(is_within).take_while(|kept| *kept).count();
        self.photos.truncate(kept.max(1));
        let photo = self.collection.contents.get(content).into_iter().flatten().find_map(|(_, file)| {
            let path = self.collection.files[*file].path();
            let bytes = Source::open(path, true, self.limits).and_then(Source::read).ok()?;
            Some(Arc::new((Luma::of(&decode(&bytes, self.limits).ok()?), luma_steps(&bytes))))
        });
        self.photos.push_front((*content, photo.clone()));
        photo
    }
}
