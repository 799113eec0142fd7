//! Why a copy stays.

use std::collections::BTreeSet;

use super::super::cache::{ContentHash, Facts};
use super::super::origin::is_from_camera;
use super::Candidate;

/// Most colour and saturation of a grey photo, as [`Facts`] measure them.
const GREY: u8 = 2;
const GREY_SATURATION: u8 = 6;
const CAPTION: &str = "it or the kept photo has a caption or a mark that the other does not have";
const DATA: &str = "it has the data of a camera or a date, and the kept photo has none";
const GAIN_MAP: &str = "it has a gain map (HDR), and the kept photo has none";
const MORE: &str = "it has clearly more pixels than the kept photo";
const COLOURLESS: &str = "it has the data of a camera or a date, and no photo with colours has";

/// Whether a photo lacks colours that another one has. A pale photo does not lack those of a copy that was tinted, and a dark one has as much
/// saturation as a bright one.
pub(super) fn lacks_colours(facts: &Facts, (colour, saturation): (u8, u8)) -> bool {
    let is_grey = facts.colour <= GREY && facts.saturation <= GREY_SATURATION;
    is_grey && facts.colour < colour / 2 && facts.saturation < saturation / 2
}

/// For each candidate, of which the first is kept, why it stays although it is a copy: it has something that those before it that stay do
/// not have. More pixels, the data of a camera and a gain map count if the original is to be kept (`is_original_kept`), and not if the user has chosen
/// other rules.
pub(super) fn obstacles<'a>(
    candidates: &[Candidate<'a>],
    is_original_kept: bool,
) -> Vec<Option<&'static str>> {
    let Some(kept) = candidates.first() else { return Vec::new() };
    let is_captioned = |candidate: &Candidate<'_>| candidate.likeness.is_some_and(|one| one.is_captioned());
    let is_from_camera = |candidate: &Candidate<'_>| candidate.contender.facts.is_some_and(is_from_camera);
    let is_colour_original =
        |candidate: &Candidate<'_>| !candidate.is_colourless && is_from_camera(candidate);
    let has_colour_original = candidates.iter().any(is_colour_original);
    // One photo of each time stays.
    let mut times: BTreeSet<Option<&'a str>> = BTreeSet::new();
    let has_gain_map = |one: &Candidate<'_>| one.contender.facts.is_some_and(|facts| facts.has_gain_map);
    let (mut has_data, mut has_map) = (is_from_camera(kept), has_gain_map(kept));
    let mut pixels = kept.contender.pixels;
    let mut stays: BTreeSet<ContentHash> = [kept.content].into();
    let mut obstacle = |candidate: &Candidate<'a>| {
        if stays.contains(&candidate.content) {
            return None;
        }
        let taken = candidate.contender.facts.and_then(|facts| facts.taken.as_deref());
        let may_be_original = candidate.is_colourless
            && !kept.is_colourless
            && is_from_camera(candidate)
            && !has_colour_original
            && times.insert(taken);
        if is_captioned(kept) || is_captioned(candidate) {
            return Some(CAPTION);
        }
        let has_new_data = is_from_camera(candidate) && !has_data && !candidate.is_colourless;
        let why = match () {
            () if may_be_original => COLOURLESS,
            () if is_original_kept && has_new_data => DATA,
            () if is_original_kept && has_gain_map(candidate) && !has_map => GAIN_MAP,
            () if is_original_kept && candidate.contender.has_clearly_more(pixels) => MORE,
            () => return None,
        };
        has_data |= is_from_camera(candidate);
        has_map |= has_gain_map(candidate);
        pixels = pixels.max(candidate.contender.pixels);
        stays.insert(candidate.content);
        Some(why)
    };
    candidates.iter().map(&mut obstacle).collect()
}
