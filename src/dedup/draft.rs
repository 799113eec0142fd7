//! Groups before it is decided which members move: the items of a star, the one that is kept first, with the reasons.

mod look;
mod reasons;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;

use rayon::prelude::*;

use super::cache::{Cache, ContentHash, Facts};
use super::colours::Colours;
use super::comparison::Likeness;
use super::contents::{Collection, ContentStar};
use super::error::Result;
use super::extent::{Extent, extents};
use super::item;
use super::keep::{Contender, Keep, advantage, compare};
use super::origin::Origins;
use super::plan::Kind;
use super::relation::{Compared, differences};
use crate::control::Control;
use crate::image::Limits;
use look::{Look, unusual, upright};
use reasons::{lacks_colours, obstacles};

/// Stars that are drafted at once.
const BATCH: usize = 32;
/// Multiple of the pixels near the ends of the tones of another copy, and thousandths of the pixels, above which black and white pixels show
/// that a copy was clipped.
const CLIPPED: u16 = 2;
const LEAST_CLIPPED: u16 = 20;

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
    /// Why it stays although it is a copy of the kept photo.
    pub obstacle: Option<&'static str>,
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
    /// Whether it has the orientation that most files have.
    is_upright: bool,
    extent: Extent,
    /// Whether another one shows more of the scene.
    is_crop: bool,
    /// Whether it lacks the colours of another one.
    is_colourless: bool,
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
                part.par_iter().with_max_len(1).map(|star| self.with_rest(star)).collect::<Result<_>>()?;
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
        let mut candidates = self.candidates(star)?;
        self.sort(&mut candidates);
        let mut kept_because = None;
        if star.len() > 1 {
            let mut origins = self.origins(&candidates);
            if self.keep.contains(&Keep::Original) {
                self.examine(&mut origins, &mut candidates)?;
            }
            kept_because = self.prefer_to_references(&mut origins, &mut candidates)?;
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
        let kept_because = match (kept_because, candidates.as_slice()) {
            (Some(why), _) => why.into(),
            (None, [first, second, ..]) => compare(&first.contender, &second.contender, self.keep).1,
            _ => String::new(),
        };
        let obstacles = obstacles(&candidates, self.keep.contains(&Keep::Original));
        let kept_colours = match candidates.first().filter(|_| contents.len() > 1) {
            Some(kept) => Some(self.cache.colours(&kept.content)?),
            None => None,
        };
        let member = |((at, candidate), obstacle): ((usize, &Candidate<'a>), Option<&'static str>)| {
            let why = match (candidates.first(), &kept_colours) {
                _ if at == 0 => format!("kept: {kept_because}"),
                (Some(kept), Some(colours)) if candidate.content != kept.content => {
                    self.differences(candidate, (kept, colours))?
                }
                _ => "equal bytes".into(),
            };
            Ok(DraftMember { item: candidate.item, photo: candidate.photo, why, obstacle })
        };
        let members = candidates.iter().enumerate().zip(obstacles).map(member).collect::<Result<_>>()?;
        let kind = if contents.len() == 1 { Kind::Exact } else { Kind::Similar };
        Ok(Draft { kind, contents, members })
    }

    /// In what a photo differs from the kept one, in words.
    fn differences(
        &self,
        photo: &Candidate<'a>,
        (kept, kept_colours): (&Candidate<'a>, &Colours),
    ) -> Result<String> {
        let colours = self.cache.colours(&photo.content)?;
        let compared = |one: &Candidate<'a>, colours| Compared {
            facts: one.contender.facts,
            likeness: one.likeness,
            extent: one.extent,
            colours,
        };
        Ok(differences(&compared(photo, &colours), &compared(kept, kept_colours)))
    }

    /// The photos of a star, as if each of them were an original.
    fn candidates(&self, star: &ContentStar) -> Result<Vec<Candidate<'a>>> {
        let facts: Vec<Option<&Facts>> =
            star.iter().map(|(content, _)| self.collection.facts(content)).collect();
        let likenesses: Vec<Option<Likeness>> = star.iter().map(|(_, likeness)| *likeness).collect();
        let extents = extents(&likenesses, |at| self.cache.thumbnail(&star[at].0))?;
        // The colours of a frame are not those of the picture.
        let plain = || facts.iter().zip(&extents).filter(|(_, extent)| !extent.is_framed());
        let most =
            |value: fn(&Facts) -> u8| plain().filter_map(|(facts, _)| facts.map(value)).max().unwrap_or(0);
        let most_colours = (most(|facts| facts.colour), most(|facts| facts.saturation));
        let is_colourless = |facts: &&Facts| lacks_colours(facts, most_colours);
        let is_crop: Vec<bool> = {
            let most = Extent::largest(&extents);
            extents.iter().map(|extent| most.is_some_and(|most| extent.is_crop_of(most))).collect()
        };
        let is_altered = |at: usize| {
            let is_captioned = likenesses[at].is_some_and(|likeness| likeness.is_captioned());
            extents[at].is_framed()
                || is_crop[at]
                || is_captioned
                || facts[at].as_ref().is_some_and(is_colourless)
        };
        let altered: Vec<bool> = (0..star.len()).map(is_altered).collect();
        let unaltered = || facts.iter().zip(&altered).filter(|(_, altered)| !**altered);
        let most_clipped = [0, 1].map(|end| {
            let near_ends =
                unaltered().filter_map(|(facts, _)| facts.map(|facts| facts.near_ends[end])).min();
            CLIPPED.saturating_mul(near_ends.unwrap_or(u16::MAX)).saturating_add(LEAST_CLIPPED)
        });
        let has_ends = |facts: &Facts| (0..2).any(|end| facts.clipped[end] > most_clipped[end]);
        let looks: Vec<Look> =
            likenesses.iter().zip(&facts).map(|(own, facts)| Look::of(own, *facts)).collect();
        let unclipped: Vec<usize> =
            (0..star.len()).filter(|at| !altered[*at] && !facts[*at].is_some_and(has_ends)).collect();
        // A coarser compression of the same tones moves black and white too.
        let is_clipped = |at: usize| {
            facts[at].is_some_and(has_ends)
                && unclipped.iter().any(|other| looks[at].has_other_tones(&looks[*other]))
        };
        let files: Vec<usize> =
            star.iter().map(|(content, _)| self.collection.contents[content].len()).collect();
        let is_unusual = unusual(&looks, &files, &altered);
        let is_upright = upright(&looks, &files);
        let mut candidates = Vec::new();
        for (at, (content, likeness)) in star.iter().enumerate() {
            let (facts, extent, is_clipped) = (facts[at], extents[at], is_clipped(at));
            let pixels = facts.map_or(0, |facts| u64::from(facts.width) * u64::from(facts.height));
            let pixels = (pixels as f64 * f64::from(extent.share)) as u64;
            for &(item, photo) in &self.collection.contents[content] {
                let file = &self.collection.files[photo];
                let contender = Contender {
                    path: file.path(),
                    facts,
                    bytes: facts.and_then(|facts| facts.data).unwrap_or(file.stamp.bytes),
                    modified: file.stamp.modified,
                    companions: self.collection.items[item].companions.len(),
                    is_altered: altered[at],
                    pixels,
                    shown: pixels,
                    bits: facts.map_or(8, |facts| facts.bits),
                    is_clipped,
                    is_enlarged: false,
                    is_recompressed: false,
                    is_unusual: is_unusual[at],
                    is_reference: self.is_reference(item),
                };
                candidates.push(Candidate {
                    contender,
                    item,
                    photo,
                    content: *content,
                    likeness: *likeness,
                    is_upright: is_upright[at],
                    extent,
                    is_crop: is_crop[at],
                    is_colourless: facts.as_ref().is_some_and(is_colourless),
                    is_examined: false,
                });
            }
        }
        Ok(candidates)
    }

    fn sort(&self, candidates: &mut [Candidate<'_>]) {
        candidates.sort_by(|one, other| compare(&one.contender, &other.contender, self.keep).0);
    }

    /// The origins of those that show the whole picture upright. Turned ones gave false evidence on photos of other programs.
    fn origins(&self, candidates: &[Candidate<'_>]) -> Origins<'a> {
        let is_whole = |candidate: &&Candidate<'_>| {
            let is_captioned = candidate.likeness.is_some_and(|one| one.is_captioned());
            candidate.is_upright && !candidate.extent.is_framed() && !candidate.is_crop && !is_captioned
        };
        let whole: BTreeSet<ContentHash> =
            candidates.iter().filter(is_whole).map(|one| one.content).collect();
        Origins::new(self.collection, &whole, self.cache, self.limits)
    }

    /// Finds out the origins of the first item, and of those that would stay because they have clearly more pixels. What was not examined
    /// counts as an original, the best that it can be, so nothing of it can come before the first.
    fn examine(&self, origins: &mut Origins<'_>, candidates: &mut [Candidate<'_>]) -> Result<()> {
        loop {
            let Some(first) = candidates.first() else { return Ok(()) };
            let (item, pixels) = (first.item, first.contender.pixels);
            let counts = |one: &&Candidate<'_>| one.item == item || one.contender.has_clearly_more(pixels);
            let next = candidates.iter().find(|one| !one.is_examined && counts(one));
            let Some(content) = next.map(|candidate| candidate.content) else { return Ok(()) };
            self.examine_content(origins, candidates, &content)?;
        }
    }

    fn examine_content(
        &self,
        origins: &mut Origins<'_>,
        candidates: &mut [Candidate<'_>],
        content: &ContentHash,
    ) -> Result<()> {
        let origin = origins.of(content)?;
        for candidate in candidates.iter_mut().filter(|candidate| candidate.content == *content) {
            candidate.is_examined = true;
            if let Some(origin) = origin {
                candidate.contender.shown = origin.pixels;
                candidate.contender.is_enlarged = origin.is_enlarged;
                candidate.contender.is_recompressed = origin.is_recompressed;
                // More bits hold no more than the photo from which they were computed.
                if origin.is_enlarged || origin.is_recompressed {
                    candidate.contender.bits = 8;
                }
            }
        }
        self.sort(candidates);
        Ok(())
    }

    /// Puts a photo first that is clearly better than each one in a reference folder, and says why. `None` if there is none, or no
    /// photo in a reference folder.
    fn prefer_to_references(
        &self,
        origins: &mut Origins<'_>,
        candidates: &mut [Candidate<'_>],
    ) -> Result<Option<&'static str>> {
        loop {
            let references =
                candidates.iter().take_while(|candidate| candidate.contender.is_reference).count();
            let (references, others) = candidates.split_at(references);
            let why = |candidate: &Candidate<'_>| {
                let each = references.iter().map(|one| advantage(&candidate.contender, &one.contender));
                each.collect::<Option<Vec<_>>>()?.first().copied()
            };
            let better = others.iter().enumerate().find_map(|(at, candidate)| Some((at, why(candidate)?)));
            let Some((at, why)) = better else { return Ok(None) };
            let at = references.len() + at;
            if candidates[at].is_examined {
                candidates[..=at].rotate_right(1);
                return Ok(Some(why));
            }
            let content = candidates[at].content;
            self.examine_content(origins, candidates, &content)?;
        }
    }
}
