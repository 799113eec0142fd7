//! How much of the scene each photo of a group shows: which are crops, and which have a frame.
//!
//! The photo with which the others were compared may be a crop or have a frame itself. So each photo has a place in the plane of that photo, and what a
//! photo shows around another one decides whether it has a frame or the other one is a crop.

use super::border::is_frame;
use super::comparison::Likeness;
use super::hash::Window;
use super::thumbnail::Thumbnail;

/// Change of the area that is a crop or a frame.
const CHANGED: f32 = 0.04;
/// Distance of the borders of two places that are one, and by which a place may reach out of another that contains it.
const NEAR: f32 = 0.012;
/// Places that are tried as the picture in a frame.
const MOST_PLACES: usize = 8;

const WHOLE: Window = [0.0, 0.0, 1.0, 1.0];

/// What a photo shows of the scene.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Extent {
    /// Area of the scene that it shows, where the photo with which all were compared has area 1.
    area: f32,
    /// Share of its pixels that show it; the others are a frame.
    pub share: f32,
}

impl Extent {
    /// The one that shows most. `None` if there is none.
    pub fn largest(extents: &[Self]) -> Option<&Self> {
        extents.iter().max_by(|one, other| one.area.total_cmp(&other.area))
    }

    /// Whether a frame is around the picture.
    pub fn is_framed(&self) -> bool {
        self.share < 1.0
    }

    /// Whether it shows less than another photo.
    pub fn is_crop_of(&self, other: &Self) -> bool {
        self.area < (1.0 - CHANGED) * other.area
    }

    /// In what it differs from the kept photo, in words.
    pub fn words(&self, kept: &Self) -> Vec<String> {
        let percent = |one: &Self, other: &Self| format!("{:.0} %", 100.0 * one.area / other.area);
        let mut words = Vec::new();
        if self.is_crop_of(kept) {
            words.push(format!("cropped to {}", percent(self, kept)));
        } else if kept.is_crop_of(self) {
            words.push(format!("of which the kept photo shows {}", percent(kept, self)));
        }
        match (self.is_framed(), kept.is_framed()) {
            (true, false) => words.push("with a frame".into()),
            (false, true) => words.push("without the frame".into()),
            _ => {}
        }
        words
    }
}

/// The extents of photos with these likenesses to one of them; that one has none. `thumbnail` gives the thumbnail of a photo by its number.
///
/// # Errors
/// A thumbnail cannot be read.
pub(super) fn extents<E>(
    likenesses: &[Option<Likeness>],
    mut thumbnail: impl FnMut(usize) -> Result<Thumbnail, E>,
) -> Result<Vec<Extent>, E> {
    let own: Vec<Window> = likenesses.iter().map(place).collect();
    let mut places: Vec<Window> = Vec::new();
    for place in &own {
        let is_near = |other: &Window| place.iter().zip(other).all(|(one, other)| (one - other).abs() < NEAR);
        if !places.iter().any(is_near) {
            places.push(*place);
        }
    }
    places.sort_by(|one, other| area(*other).total_cmp(&area(*one)));
    places.truncate(MOST_PLACES);
    let mut extents = Vec::with_capacity(own.len());
    for (at, place) in own.into_iter().enumerate() {
        let mut extent = Extent { area: area(place), share: 1.0 };
        let mut picture = None;
        for inner in &places {
            if !contains(place, *inner) || area(*inner) >= (1.0 - CHANGED) * area(place) {
                continue;
            }
            let picture = match &picture {
                Some(picture) => picture,
                None => {
                    let orientation = likenesses[at].map(|one| one.orientation).unwrap_or_default();
                    picture.insert(orientation.apply(&thumbnail(at)?))
                }
            };
            if is_frame(picture, within(place, *inner)) {
                extent = Extent { area: area(*inner), share: area(*inner) / area(place) };
                break;
            }
        }
        extents.push(extent);
    }
    Ok(extents)
}

/// Where a photo is: left, top, right and bottom.
fn place(likeness: &Option<Likeness>) -> Window {
    let Some(likeness) = likeness else { return WHOLE };
    let ([across, down], [left, top]) = (likeness.alignment.scale, likeness.alignment.shift);
    // The borders are not exact.
    let is_whole = (1.0 - CHANGED..=1.0 + CHANGED).contains(&(across * down));
    if is_whole { WHOLE } else { [left, top, left + across, top + down] }
}

fn area([left, top, right, bottom]: Window) -> f32 {
    (right - left) * (bottom - top)
}

