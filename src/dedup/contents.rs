//! The photos of a collection by content, and the groups of contents that show the same picture.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cache::{Cache, ContentHash, Examined, Facts};
use super::colours::Colours;
use super::comparison::Likeness;
use super::compatibility::Compatibility;
use super::decisions::Decisions;
use super::detail::Detail;
use super::drawing::have_equal_colours;
use super::error::{DedupError, Result};
use super::examination::Examination;
use super::files::{File, Found};
use super::grouping::group;
use super::hues;
use super::item::{Item, items};
use super::orientation::Orientation;
use super::recent::Recent;
use super::relation::COVERED;
use super::signature::Signature;
use super::star::{Photos, Star};
use super::thumbnail::Thumbnail;
use crate::control::Control;
use crate::image::{Limits, Source, decode};

/// The photos by content.
pub(super) struct Collection<'a> {
    pub files: &'a [File],
    pub examination: &'a Examination,
    pub items: Vec<Item>,
    /// Each content with the numbers of its items and files.
    pub contents: BTreeMap<ContentHash, Vec<(usize, usize)>>,
    /// Contents that were decoded, in order.
    pub pictures: Vec<(ContentHash, &'a Facts, Signature)>,
}

impl<'a> Collection<'a> {
    pub fn new(found: &'a Found, examination: &'a Examination) -> Self {
        let items = items(&found.files, |number| examination.photos.contains_key(&number));
        let mut contents: BTreeMap<ContentHash, Vec<(usize, usize)>> = BTreeMap::new();
        let mut pictures = BTreeMap::new();
        for (number, item) in items.iter().enumerate() {
            for photo in &item.photos {
                let Some((content, examined)) = examination.photos.get(photo) else { continue };
                contents.entry(*content).or_default().push((number, *photo));
                if let Examined::Picture(facts, signature) = examined {
                    pictures.insert(*content, (facts, *signature));
                }
            }
        }
        let pictures =
            pictures.into_iter().map(|(content, (facts, signature))| (content, facts, signature)).collect();
        Self { files: &found.files, examination, items, contents, pictures }
    }

    /// Groups of contents that show the same picture, each with the likeness to its first content.
    pub fn stars(
        &self,
        cache: &Cache,
        decisions: &Decisions,
        limits: &Limits,
        control: &Control<'_>,
    ) -> Result<Option<Vec<ContentStar>>> {
        let signatures: Vec<Signature> = self.pictures.iter().map(|(.., signature)| *signature).collect();
        let facts = self.pictures.iter().map(|(content, facts, _)| (*content, *facts, self.shared(content)));
        let compatibility = Compatibility::new(facts, decisions.different()?);
        let pictures = Pictures {
            collection: self,
            cache,
            compatibility,
            limits,
            details: Recent::new(DETAILS, Detail::bytes),
            colours: Recent::new(COLOURS, Colours::bytes),
        };
        let total = signatures.len() as u64;
        let proceed = |done: usize| {
            control.report("photos compared", done as u64, Some(total));
            !control.is_stopped()
        };
        let stars = group(&signatures, &pictures, proceed)?;
        Ok(stars.map(|stars| {
            let content = |picture: usize| self.pictures[picture].0;
            let star = |star: Star| {
                let copies = star.copies.into_iter().map(|(copy, likeness)| (content(copy), Some(likeness)));
                std::iter::once((content(star.centre), None)).chain(copies).collect()
            };
            stars.into_iter().map(star).collect()
        }))
    }

    /// The items of a content that have other photos too.
    fn shared(&self, content: &ContentHash) -> Vec<usize> {
        let items = self.contents[content].iter().map(|(item, _)| *item);
        items.filter(|item| self.items[*item].photos.len() > 1).collect()
    }

    /// What is known of a decoded content.
    pub fn facts(&self, content: &ContentHash) -> Option<&'a Facts> {
        let at = self.pictures.binary_search_by(|(other, ..)| other.cmp(content)).ok()?;
        Some(self.pictures[at].1)
    }
}

