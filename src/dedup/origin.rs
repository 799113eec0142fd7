//! Which photos of a group were made from another one of it: enlarged, or encoded again. Only members of groups are decoded for it, and
//! what is found is in the cache.

#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use super::cache::{Cache, ContentHash, Facts};
use super::contents::Collection;
use super::enlargement::{NEAREST, excess};
use super::error::Result;
use super::luma::Luma;
use super::recompression::{Coefficients, Steps, luma_steps};
use crate::image::{Limits, Source, decode};

/// Members of a group with which a photo is compared in each way.
const MOST: usize = 3;
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

/// A member that shows the whole picture, in the orientation of the others.
#[derive(Clone, Copy)]
struct Whole<'a> {
    content: ContentHash,
    facts: &'a Facts,
}

/// The origins of those members of a group that show the whole picture. Each is found when it is asked for.
pub(super) struct Origins<'a> {
    /// These members, in ascending order of their pixels.
    whole: Vec<Whole<'a>>,
    known: BTreeMap<ContentHash, Origin>,
    reader: Reader<'a>,
}

impl<'a> Origins<'a> {
    /// The origins of these contents, members of one group that show the whole picture in one orientation.
    pub fn new(
        collection: &'a Collection<'a>,
        whole: &BTreeSet<ContentHash>,
        cache: &'a Cache,
        limits: &'a Limits,
    ) -> Self {
        let known =
            |content: &ContentHash| Some(Whole { content: *content, facts: collection.facts(content)? });
        let mut whole: Vec<Whole<'a>> = whole.iter().filter_map(known).collect();
        whole.sort_by_key(|one| (pixels(one.facts), one.content));
        let reader = Reader { collection, cache, limits, photos: VecDeque::new() };
        Self { whole, known: BTreeMap::new(), reader }
    }

    /// The origin of a member; `None` for others than these.
    ///
    /// # Errors
    /// The cache failed.
    pub fn of(&mut self, content: &ContentHash) -> Result<Option<Origin>> {
        if let Some(known) = self.known.get(content) {
            return Ok(Some(*known));
        }
        let Some(&whole) = self.whole.iter().find(|one| one.content == *content) else {
            return Ok(None);
        };
        let facts = whole.facts;
        let mut origin = Origin { pixels: pixels(facts), is_enlarged: false, is_recompressed: false };
        self.compare_with_smaller(&whole, &mut origin)?;
        if let Some(finest) = self.finest(&whole).filter(|_| !origin.is_enlarged)
            && let Some(known) = self.of(&finest)?
        {
            // A coarser compression adds detail that is none.
            origin.pixels = origin.pixels.min(known.pixels);
            origin.is_enlarged = known.is_enlarged;
        }
        for coarser in self.coarser(&whole) {
            origin.is_recompressed =
                origin.is_recompressed || self.reader.is_recompressed(content, &coarser)?;
        }
        self.known.insert(*content, origin);
        Ok(Some(origin))
    }

    /// Whether a photo is an enlargement, and the pixels that show as much. A smaller photo has fewer pixels, so this ends.
    fn compare_with_smaller(&mut self, whole: &Whole<'_>, origin: &mut Origin) -> Result<()> {
        let (own, is_own) = (pixels(whole.facts), is_from_camera(whole.facts));
        // A photo with the data of a camera is no enlargement of one without them.
        let is_smaller = |other: &&Whole<'_>| {
            pixels(other.facts) < own
                && (!is_own || is_from_camera(other.facts))
                && have_one_aspect(whole.facts, other.facts)
        };
        let mut smaller: Vec<_> = self.whole.iter().filter(is_smaller).copied().collect();
        smaller.sort_by_key(|other| (!is_from_camera(other.facts), Reverse(pixels(other.facts))));
        for Whole { content: other, facts: other_facts, .. } in smaller.into_iter().take(MOST) {
            let is_near = pixels(other_facts) as f32 > NEAREST * NEAREST * own as f32;
            let excess = if is_near { 1.0 } else { self.reader.excess(&whole.content, &other)? };
            if excess < 1.0 || is_near {
                let shown = self.of(&other)?.map_or(pixels(other_facts), |known| known.pixels);
                origin.pixels = origin.pixels.min(shown);
            }
            origin.is_enlarged |= excess < 1.0;
        }
        Ok(())
    }

    /// The finest file of the same size, without the data of a camera as this one, if it is finer.
    fn finest(&self, whole: &Whole<'_>) -> Option<ContentHash> {
        let coarseness = |one: &Whole<'_>| one.facts.coarseness.unwrap_or(0);
        let is_finer = |other: &&Whole<'_>| {
            size(other.facts) == size(whole.facts) && coarseness(other) < coarseness(whole)
        };
        let is_own = is_from_camera(whole.facts);
        let finer =
            self.whole.iter().filter(is_finer).filter(|other| !is_own && !is_from_camera(other.facts));
        finer.min_by_key(|other| coarseness(other)).map(|other| other.content)
    }

    /// Coarser files of the same size, those of a camera and the finest first.
    fn coarser(&self, whole: &Whole<'_>) -> Vec<ContentHash> {
        let coarseness = |facts: &Facts| facts.coarseness.unwrap_or(0);
        let is_coarser = |other: &&Whole<'_>| {
            size(other.facts) == size(whole.facts) && coarseness(other.facts) > coarseness(whole.facts)
        };
        let mut coarser: Vec<_> = self.whole.iter().filter(is_coarser).collect();
        coarser.sort_by_key(|other| (!is_from_camera(other.facts), coarseness(other.facts)));
        coarser.into_iter().take(MOST).map(|other| other.content).collect()
    }
}