fn contains(outer: Window, inner: Window) -> bool {
    (0..2).all(|at| inner[at] >= outer[at] - NEAR && inner[at + 2] <= outer[at + 2] + NEAR)
}

/// A place as a part of the photo at another place, in shares of its sides.
fn within([left, top, right, bottom]: Window, inner: Window) -> Window {
    let (across, down) = (right - left, bottom - top);
    [(inner[0] - left) / across, (inner[1] - top) / down, (inner[2] - left) / across, (inner[3] - top) / down]
}

#[cfg(test)]
mod tests {
    use super::super::alignment::Alignment;
    use super::super::orientation::Orientation;
    use super::super::tests::{scene, thumbnail};
    use super::*;

    /// The likeness of a photo that shows this part of the plane.
    fn at([left, top, right, bottom]: Window) -> Option<Likeness> {
        let alignment =
            Alignment { scale: [right - left, bottom - top], shift: [left, top], ..Alignment::IDENTITY };
        Some(Likeness { orientation: Orientation::default(), alignment, agreement: 1.0 })
    }

    /// A photo of a scene that shows `part` of it, in a white frame of this width.
    fn photo(part: Window, frame: f32) -> Thumbnail {
        let scene = scene(4);
        thumbnail(move |x, y| {
            let inside = |share: f32| (share - frame) / (1.0 - 2.0 * frame);
            let (x, y) = (inside(x), inside(y));
            let is_inside = (0.0..1.0).contains(&x) && (0.0..1.0).contains(&y);
            let [left, top, right, bottom] = part;
            if is_inside { scene(left + (right - left) * x, top + (bottom - top) * y) } else { 255.0 }
        })
    }

    fn found(photos: &[(Option<Likeness>, Thumbnail)]) -> Vec<Extent> {
        let likenesses: Vec<_> = photos.iter().map(|(likeness, _)| *likeness).collect();
        extents(&likenesses, |at| Ok::<_, ()>(photos[at].1.clone())).unwrap()
    }

    const PART: Window = [0.05, 0.02, 0.95, 0.93];

    #[test]
    fn the_whole_scene_is_no_frame_around_its_crop_whichever_was_compared_with_the_other() {
        let [crop, full] = [photo(PART, 0.0), photo(WHOLE, 0.0)];
        let found_of_full = found(&[(None, full.clone()), (at(PART), crop.clone())]);
        let outer = within(PART, WHOLE);
        let found_of_crop = found(&[(at(outer), full), (None, crop)]);
        for [full, crop] in [found_of_full, found_of_crop].map(|found| [found[0], found[1]]) {
            assert!(crop.is_crop_of(&full) && !full.is_crop_of(&crop));
            assert!(!crop.is_framed() && !full.is_framed());
            assert_eq!(crop.words(&full), ["cropped to 82 %"]);
            assert_eq!(full.words(&crop), ["of which the kept photo shows 82 %"]);
        }
    }

    #[test]
    fn a_framed_photo_is_no_larger_scene_whichever_was_compared_with_the_other() {
        let [framed, plain] = [photo(WHOLE, 0.06), photo(WHOLE, 0.0)];
        let inner = [0.06, 0.06, 0.94, 0.94];
        let found_of_framed = found(&[(None, framed.clone()), (at(inner), plain.clone())]);
        let found_of_plain = found(&[(at(within(inner, WHOLE)), framed), (None, plain)]);
        for [framed, plain] in [found_of_framed, found_of_plain].map(|found| [found[0], found[1]]) {
            assert!(framed.is_framed() && !plain.is_framed());
            assert!(!plain.is_crop_of(&framed) && !framed.is_crop_of(&plain));
            assert_eq!(framed.words(&plain), ["with a frame"]);
            assert_eq!(plain.words(&framed), ["without the frame"]);
            assert!((framed.share - 0.7744).abs() < 0.001);
        }
    }

    #[test]
    fn a_crop_and_a_frame_of_one_photo_are_told_apart() {
        let inner = [0.06, 0.06, 0.94, 0.94];
        let crop =
            [0.06 + 0.88 * PART[0], 0.06 + 0.88 * PART[1], 0.06 + 0.88 * PART[2], 0.06 + 0.88 * PART[3]];
        let found = found(&[
            (None, photo(WHOLE, 0.06)),
            (at(inner), photo(WHOLE, 0.0)),
            (at(crop), photo(PART, 0.0)),
        ]);
        assert!(found[0].is_framed() && !found[1].is_framed() && !found[2].is_framed());
        assert!(found[2].is_crop_of(&found[1]) && found[2].is_crop_of(&found[0]));
    }
}
