//! The orientations and tones of the photos of a group: what most files have is that of the original more often than what few have.

use super::super::cache::Facts;
use super::super::comparison::Likeness;
use super::super::orientation::Orientation;
use super::orientation;

/// Changes of contrast and of brightness, in levels of grey, from which tones are others.
const OTHER: (f32, f32) = (0.12, 16.0);
/// Those up to which tones are the same, and changes of saturation, absolute and relative.
const SAME: (f32, f32) = (0.05, 5.0);
const SAME_SATURATION: (f32, f32) = (5.0, 0.1);

/// The orientation and the tones of a photo.
pub(super) struct Look {
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
        Self { orientation: orientation(likeness), gain, bias, saturation }
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

#[cfg(test)]
mod tests {
    use super::super::super::alignment::Alignment;
    use super::*;

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
