//! Groups before it is decided which members move: the items of a star, the one that is kept first, with the reasons.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rayon::prelude::*;

use super::cache::{Cache, ContentHash};
use super::comparison::Likeness;
use super::contents::{Collection, ContentStar};
use super::error::Result;
use super::item;
use super::keep::{Contender, Keep, compare};
use super::origin::Origins;
use super::plan::Kind;
use super::relation::{Compared, differences};
use crate::control::Control;
use crate::image::Limits;

/// Stars that are drafted at once.
const BATCH: usize = 32;

/// A group before its members are chosen.
pub(super) struct Draft {
    pub kind: Kind,
    pub contents: Vec<ContentHash>,
    /// Items with the photo that belongs to the group, the first one kept. At least two.
    pub members: Vec<DraftMember>,
}

pub(super) struct DraftMember {
    pub item: usize,
    pub photo: usize,
    pub why: String,
    /// Whether it or the kept photo has a caption or a mark that the other one does not have.
    pub is_captioned: bool,
}

/// Orders the members of groups.
pub(super) struct Drafter<'a> {
    pub collection: &'a Collection<'a>,
    pub references: &'a [PathBuf],
    pub keep: &'a [Keep],
    pub cache: &'a Cache,
    pub limits: &'a Limits,
}

/// A photo of a star that may be kept.
struct Candidate<'a> {
    contender: Contender<'a>,
    item: usize,
    photo: usize,
    content: ContentHash,
    likeness: Option<Likeness>,
    /// Whether it shows the whole picture.
    is_whole: bool,
    /// Whether its origin was looked for.
    is_examined: bool,
}

impl<'a> Drafter<'a> {
    /// The groups of these stars, and of equal files that are in none of them. `None` if it was stopped.
    ///
    /// # Errors
    /// The cache failed.
    pub fn drafts(&self, stars: &[ContentStar], control: &Control<'_>) -> Result<Option<Vec<Draft>>> {
        let in_star: BTreeSet<ContentHash> = stars.iter().flatten().map(|(content, _)| *content).collect();
        let alone = self
            .collection
            .contents
            .iter()
            .filter(|(content, places)| places.len() > 1 && !in_star.contains(*content));
        let alone: Vec<ContentStar> = alone.map(|(content, _)| vec![(*content, None)]).collect();
        let all: Vec<&ContentStar> = stars.iter().chain(&alone).collect();
        let mut drafts = Vec::new();
        for (batch, part) in all.chunks(BATCH).enumerate() {
            if control.is_stopped() {
                return Ok(None);
            }
            control.report("groups compared", (batch * BATCH) as u64, Some(all.len() as u64));
            let found: Vec<Vec<Draft>> =
                part.par_iter().map(|star| self.with_rest(star)).collect::<Result<_>>()?;
            drafts.extend(found.into_iter().flatten().filter(|draft| draft.members.len() > 1));
        }
        Ok(Some(drafts))
    }

    /// The group of a star, and the equal files of each content that is not in it.
    fn with_rest(&self, star: &ContentStar) -> Result<Vec<Draft>> {
        let draft = self.draft(star)?;
        let rest = star.iter().filter(|(content, _)| !draft.contents.contains(content));
        let rest: Vec<ContentHash> = rest.map(|(content, _)| *content).collect();
        let rest = rest.into_iter().map(|content| self.draft(&vec![(content, None)]));
        std::iter::once(Ok(draft)).chain(rest).collect()
    }

    /// Whether an item is in a folder that is never touched.
    pub fn is_reference(&self, item: usize) -> bool {
        let mut paths = item::paths(&self.collection.items[item], self.collection.files);
        paths.any(|path| self.references.iter().any(|reference| path.starts_with(reference)))
    }

