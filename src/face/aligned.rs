//! One face, aligned to every chip that a model needs.

use super::{Chip, Crop, Landmarks, align};
use crate::image::Photo;

/// One face, aligned to each chip that a model needs, so that networks with the same chip share one crop.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Aligned {
    crops: Vec<(Chip, Crop)>,
}

impl Aligned {
    /// Aligns a face to each of `chips`.
    pub fn new(photo: &Photo, landmarks: &Landmarks, chips: &[Chip]) -> Self {
        Self { crops: chips.iter().map(|&chip| (chip, align(photo, landmarks, chip))).collect() }
    }

    /// The face as one crop of the given chip.
    pub fn of(chip: Chip, crop: Crop) -> Self {
        Self { crops: vec![(chip, crop)] }
    }

    /// The crop of a chip. None if the face was not aligned to it.
    pub fn crop(&self, chip: Chip) -> Option<&Crop> {
        self.crops.iter().find(|(of, _)| *of == chip).map(|(_, crop)| crop)
    }

    /// The mirror image: left and right exchanged in every crop. The points of the chips are nearly symmetric, so it is aligned too.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        Self { crops: self.crops.iter().map(|(chip, crop)| (*chip, crop.mirrored())).collect() }
    }
}

impl Crop {
    fn mirrored(&self) -> Self {
        let rows = self.pixels.chunks(3 * (self.side as usize).max(1));
        let pixels = rows.flat_map(|row| row.as_chunks::<3>().0.iter().rev().flatten().copied()).collect();
        Self { side: self.side, pixels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_image_has_its_columns_in_reverse_order() {
        let crop = Crop { side: 2, pixels: (0..12).collect() };
        let face = Aligned::of(Chip::ARCFACE_112, crop.clone());
        let mirrored = face.mirrored();
        let pixels = &mirrored.crop(Chip::ARCFACE_112).unwrap().pixels;
        assert_eq!(*pixels, [3, 4, 5, 0, 1, 2, 9, 10, 11, 6, 7, 8]);
        assert_eq!(mirrored.mirrored(), face);
        assert_eq!(face.crop(Chip::DLIB_150), None);
    }

    #[test]
    fn every_chip_has_its_crop() {
        let photo = Photo { width: 200, height: 200, pixels: vec![9; 120_000] };
        let landmarks = Chip::DLIB_150.template();
        let face = Aligned::new(&photo, &landmarks, &[Chip::DLIB_150, Chip::ARCFACE_112]);
        for chip in [Chip::ARCFACE_112, Chip::DLIB_150] {
            assert_eq!(face.crop(chip), Some(&align(&photo, &landmarks, chip)));
        }
    }
}