fn size(facts: &Facts) -> (u32, u32) {
    (facts.width, facts.height)
}

fn pixels(facts: &Facts) -> u64 {
    u64::from(facts.width) * u64::from(facts.height)
}

fn have_one_aspect(one: &Facts, other: &Facts) -> bool {
    let aspect = |facts: &Facts| facts.width as f32 / facts.height.max(1) as f32;
    (aspect(one) / aspect(other).max(f32::MIN_POSITIVE) - 1.0).abs() < ASPECT
}

/// A decoded member.
struct Decoded {
    luma: Luma,
    /// Of its own file, if it is a JPEG.
    steps: Option<Steps>,
    blocks: OnceCell<Coefficients>,
}

/// Reads members of a group and compares them.
struct Reader<'a> {
    collection: &'a Collection<'a>,
    cache: &'a Cache,
    limits: &'a Limits,
    photos: VecDeque<(ContentHash, Option<Rc<Decoded>>)>,
}

impl Reader<'_> {
    /// The excess of detail of a photo over an enlargement of another one.
    fn excess(&mut self, large: &ContentHash, small: &ContentHash) -> Result<f32> {
        self.known(large, small, |reader| {
            let (large, small) = reader.photo(large).zip(reader.photo(small))?;
            Some(excess(&large.luma, &small.luma).unwrap_or(f32::MAX))
        })
    }

    fn is_recompressed(&mut self, fine: &ContentHash, coarse: &ContentHash) -> Result<bool> {
        let found = self.known(fine, coarse, |reader| {
            let steps = luma_steps(&reader.bytes(coarse)?);
            let fine = reader.photo(fine)?;
            let blocks = fine.blocks.get_or_init(|| Coefficients::of(&fine.luma));
            let shows = steps.is_some_and(|steps| blocks.show(fine.steps.as_ref(), &steps));
            Some(f32::from(u8::from(shows)))
        })?;
        Ok(found == 1.0)
    }

    /// A number about two photos, from the cache or from their files. `f32::MAX` if they cannot be read now.
    fn known(
        &mut self,
        one: &ContentHash,
        other: &ContentHash,
        compare: impl Fn(&mut Self) -> Option<f32>,
    ) -> Result<f32> {
        if let Some(known) = self.cache.derivation(one, other)? {
            return Ok(known);
        }
        let Some(found) = compare(self) else { return Ok(f32::MAX) };
        self.cache.store_derivation(one, other, found)?;
        Ok(found)
    }

    fn photo(&mut self, content: &ContentHash) -> Option<Rc<Decoded>> {
        if let Some((_, photo)) = self.photos.iter().find(|(known, _)| known == content) {
            return photo.clone();
        }
        let mut pixels = 0;
        let is_within = |(_, photo): &(ContentHash, Option<Rc<Decoded>>)| {
            pixels += photo.as_ref().map_or(0, |photo| photo.luma.grey.len());
            pixels <= KEPT
        };
        let kept = self.photos.iter().map(is_within).take_while(|kept| *kept).count();
        self.photos.truncate(kept.max(1));
        let photo = self.bytes(content).and_then(|bytes| {
            let luma = Luma::of(&decode(&bytes, self.limits).ok()?);
            Some(Rc::new(Decoded { luma, steps: luma_steps(&bytes), blocks: OnceCell::new() }))
        });
        self.photos.push_front((*content, photo.clone()));
        photo
    }

    /// The first file with this content that can be read.
    fn bytes(&self, content: &ContentHash) -> Option<Vec<u8>> {
        self.collection.contents.get(content)?.iter().find_map(|(_, file)| {
            let path = self.collection.files[*file].path();
            Source::open(path, true, self.limits).and_then(Source::read).ok()
        })
    }
}
