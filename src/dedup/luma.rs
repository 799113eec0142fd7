//! The luma of a photo in full size.

use super::vectors::vectorized;
use crate::image::Photo;

/// Grey values, 0 to 255, of JFIF's luma; rows from top to bottom.
#[derive(Debug)]
pub struct Luma {
    pub width: usize,
    pub height: usize,
    pub grey: Vec<u8>,
}

impl Luma {
    /// The luma of a photo.
    pub fn of(photo: &Photo) -> Self {
        let mut grey = vec![0; photo.width as usize * photo.height as usize];
        vectorized(
            #[inline(always)]
            || {
                for (grey, &[red, green, blue]) in grey.iter_mut().zip(photo.pixels.as_chunks::<3>().0) {
                    let sum = 19_595 * u32::from(red) + 38_470 * u32::from(green) + 7_471 * u32::from(blue);
                    *grey = ((sum + 32_768) >> 16) as u8;
                }
            },
        );
        Self { width: photo.width as usize, height: photo.height as usize, grey }
    }
}
