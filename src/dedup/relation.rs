//! In what a photo differs from the kept one, in words.

use super::cache::Facts;
use super::colours::{Colour, Colours, chroma, length, luma};
use super::comparison::Likeness;
use super::extent::Extent;
use super::orientation::Orientation;

/// Cells at each side that a caption, a mark or a frame may cover.
pub(super) const COVERED: usize = 6;
/// Difference of the mean brightness, in levels of grey, from which a photo is brighter or darker.
const BRIGHTER: f32 = 3.0;
/// Change of the contrast.
const CONTRAST: f32 = 0.12;
/// Mean difference of the colours from which a photo is recoloured, where the brightness is the same and where it is not. Another
/// brightness changes the colours too.
const RECOLOURED: f32 = 4.0;
const RECOLOURED_MORE: f32 = 6.0;
/// Mean amount of colour of a photo that has colours, and the share of it that one without them has at most.
const COLOURED: f32 = 4.0;
const COLOURLESS: f32 = 0.15;

/// A photo of a star.
pub(super) struct Compared<'a> {
    pub facts: Option<&'a Facts>,
    /// Its likeness to the centre; `None` for the centre.
    pub likeness: Option<Likeness>,
    /// What it shows of the scene.
    pub extent: Extent,
    pub colours: &'a Colours,
}

impl Compared<'_> {
    fn orientation(&self) -> Orientation {
        self.likeness.map_or(Orientation::default(), |likeness| likeness.orientation)
    }

    fn is_captioned(&self) -> bool {
        self.likeness.is_some_and(|likeness| likeness.is_captioned())
    }

    /// The likeness of this photo to another one, where both are turned as they equal the centre.
    fn likeness_to(&self, kept: &Self) -> Likeness {
        let centre = Likeness::identity();
        let (own, other) = (self.likeness.unwrap_or(centre), kept.likeness.unwrap_or(centre));
        Likeness {
            orientation: own.orientation.then(other.orientation.inverse()),
            alignment: own.alignment.then_back(&other.alignment),
            agreement: own.agreement,
        }
    }
}

/// In what a photo differs from the kept one.
pub(super) fn differences(photo: &Compared<'_>, kept: &Compared<'_>) -> String {
    let mut words = Vec::new();
    if let (Some(facts), Some(kept)) = (photo.facts, kept.facts) {
        let Facts { width, height, bits, .. } = facts;
        if u64::from(*width) * u64::from(*height) != u64::from(kept.width) * u64::from(kept.height) {
            words.push(format!("{width} x {height} instead of {} x {}", kept.width, kept.height));
        }
        if *bits < kept.bits {
            words.push(format!("{bits} bits of a channel instead of {}", kept.bits));
        }
    }
    let likeness = photo.likeness_to(kept);
    // What was turned clockwise equals the other one after it is turned back.
    words.extend(likeness.orientation.inverse().words().map(str::to_owned));
    words.extend(photo.extent.words(&kept.extent));
    match (photo.is_captioned(), kept.is_captioned()) {
        (true, _) => words.push("with a caption or a mark".into()),
        (false, true) => words.push("without a caption or a mark".into()),
        (false, false) => {}
    }
    let is_covered = |compared: &Compared<'_>| {
        compared.extent.is_framed() || compared.likeness.is_some_and(|one| one.agreement < 1.0)
    };
    let margin = if is_covered(photo) || is_covered(kept) { COVERED } else { 0 };
    let [own, other] = [photo, kept].map(|one| one.colours.turned(one.orientation()));
    words.extend(tones(&own.pairs(&other, &likeness.alignment, margin)).into_iter().map(str::to_owned));
    match words.is_empty() {
        true => "the same picture, encoded differently".into(),
        false => format!("the same picture, {}", words.join(", ")),
    }
}

/// Luma and colour of both pictures at a place.
struct Sample {
    luma: [f32; 2],
    chroma: [[f32; 2]; 2],
    /// The amounts of colour.
    lengths: [f32; 2],
}

