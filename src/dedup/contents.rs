//! The photos of a collection by content, and the groups of contents that show the same picture.

use std::collections::{BTreeMap, BTreeSet};

use super::burst;
use super::cache::{Cache, ContentHash, Examined, Facts};
use super::comparison::Likeness;
use super::decisions::Decisions;
use super::error::{DedupError, Result};
use super::examination::Examination;
use super::files::{File, Found};
use super::grouping::{Photos, Star, group};
use super::item::{Item, items};
use super::signature::Signature;
use super::thumbnail::Thumbnail;
use crate::control::Control;

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
        control: &Control<'_>,
    ) -> Result<Option<Vec<ContentStar>>> {
        let signatures: Vec<Signature> = self.pictures.iter().map(|(.., signature)| *signature).collect();
        let apart = decisions.different()?;
        let pictures = Pictures { collection: self, cache, apart };
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
    apart: BTreeSet<(ContentHash, ContentHash)>,
}

impl Photos for Pictures<'_> {
    type Error = DedupError;

    fn thumbnail(&self, photo: usize) -> Result<Thumbnail> {
        self.cache.thumbnail(&self.collection.pictures[photo].0)
    }

    fn may_join(&self, centre: usize, photo: usize) -> bool {
        let (one, facts, _) = &self.collection.pictures[centre];
        let (other, other_facts, _) = &self.collection.pictures[photo];
        let shares_item = || {
            let of = |content: &ContentHash| self.collection.contents[content].iter().map(|(item, _)| *item);
            of(one).any(|item| of(other).any(|second| second == item))
        };
        // Of an animation only one picture is compared.
        let is_single = !facts.has_more && !other_facts.has_more;
        is_single
            && !burst::are_different_exposures(facts, other_facts)
            && !self.apart.contains(&(*one.min(other), *one.max(other)))
            && !shares_item()
    }
}