    fn draft(&self, star: &ContentStar) -> Result<Draft> {
        let mut candidates = self.candidates(star);
        self.sort(&mut candidates);
        if self.keep.contains(&Keep::Original) && star.len() > 1 {
            self.examine(star, &mut candidates)?;
        }
        if let Some(kept) = candidates.first() {
            let (content, pixels, holds_more) =
                (kept.content, kept.contender.pixels, kept.contender.holds_more());
            // A photo that holds more than its picture is kept, or is in no group. It is kept for photos that show no more than it does.
            let is_copy = |one: &Contender<'_>| match holds_more {
                true => one.pixels <= pixels,
                false => !one.facts.is_some_and(|facts| facts.holds_more),
            };
            candidates.retain(|candidate| candidate.content == content || is_copy(&candidate.contender));
        }
        let members: BTreeSet<ContentHash> = candidates.iter().map(|candidate| candidate.content).collect();
        let contents: Vec<ContentHash> =
            star.iter().map(|(content, _)| *content).filter(|content| members.contains(content)).collect();
        // Two photos of one item may be copies of each other; the item is a member once.
        let mut seen = BTreeSet::new();
        candidates.retain(|candidate| seen.insert(candidate.item));
        let kept_because = match candidates.as_slice() {
            [first, second, ..] => compare(&first.contender, &second.contender, self.keep).1,
            _ => String::new(),
        };
        let kept = candidates.first();
        let kept_content = kept.map_or([0; 32], |kept| kept.content);
        let is_captioned =
            |candidate: &Candidate<'_>| candidate.likeness.is_some_and(|one| one.is_captioned());
        let is_kept_captioned = kept.is_some_and(is_captioned);
        let member = |(at, candidate): (usize, &Candidate<'_>)| -> Result<DraftMember> {
            let why = match at {
                0 => format!("kept: {kept_because}"),
                _ if candidate.content == kept_content => "equal bytes".into(),
                _ => match kept {
                    Some(kept) => self.differences(candidate, kept)?,
                    None => String::new(),
                },
            };
            let is_captioned =
                candidate.content != kept_content && (is_kept_captioned || is_captioned(candidate));
            Ok(DraftMember { item: candidate.item, photo: candidate.photo, why, is_captioned })
        };
        let members = candidates.iter().enumerate().map(member).collect::<Result<_>>()?;
        let kind = if contents.len() == 1 { Kind::Exact } else { Kind::Similar };
        Ok(Draft { kind, contents, members })
    }

    /// In what a photo differs from the kept one, in words.
    fn differences(&self, photo: &Candidate<'_>, kept: &Candidate<'_>) -> Result<String> {
        let colours = [self.cache.colours(&photo.content)?, self.cache.colours(&kept.content)?];
        let [photo, kept] = [photo, kept].map(|one| (one.contender.facts, one.likeness));
        let photo = Compared { facts: photo.0, likeness: photo.1, colours: &colours[0] };
        Ok(differences(&photo, &Compared { facts: kept.0, likeness: kept.1, colours: &colours[1] }))
    }

    /// The photos of a star, as if each of them were an original.
    fn candidates(&self, star: &ContentStar) -> Vec<Candidate<'a>> {
        let colour = |content: &ContentHash| self.collection.facts(content).map_or(0, |facts| facts.colour);
        let most_colour = star.iter().map(|(content, _)| colour(content)).max().unwrap_or(0);
        let mut candidates = Vec::new();
        for (content, likeness) in star {
            let facts = self.collection.facts(content);
            let (share, is_changed) = likeness.map_or((1.0, false), |likeness| likeness.share());
            let pixels = facts.map_or(0, |facts| u64::from(facts.width) * u64::from(facts.height));
            let pixels = (pixels as f64 * f64::from(share)) as u64;
            for &(item, photo) in &self.collection.contents[content] {
                let file = &self.collection.files[photo];
                let contender = Contender {
                    path: file.path(),
                    facts,
                    bytes: file.stamp.bytes,
                    modified: file.stamp.modified,
                    companions: self.collection.items[item].companions.len(),
                    is_altered: is_changed || colour(content) < most_colour / 2,
                    pixels,
                    shown: pixels,
                    is_enlarged: false,
                    is_recompressed: false,
                    is_reference: self.is_reference(item),
                };
                let (content, likeness, is_whole) = (*content, *likeness, share == 1.0);
                candidates.push(Candidate {
                    contender,
                    item,
                    photo,
                    content,
                    likeness,
                    is_whole,
                    is_examined: false,
                });
            }
        }
        candidates
    }

    fn sort(&self, candidates: &mut [Candidate<'_>]) {
        candidates.sort_by(|one, other| compare(&one.contender, &other.contender, self.keep).0);
    }

    /// Finds out the origins of the first two items. What was not examined counts as an original, the best that it can be, so nothing
    /// of it can come before them.
    fn examine(&self, star: &ContentStar, candidates: &mut [Candidate<'_>]) -> Result<()> {
        let mut origins = Origins::new(self.collection, star, self.cache, self.limits);
        loop {
            let first = candidates.first().map(|candidate| candidate.item);
            let second = candidates.iter().position(|candidate| Some(candidate.item) != first).unwrap_or(0);
            let next = candidates.iter().take(second + 1).find(|candidate| !candidate.is_examined);
            let Some(content) = next.map(|candidate| candidate.content) else { return Ok(()) };
            let origin = origins.of(&content)?;
            for candidate in candidates.iter_mut().filter(|candidate| candidate.content == content) {
                candidate.is_examined = true;
                if let Some(origin) = origin.filter(|_| candidate.is_whole) {
                    candidate.contender.shown = origin.pixels;
                    candidate.contender.is_enlarged = origin.is_enlarged;
                    candidate.contender.is_recompressed = origin.is_recompressed;
                }
            }
            self.sort(candidates);
        }
    }
}