/// How the first picture differs in brightness and colours, from the colours of both at the same places.
fn tones(pairs: &[[Colour; 2]]) -> Vec<&'static str> {
    let sample = |pair: &[Colour; 2]| {
        let chroma = pair.map(chroma);
        Sample { luma: pair.map(luma), chroma, lengths: chroma.map(length) }
    };
    let samples: Vec<Sample> = pairs.iter().map(sample).collect();
    let [own, kept] = [0, 1].map(|at| mean(&samples, |one| one.luma[at]));
    let covariance = mean(&samples, |one| (one.luma[0] - own) * (one.luma[1] - kept));
    let variance = mean(&samples, |one| (one.luma[1] - kept).powi(2));
    let [own_colour, kept_colour] = [0, 1].map(|at| mean(&samples, |one| one.lengths[at]));
    let mut words = Vec::new();
    let has_other_brightness = (own - kept).abs() >= BRIGHTER;
    if has_other_brightness {
        words.push(if own > kept { "brighter" } else { "darker" });
    } else if variance >= 1.0 && (covariance / variance - 1.0).abs() > CONTRAST {
        words.push("with other contrast");
    }
    // A dark photo has less of each colour, and is not without colours.
    let expected = kept_colour * (own / kept.max(1.0)).min(1.0);
    // The change of saturation that explains most.
    let product = |[one, other]: [[f32; 2]; 2]| one[0] * other[0] + one[1] * other[1];
    let common = mean(&samples, |one| product(one.chroma));
    let squares = mean(&samples, |one| one.lengths[1].powi(2));
    let factor = if has_other_brightness && squares > 0.0 { common / squares } else { 1.0 };
    let difference = mean(&samples, |Sample { chroma: [one, other], .. }| {
        length([one[0] - factor * other[0], one[1] - factor * other[1]])
    });
    if kept_colour >= COLOURED && own_colour < COLOURLESS * expected {
        words.push("without its colours");
    } else if own_colour >= COLOURED && kept_colour < COLOURLESS * own_colour * (kept / own.max(1.0)).min(1.0)
    {
        words.push("with colours");
    } else if difference > if has_other_brightness { RECOLOURED_MORE } else { RECOLOURED } {
        words.push("recoloured");
    }
    words
}

fn mean(samples: &[Sample], value: impl Fn(&Sample) -> f32) -> f32 {
    samples.iter().map(value).sum::<f32>() / samples.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs of a colourful picture and of an edit of it, the edit first.
    fn edited(edit: impl Fn(Colour) -> Colour) -> Vec<[Colour; 2]> {
        let colour =
            |at: usize| [at * 37 % 200, at * 73 % 190, at * 111 % 210].map(|value| 20.0 + value as f32);
        (0..400).map(colour).map(|colour| [edit(colour), colour]).collect()
    }

    #[test]
    fn a_dark_or_burnt_out_photo_is_not_without_colours() {
        for factor in [0.1, 0.3, 2.0, 3.5] {
            let pairs = edited(|colour| colour.map(|value| (factor * value).min(255.0)));
            assert!(!tones(&pairs).contains(&"without its colours"), "{factor}: {:?}", tones(&pairs));
        }
        let grey = edited(|colour| [luma(colour); 3]);
        assert_eq!(tones(&grey), ["without its colours"]);
        assert_eq!(
            tones(&grey.into_iter().map(|[one, other]| [other, one]).collect::<Vec<_>>()),
            ["with colours"]
        );
    }

    #[test]
    fn brightness_contrast_and_colours_are_told_apart() {
        assert!(tones(&edited(|colour| colour.map(|value| value + 1.0))).is_empty());
        assert_eq!(tones(&edited(|colour| colour.map(|value| value + 8.0))), ["brighter"]);
        assert_eq!(tones(&edited(|colour| colour.map(|value| 0.85 * value))), ["darker"]);
        let saturated = |colour: Colour| colour.map(|value| luma(colour) + 1.5 * (value - luma(colour)));
        assert_eq!(tones(&edited(saturated)), ["recoloured"]);
        let flatter = |colour: Colour| colour.map(|value| value + 0.4 * (120.0 - luma(colour)));
        assert!(tones(&edited(flatter)).contains(&"with other contrast"), "{:?}", tones(&edited(flatter)));
    }
}
