//! The orientations and tones of the photos of a group: what most files have is that of the original more often than what few have.

use std::cmp::Reverse;

use super::super::cache::Facts;
use super::super::comparison::Likeness;
use super::super::orientation::Orientation;

/// Changes of contrast and of brightness, in levels of grey, from which tones are others.
const OTHER: (f32, f32) = (0.12, 16.0);
/// Those up to which tones are the same, and changes of saturation, absolute and relative.
const SAME: (f32, f32) = (0.05, 5.0);
const SAME_SATURATION: (f32, f32) = (5.0, 0.1);

/// The orientation and the tones of a photo.
pub(super) struct Look {
    /// That in which it equals the photo with which all were compared.
    orientation: Orientation,
    /// Contrast and brightness with which it explains the photo with which all were compared.
    gain: f32,
    bias: f32,
    saturation: f32,
}

impl Look {
    pub fn of(likeness: &Option<Likeness>, facts: Option<&Facts>) -> Self {
        let (gain, bias) = likeness.map_or((1.0, 0.0), |one| (one.alignment.gain, one.alignment.bias));
        let saturation = facts.map_or(0.0, |facts| facts.saturation.into());
        Self {
            orientation: likeness.map(|likeness| likeness.orientation).unwrap_or_default(),
            gain,
            bias,
            saturation,
        }
    }

    /// The changes of contrast and brightness from another photo to this one.
    fn change(&self, other: &Self) -> (f32, f32) {
        let gain = self.gain / other.gain;
        ((gain - 1.0).abs(), (self.bias - gain * other.bias).abs())
    }

    /// Whether the photos differ clearly in contrast or brightness.
    pub fn has_other_tones(&self, other: &Self) -> bool {
        let (contrast, brightness) = self.change(other);
        contrast > OTHER.0 || brightness > OTHER.1
    }

    /// Whether the photos differ by what an encoding changes only.
    pub fn is_like(&self, other: &Self) -> bool {
        let (contrast, brightness) = self.change(other);
        let most_saturation = SAME_SATURATION.0.max(SAME_SATURATION.1 * self.saturation);
        self.orientation == other.orientation
            && contrast <= SAME.0
            && brightness <= SAME.1
            && (self.saturation - other.saturation).abs() <= most_saturation
    }
}

/// Which photos have another look than most files, `files` of each photo, have. The most common look is that of a photo that is not
/// altered. A photo that is like it is usual too, although the looks that are like its own may be fewer.
pub(super) fn unusual(looks: &[Look], files: &[usize], altered: &[bool]) -> Vec<bool> {
    let alike = |look: &Look| -> usize {
        looks.iter().zip(files).filter(|(other, _)| look.is_like(other)).map(|(_, files)| files).sum()
    };
    let alike: Vec<usize> = looks.iter().map(alike).collect();
    let unaltered = (0..looks.len()).filter(|at| !altered[*at]);
    let Some(common) = unaltered.max_by_key(|at| (alike[*at], Reverse(*at))) else {
        return vec![false; looks.len()];
    };
    (0..looks.len()).map(|at| alike[at] < alike[common] && !looks[at].is_like(&looks[common])).collect()
}

/// Which photos have the orientation that most files have, `files` of each photo; of equally common ones, that of the first photo.
pub(super) fn upright(looks: &[Look], files: &[usize]) -> Vec<bool> {
    let have_one = |one: &Look, other: &Look| one.orientation == other.orientation;
    let count = |look: &Look| -> usize {
        looks.iter().zip(files).filter(|(other, _)| have_one(look, other)).map(|(_, files)| files).sum()
    };
    let common = looks.iter().enumerate().max_by_key(|(at, look)| (count(look), Reverse(*at)));
    looks.iter().map(|look| common.is_some_and(|(_, common)| have_one(look, common))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::alignment::Alignment;
    use super::*;

    #[test]
    fn a_photo_that_is_like_the_most_common_one_is_usual() {
        let upright = Orientation::default();
        let look = |bias: f32, orientation: Orientation| {
            let alignment = Alignment { bias, ..Alignment::IDENTITY };
            Look::of(&Some(Likeness { orientation, alignment, agreement: 1.0 }), None)
        };
        // The second is like both of its neighbours, which are not like each other.
        let looks =
            [look(0.0, upright), look(4.0, upright), look(8.0, upright), look(0.0, Orientation::ALL[1])];
        assert_eq!(unusual(&looks, &[4, 1, 1, 1], &[false; 4]), [false, false, false, true]);
        assert_eq!(unusual(&looks, &[1, 1, 1, 5], &[false; 4]), [true, true, true, false]);
        assert_eq!(
            unusual(&looks, &[1, 1, 1, 5], &[false, false, false, true]),
            [false, false, false, false]
        );
        // Of two looks that are equally common, none is unusual.
        let both = [look(0.0, upright), look(0.0, Orientation::ALL[1])];
        assert_eq!(unusual(&both, &[2, 2], &[false; 2]), [false, false]);
    }

    #[test]
    fn the_orientation_of_most_files_is_upright_whichever_photo_all_were_compared_with() {
        let look = |orientation: Orientation| {
            let alignment = Alignment::IDENTITY;
            Look::of(&Some(Likeness { orientation, alignment, agreement: 1.0 }), None)
        };
        let [centre, turned] =
            [Orientation::default(), Orientation::ALL[1]].map(|own| [look(own), look(own)]);
        let looks = [centre, turned].into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(upright(&looks, &[1, 1, 1, 2]), [false, false, true, true]);
        assert_eq!(upright(&looks, &[1, 1, 1, 1]), [true, true, false, false]);
    }

    #[test]
    fn turned_recoloured_and_brighter_photos_are_unlike() {
        let look = |gain: f32, bias: f32, saturation: u8, orientation: Orientation| {
            let alignment = Alignment { gain, bias, ..Alignment::IDENTITY };
            let facts = Facts { saturation, ..Facts::default() };
            Look::of(&Some(Likeness { orientation, alignment, agreement: 1.0 }), Some(&facts))
        };
        let upright = Orientation::default();
        let plain = Look::of(&None, Some(&Facts { saturation: 60, ..Facts::default() }));
        assert!(plain.is_like(&look(1.02, -2.0, 64, upright)));
        assert!(!plain.is_like(&look(1.0, 0.0, 60, Orientation::ALL[1])));
        assert!(!plain.is_like(&look(1.0, 0.0, 90, upright)));
        let brighter = look(1.0, 20.0, 60, upright);
        assert!(!plain.is_like(&brighter) && plain.has_other_tones(&brighter));
        // Two photos that are as bright as each other, and not as the one with which both were compared.
        assert!(brighter.is_like(&look(1.0, 21.0, 60, upright)));
        assert!(!brighter.has_other_tones(&look(1.0, 21.0, 60, upright)));
    }
}
