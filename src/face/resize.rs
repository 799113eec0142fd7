//! Shrinking a part of a photo to a network's input.

use crate::image::Photo;

/// A rectangle of a photo in whole pixels, not empty and inside the photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub left: usize,
    pub top: usize,
    pub right: usize,
    pub bottom: usize,
}

impl Window {
    pub fn whole(photo: &Photo) -> Self {
        Self { left: 0, top: 0, right: photo.width as usize, bottom: photo.height as usize }
    }
}

/// Appends `window` resized to `width` x `height` to `out`: interleaved RGB, each value `(mean - 127.5) / 128`.
///
/// Every output pixel is the plain mean of the input pixels that its cell touches, `floor(i n / m)` to
/// `ceil((i + 1) n / m)`: PyTorch's adaptive average pooling, which is its "area" interpolation. The
/// detector's networks were trained on it, and neither the usual area resize nor bilinear gives the same faces.
pub(super) fn area(photo: &Photo, window: Window, width: usize, height: usize, out: &mut Vec<f32>) {
    let stride = 3 * photo.width as usize;
    let span = 3 * (window.right - window.left);
    let columns: Vec<_> = (0..width).map(|i| cell(i, window.right - window.left, width)).collect();
    let mut sums = vec![0_u32; span];
    for i in 0..height {
        let (top, bottom) = cell(i, window.bottom - window.top, height);
        sums.fill(0);
        for row in window.top + top..window.top + bottom {
            let start = row * stride + 3 * window.left;
            for (sum, &value) in sums.iter_mut().zip(&photo.pixels[start..start + span]) {
                *sum += u32::from(value);
            }
        }
        for &(left, right) in &columns {
            let mut total = [0_u32; 3];
            for pixel in sums[3 * left..3 * right].chunks_exact(3) {
                for (total, &sum) in total.iter_mut().zip(pixel) {
                    *total += sum;
                }
            }
            let count = ((bottom - top) * (right - left)) as f32;
            out.extend(total.map(|total| (total as f32 / count - 127.5) * 0.0078125));
        }
    }
}

fn cell(i: usize, from: usize, to: usize) -> (usize, usize) {
    (i * from / to, ((i + 1) * from).div_ceil(to))
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
    fn the_same_size_changes_nothing() {
        let photo = Photo { width: 3, height: 2, pixels: (0..18).map(|x| 10 * x).collect() };
        let expected: Vec<f32> = photo.pixels.iter().map(|&x| (f32::from(x) - 127.5) / 128.0).collect();
        assert_eq!(resized(&photo, 3, 2), expected);
    }

    #[test]
    fn cells_overlap_when_sizes_do_not_divide() {
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
}
