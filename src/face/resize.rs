//! Reduction of a part of a photo to the input of a network.

use std::ops::Range;

use crate::image::Photo;

/// A rectangle in pixels of a photo, not empty. May extend beyond the photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub left: i64,
    pub top: i64,
    pub right: i64,
    pub bottom: i64,
}

impl Window {
    pub fn whole(photo: &Photo) -> Self {
        Self { left: 0, top: 0, right: photo.width.into(), bottom: photo.height.into() }
    }

    /// The rectangle, larger by `margin` pixels on every side.
    pub fn grown(self, margin: i64) -> Self {
        Self {
            left: self.left - margin,
            top: self.top - margin,
            right: self.right + margin,
            bottom: self.bottom + margin,
        }
    }

    /// Whether a part of it is outside the photo.
    pub fn reaches_beyond(self, photo: &Photo) -> bool {
        let whole = Self::whole(photo);
        self.left < 0 || self.top < 0 || self.right > whole.right || self.bottom > whole.bottom
    }
}

/// The value of pixels outside the photo: the middle between black and white, which is zero in the input of the networks.
const PADDING: f32 = 127.5;

/// Appends `window` resized to `width` x `height` to `out`: interleaved RGB, each value `(mean - 127.5) / 128`, zero
/// outside the photo.
///
/// Every output pixel is the plain mean of the input pixels that its cell touches, `floor(i n / m)` to
/// `ceil((i + 1) n / m)`. This is PyTorch's adaptive average pooling, its "area" interpolation. The detector's
/// networks were trained with it. The usual area resize and bilinear interpolation give other faces.
pub(super) fn area(photo: &Photo, window: Window, width: usize, height: usize, out: &mut Vec<f32>) {
    let (across, down) = ((window.right - window.left) as usize, (window.bottom - window.top) as usize);
    let seen_columns = inside(window.left, window.right, photo.width);
    let seen_rows = inside(window.top, window.bottom, photo.height);
    let first_row = (window.top + seen_rows.start as i64) as usize;
    let first_column = (window.left + seen_columns.start as i64) as usize;
    let columns: Vec<_> = (0..width)
        .map(|i| cell(i, across, width))
        .map(|columns| (common(&columns, &seen_columns).len(), columns))
        .collect();
    let mut sums = vec![0_u32; 3 * across];
    for i in 0..height {
        let rows = cell(i, down, height);
        let seen = common(&rows, &seen_rows);
        sums.fill(0);
        for row in seen.clone() {
            let start = (first_row + row - seen_rows.start) * photo.width as usize + first_column;
            let pixels = &photo.pixels[3 * start..3 * (start + seen_columns.len())];
            for (sum, &value) in sums[3 * seen_columns.start..].iter_mut().zip(pixels) {
                *sum += u32::from(value);
            }
        }
        for (visible, columns) in &columns {
            let mut total = [0_u32; 3];
            for pixel in sums[3 * columns.start..3 * columns.end].chunks_exact(3) {
                for (total, &sum) in total.iter_mut().zip(pixel) {
                    *total += sum;
                }
            }
            let count = rows.len() * columns.len();
            let padding = PADDING * (count - seen.len() * visible) as f32;
            out.extend(total.map(|total| ((total as f32 + padding) / count as f32 - 127.5) * 0.0078125));
        }
    }
}

/// The part of `from..to` inside a photo with this side, relative to `from`.
fn inside(from: i64, to: i64, side: u32) -> Range<usize> {
    let clamped = |at: i64| (at.clamp(0, side.into()).clamp(from, to) - from) as usize;
    clamped(from)..clamped(to)
}

fn common(one: &Range<usize>, other: &Range<usize>) -> Range<usize> {
    let start = one.start.max(other.start);
    start..one.end.min(other.end).max(start)
}

fn cell(i: usize, from: usize, to: usize) -> Range<usize> {
    i * from / to..((i + 1) * from).div_ceil(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resized(photo: &Photo, width: usize, height: usize) -> Vec<f32> {
        let mut out = Vec::new();
        area(photo, Window::whole(photo), width, height, &mut out);
        out
    }

    #[test]
    fn equal_sizes_change_nothing() {
        let photo = Photo { width: 3, height: 2, pixels: (0..18).map(|x| 10 * x).collect() };
        let expected: Vec<f32> = photo.pixels.iter().map(|&x| (f32::from(x) - 127.5) / 128.0).collect();
        assert_eq!(resized(&photo, 3, 2), expected);
    }

    #[test]
    fn cells_overlap_when_the_sizes_are_not_multiples() {
        let grey = |value: u8| [value; 3];
        let photo = Photo { width: 3, height: 1, pixels: [0, 30, 90].map(grey).concat() };
        let first = |value: f32| (value - 127.5) / 128.0;
        assert_eq!(
            resized(&photo, 2, 1).iter().step_by(3).copied().collect::<Vec<_>>(),
            [15.0, 60.0].map(first)
        );
        let up = resized(&photo, 4, 1);
        assert_eq!(up.iter().step_by(3).copied().collect::<Vec<_>>(), [0.0, 15.0, 60.0, 90.0].map(first));
    }

    #[test]
    fn pixels_outside_the_photo_are_zero() {
        let photo = Photo { width: 2, height: 2, pixels: vec![255; 12] };
        let mut out = Vec::new();
        area(&photo, Window { left: -1, top: 0, right: 3, bottom: 1 }, 4, 1, &mut out);
        assert_eq!(out.iter().step_by(3).copied().collect::<Vec<_>>(), [0.0, 0.99609375, 0.99609375, 0.0]);
        out.clear();
        area(&photo, Window { left: 1, top: 1, right: 3, bottom: 3 }, 1, 1, &mut out);
        assert_eq!(out, [0.249_023_44; 3], "a quarter of it is seen");
    }

    #[test]
    fn a_window_beyond_the_border_equals_a_window_in_a_padded_photo() {
        let photo = Photo { width: 7, height: 5, pixels: (0..105).map(|x| 2 * x).collect() };
        let window = Window { left: -3, top: 2, right: 6, bottom: 11 };
        let (mut padded, mut expected) = (Vec::new(), Vec::new());
        area(&photo, window, 9, 9, &mut padded);
        for (y, x) in (window.top..window.bottom).flat_map(|y| (-3..6).map(move |x| (y, x))) {
            let seen = (0..7).contains(&x) && (0..5).contains(&y);
            let value =
                |c| if seen { f32::from(photo.pixels[(3 * (7 * y + x) + c) as usize]) } else { 127.5 };
            expected.extend([0, 1, 2].map(|c| (value(c) - 127.5) / 128.0));
        }
        assert_eq!(padded, expected);
    }
}
