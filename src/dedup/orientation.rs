//! The eight orientations of a picture.

use serde::{Deserialize, Serialize};

use super::hash::Window;
use super::thumbnail::{SIDE, Thumbnail};

/// An orientation: rows and columns are exchanged first, then the picture is mirrored in x and flipped in y.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Orientation {
    /// Rows and columns are exchanged.
    pub transposed: bool,
    /// Left and right are exchanged.
    pub mirrored: bool,
    /// Top and bottom are exchanged.
    pub flipped: bool,
}

impl Orientation {
    /// All eight, the unchanged one first.
    pub const ALL: [Self; 8] = {
        let mut all = [Self { transposed: false, mirrored: false, flipped: false }; 8];
        let mut at = 0;
        while at < 8 {
            all[at] = Self { transposed: at & 4 != 0, mirrored: at & 1 != 0, flipped: at & 2 != 0 };
            at += 1;
        }
        all
    };

    /// The orientation that leads back.
    pub fn inverse(self) -> Self {
        match self.transposed {
            true => Self { transposed: true, mirrored: self.flipped, flipped: self.mirrored },
            false => self,
        }
    }

    /// This orientation and then another one.
    pub fn then(self, next: Self) -> Self {
        let (mirrored, flipped) =
            if next.transposed { (self.flipped, self.mirrored) } else { (self.mirrored, self.flipped) };
        Self {
            transposed: self.transposed ^ next.transposed,
            mirrored: mirrored ^ next.mirrored,
            flipped: flipped ^ next.flipped,
        }
    }

    /// Where the pixel at (x, y) of a square picture in this orientation is in the picture itself.
    pub fn source(self, x: usize, y: usize, side: usize) -> (usize, usize) {
        let y = if self.flipped { side - 1 - y } else { y };
        let x = if self.mirrored { side - 1 - x } else { x };
        if self.transposed { (y, x) } else { (x, y) }
    }

    /// The picture in this orientation.
    pub fn apply(self, thumbnail: &Thumbnail) -> Thumbnail {
        if self == Self::default() {
            return thumbnail.clone();
        }
        let pixels = thumbnail.as_bytes();
        let mut turned = Vec::with_capacity(SIDE * SIDE);
        for y in 0..SIDE {
            turned.extend((0..SIDE).map(|x| {
                let (x, y) = self.source(x, y, SIDE);
                pixels[y * SIDE + x]
            }));
        }
        Thumbnail::from_bytes(turned).unwrap_or_else(|| thumbnail.clone())
    }

    /// Where a part of the picture is in this orientation: left, top, right and bottom as shares of the sides.
    pub fn window(self, [left, top, right, bottom]: Window) -> Window {
        let [left, top, right, bottom] = match self.transposed {
            true => [top, left, bottom, right],
            false => [left, top, right, bottom],
        };
        let (left, right) = if self.mirrored { (1.0 - right, 1.0 - left) } else { (left, right) };
        let (top, bottom) = if self.flipped { (1.0 - bottom, 1.0 - top) } else { (top, bottom) };
        [left, top, right, bottom]
    }

    /// In words: `turned by 90°`, `mirrored`; `None` for the unchanged one. Turns are clockwise.
    pub fn words(self) -> Option<&'static str> {
        let Self { transposed, mirrored, flipped } = self;
        match (transposed, mirrored, flipped) {
            (false, false, false) => None,
            (false, true, false) => Some("mirrored"),
            (false, false, true) => Some("mirrored and turned by 180°"),
            (false, true, true) => Some("turned by 180°"),
            (true, true, false) => Some("turned by 90°"),
            (true, false, true) => Some("turned by 270°"),
            (true, false, false) => Some("mirrored and turned by 270°"),
            (true, true, true) => Some("mirrored and turned by 90°"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_leads_back() {
        let pixels: Vec<u8> = (0..SIDE * SIDE).map(|at| (at * 31 % 251) as u8).collect();
        let thumbnail = Thumbnail::from_bytes(pixels).unwrap();
        let mut seen = Vec::new();
        for orientation in Orientation::ALL {
            let turned = orientation.apply(&thumbnail);
            assert_eq!(orientation.inverse().apply(&turned), thumbnail, "{orientation:?}");
            assert!(!seen.contains(&turned));
            seen.push(turned);
        }
    }

    #[test]
    fn one_orientation_after_another_is_one() {
        let pixels: Vec<u8> = (0..SIDE * SIDE).map(|at| (at * 31 % 251) as u8).collect();
        let thumbnail = Thumbnail::from_bytes(pixels).unwrap();
        for first in Orientation::ALL {
            for second in Orientation::ALL {
                let both = second.apply(&first.apply(&thumbnail));
                assert!(first.then(second).apply(&thumbnail) == both, "{first:?} {second:?}");
            }
        }
    }

    #[test]
    fn a_turn_by_90_degrees_is_clockwise() {
        let mut pixels = vec![0; SIDE * SIDE];
        pixels[0] = 255; // at the top left
        let thumbnail = Thumbnail::from_bytes(pixels).unwrap();
        let turn = Orientation::ALL.into_iter().find(|one| one.words() == Some("turned by 90°")).unwrap();
        assert_eq!(turn.apply(&thumbnail).as_bytes()[SIDE - 1], 255, "top right");
    }
}