/// Contents that show the same picture: the first is the centre, the others have their likeness to it.
pub(super) type ContentStar = Vec<(ContentHash, Option<Likeness>)>;

struct Pictures<'a> {
    collection: &'a Collection<'a>,
    cache: &'a Cache,
    compatibility: Compatibility<'a>,
    limits: &'a Limits,
    details: Recent<Detail>,
    /// The colours of centres: each is compared with many photos.
    colours: Recent<Colours>,
}

/// Bytes of the details that are kept in memory; one has at most 4 MiB. A centre is compared with many photos.
const DETAILS: usize = 24 << 20;
/// Bytes of the colours that are kept in memory.
const COLOURS: usize = 1 << 20;

impl Pictures<'_> {
    /// The detail of a picture. `None` if none of its files can be read any more.
    fn detail(&self, picture: usize) -> Option<Arc<Detail>> {
        self.details.get(picture).or_else(|| {
            let content = &self.collection.pictures[picture].0;
            let detail = self.collection.contents[content].iter().find_map(|(_, file)| {
                let path = self.collection.files[*file].path();
                let bytes = Source::open(path, true, self.limits).and_then(Source::read).ok()?;
                Some(Detail::of(&decode(&bytes, self.limits).ok()?))
            })?;
            Some(self.details.add(picture, detail))
        })
    }

    /// Whether a photo that has the structure of a centre has its colours, in another saturation at most. A drawing must have the same ones.
    fn has_colours_of(&self, centre: usize, photo: usize, likeness: &Likeness) -> Result<bool> {
        let [(one, facts, _), (_, centre_facts, _)] = [photo, centre].map(|at| &self.collection.pictures[at]);
        let are_drawn = facts.is_drawn || centre_facts.is_drawn;
        if are_drawn && likeness.orientation != Orientation::default() {
            return Ok(false);
        }
        let own = self.cache.colours(one)?.turned(likeness.orientation);
        let kept = self.colours_of_centre(centre)?;
        if are_drawn {
            return Ok(have_equal_colours(&own, &kept, &likeness.alignment));
        }
        let margin = if likeness.agreement < 1.0 { COVERED } else { 0 };
        Ok(hues::agree(&own.pairs(&kept, &likeness.alignment, margin)))
    }

    fn colours_of_centre(&self, centre: usize) -> Result<Arc<Colours>> {
        match self.colours.get(centre) {
            Some(colours) => Ok(colours),
            None => Ok(self.colours.add(centre, self.cache.colours(&self.collection.pictures[centre].0)?)),
        }
    }
}

impl Photos for Pictures<'_> {
    type Error = DedupError;

    fn thumbnail(&self, photo: usize) -> Result<Thumbnail> {
        self.cache.thumbnail(&self.collection.pictures[photo].0)
    }

    fn may_join(&self, one: usize, other: usize) -> bool {
        self.compatibility.may_join(one, other)
    }

    fn kind(&self, photo: usize) -> u32 {
        self.compatibility.kind(photo)
    }

    fn confirms(&self, centre: usize, photo: usize, likeness: &Likeness) -> Result<bool> {
        let (one, facts, _) = &self.collection.pictures[centre];
        let (other, other_facts, _) = &self.collection.pictures[photo];
        if !self.has_colours_of(centre, photo, likeness)? {
            return Ok(false);
        }
        if !likeness.is_plain() || (facts.width, facts.height) != (other_facts.width, other_facts.height) {
            return Ok(true);
        }
        if let Some(known) = self.cache.equality(one, other)? {
            return Ok(known);
        }
        let details = self.detail(centre).zip(self.detail(photo));
        // What cannot be compared now is no copy in this plan.
        let Some((one_detail, other_detail)) = details else { return Ok(false) };
        let are_equal = one_detail.equals(&other_detail);
        self.cache.store_equality(one, other, are_equal)?;
        Ok(are_equal)
    }
}
