//! The region of a photo that is measured.

use super::plane::Plane;
use super::unmeasured::{SHORTEST, SMALLEST_FACE, Unmeasured};
use crate::image::Photo;

/// The region of a face: the square around its box, as far as it is in the photo. It has no margin: with one, a gate learns the border of
/// prints and the room behind people, and its errors on unseen people of NUAA were twice as many.
#[derive(Debug, Clone)]
pub(super) struct Region {
    /// Red, green and blue, 0 to 255, reduced so that the longer side is at most [`LONGEST`].
    pub colours: [Plane; 3],
    /// Their luma (ITU-R BT.601), 0 to 255.
    pub luma: Plane,
    /// The luma of the middle of the region in pixels of the photo, at most [`LONGEST`] on each side.
    pub native: Plane,
}

/// Longest side of a reduced region, in pixels.
pub(super) const LONGEST: usize = 224;

impl Region {
    /// The region around a box (left, top, right, bottom in pixels of the photo).
    ///
    /// # Errors
    /// A side of the box is shorter than 48 pixels; less than 16 x 16 pixels of the region are in the photo.
    pub fn of(photo: &Photo, [left, top, right, bottom]: [f32; 4]) -> Result<Self, Unmeasured> {
        let (width, height) = (right - left, bottom - top);
        let shorter = width.min(height);
        if shorter.is_nan() || shorter < SMALLEST_FACE {
            return Err(Unmeasured::TooSmall { width, height });
        }
        let half = (right - left).max(bottom - top) / 2.0;
        let ends = |centre: f32, side: u32| {
            let inside = |at: f32| at.clamp(0.0, side as f32) as usize;
            (inside(centre - half), inside(centre + half))
        };
        let (left, right) = ends((left + right) / 2.0, photo.width);
        let (top, bottom) = ends((top + bottom) / 2.0, photo.height);
        let (width, height) = (right.saturating_sub(left), bottom.saturating_sub(top));
        if !half.is_finite() || width.min(height) < SHORTEST {
            return Err(Unmeasured::BeyondPhoto { width, height });
        }
        let longer = width.max(height);
        let reduced = |side: usize| if longer > LONGEST { (side * LONGEST / longer).max(3) } else { side };
        let size = [reduced(width), reduced(height)];
        let colours = [0, 1, 2].map(|channel| area(photo, ([left, top], [width, height]), size, channel));
        let luma = luma(&colours);
        let window = [width.min(LONGEST), height.min(LONGEST)];
        let corner = [left + (width - window[0]) / 2, top + (height - window[1]) / 2];
        let native = luma_of(photo, corner, window);
        Ok(Self { colours, luma, native })
    }
}

fn luma([red, green, blue]: &[Plane; 3]) -> Plane {
    red.with(green, |red, green| 0.299 * red + 0.587 * green).with(blue, |sum, blue| sum + 0.114 * blue)
}

pub(super) fn luma_of(photo: &Photo, corner: [usize; 2], window: [usize; 2]) -> Plane {
    luma(&[0, 1, 2].map(|channel| area(photo, (corner, window), window, channel)))
}

/// One channel of a part of a photo (corner and size), reduced to `width` x `height` by the mean of the pixels of each cell.
fn area(
    photo: &Photo,
    ([left, top], part): ([usize; 2], [usize; 2]),
    [width, height]: [usize; 2],
    channel: usize,
) -> Plane {
    let cell = |at: usize, length: usize, of: usize| {
        at * of / length..((at + 1) * of / length).max(at * of / length + 1)
    };
    Plane::new(width, height, |x, y| {
        let (mut sum, mut count) = (0_u32, 0_u32);
        for row in cell(y, height, part[1]) {
            for column in cell(x, width, part[0]) {
                let at = (top + row) * photo.width as usize + left + column;
                sum += u32::from(photo.pixels[3 * at + channel]);
                count += 1;
            }
        }
        f64::from(sum) / f64::from(count.max(1))
    })
}
