//! Chips: the aligned pictures that encoders were trained on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Landmarks;

/// The aligned picture that an encoder was trained on: its side and the places of the five landmarks. As text `arcface-112`,
/// `dlib-150`, `facenet-160`; the number is the side, 32 to 512.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Chip {
    layout: Layout,
    side: u32,
}

/// The places of the landmarks, relative to the side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Layout {
    ArcFace,
    Dlib,
    FaceNet,
}

const LAYOUTS: [(&str, Layout); 3] =
    [("arcface", Layout::ArcFace), ("dlib", Layout::Dlib), ("facenet", Layout::FaceNet)];

/// Smallest and largest side, in pixels.
const SIDES: std::ops::RangeInclusive<u32> = 32..=512;

impl Chip {
    /// 112 pixels, with the five points of ArcFace and similar encoders.
    pub const ARCFACE_112: Self = Self { layout: Layout::ArcFace, side: 112 };
    /// 150 pixels, the face chip of dlib. The five points were measured on dlib's chips with MTCNN.
    pub const DLIB_150: Self = Self { layout: Layout::Dlib, side: 150 };

    /// The chips of this size, the most usual layout first. Empty if the side is not 32 to 512.
    pub fn of_side(side: u32) -> Vec<Self> {
        let layouts = LAYOUTS.iter().filter(|_| SIDES.contains(&side));
        layouts.map(|&(_, layout)| Self { layout, side }).collect()
    }

    /// Pixels per side.
    pub fn side(self) -> u32 {
        self.side
    }

    /// The places of the five landmarks, in pixels of the chip.
    pub fn template(self) -> Landmarks {
        let (points, side) = match self.layout {
            Layout::ArcFace => (ARCFACE, 112),
            Layout::Dlib => (DLIB, 150),
            Layout::FaceNet => (FACENET, 160),
        };
        if self.side == side {
            return points;
        }
        let scale = self.side as f32 / side as f32;
        points.map(|point| point.map(|x| x * scale))
    }
}

const ARCFACE: Landmarks =
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]];
const DLIB: Landmarks = [[48.57, 46.55], [102.80, 46.84], [76.15, 78.90], [51.74, 106.47], [98.95, 106.76]];
/// FaceNet's crop is the box of MTCNN with a margin of 32 of 160 pixels, stretched to a square. These are the mean places of the landmarks of
/// `tests/golden/mtcnn.json` in it.
const FACENET: Landmarks = [[49.2, 65.5], [109.8, 65.3], [78.4, 87.5], [52.9, 111.8], [105.7, 111.7]];

impl fmt::Display for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = LAYOUTS.iter().find(|(_, layout)| *layout == self.layout).map_or("", |(name, _)| name);
        write!(f, "{name}-{}", self.side)
    }
}

impl FromStr for Chip {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.rsplit_once('-').and_then(|(name, side)| {
            let &(_, layout) = LAYOUTS.iter().find(|(known, _)| *known == name)?;
            let side = side.parse().ok().filter(|side| SIDES.contains(side) && !text.contains('+'))?;
            Some(Self { layout, side })
        });
        parsed.ok_or_else(|| {
            format!(
                "unknown chip {text:?}, expected arcface-SIDE, dlib-SIDE or facenet-SIDE with a side of {} to {} pixels",
                SIDES.start(),
                SIDES.end()
            )
        })
    }
}

impl TryFrom<String> for Chip {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Chip> for String {
    fn from(chip: Chip) -> Self {
        chip.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chip_is_read_from_its_name() {
        for chip in [Chip::ARCFACE_112, Chip::DLIB_150, Chip::of_side(160)[2]] {
            assert_eq!(chip.to_string().parse(), Ok(chip));
        }
        for wrong in
            ["arcface", "arcface-", "arcface-31", "arcface-513", "arcface-+112", "other-112", "-112", ""]
        {
            assert!(wrong.parse::<Chip>().is_err(), "{wrong}");
        }
        assert!(Chip::of_side(20).is_empty());
    }

    #[test]
    fn the_points_scale_with_the_side() {
        let double: Chip = "arcface-224".parse().unwrap();
        let points = Chip::ARCFACE_112.template().map(|point| point.map(|x| 2.0 * x));
        assert_eq!(double.template(), points);
    }
}
