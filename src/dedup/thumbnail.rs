//! A small grey copy of a photo, from which the perceptual hash is computed and with which photos are compared.

use super::vectors::vectorized;
use crate::image::Photo;

/// Side of a thumbnail in pixels.
pub const SIDE: usize = 128;

/// The luma of a photo, stretched to `SIDE` x `SIDE` pixels, rows from top to bottom. So two copies of different size or format have
/// nearly equal thumbnails, and a crop differs by a translation and a scale for each axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail(Box<[u8]>);

impl Thumbnail {
    /// The thumbnail of a photo: each pixel is the mean of the area that it covers.
    pub fn of(photo: &Photo) -> Self {
        vectorized(
            #[inline(always)]
            || Self::reduced(photo),
        )
    }

    /// The rows are added up before the colours become luma, which is linear: there are fewer of them then.
    #[inline(always)]
    fn reduced(photo: &Photo) -> Self {
        let (width, height) = (photo.width as usize, photo.height as usize);
        let columns = spans(width);
        let (mut sums, mut grey) = (vec![0_f32; 3 * width], vec![0_f32; width]);
        let mut pixels = Vec::with_capacity(SIDE * SIDE);
        for lines in spans(height) {
            sums.fill(0.0);
            for line in lines.from..lines.to {
                let weight = lines.weight(line) * lines.scale;
                let bytes = &photo.pixels[line * width * 3..][..width * 3];
                sums.iter_mut().zip(bytes).for_each(|(sum, byte)| *sum += weight * f32::from(*byte));
            }
            luma(&sums, &mut grey);
            for span in &columns {
                pixels.push((span.mean(&grey) + 0.5) as u8);
            }
        }
        Self(pixels.into())
    }

    /// The thumbnail with these pixels. `None` if there are not `SIDE * SIDE`.
    pub fn from_bytes(bytes: impl Into<Box<[u8]>>) -> Option<Self> {
        let bytes = bytes.into();
        (bytes.len() == SIDE * SIDE).then_some(Self(bytes))
    }

    /// `SIDE * SIDE` pixels.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Luma of RGB values.
#[inline(always)]
fn luma(rgb: &[f32], grey: &mut [f32]) {
    const WEIGHTS: [f32; 3] = [77.0 / 256.0, 150.0 / 256.0, 29.0 / 256.0];
    for (grey, [red, green, blue]) in grey.iter_mut().zip(rgb.as_chunks::<3>().0) {
        *grey = WEIGHTS[0] * red + WEIGHTS[1] * green + WEIGHTS[2] * blue;
    }
}

/// The part of a line of pixels that one pixel of the thumbnail covers.
struct Span {
    from: usize,
    to: usize,
    /// Shares of the first and the last pixel.
    first: f32,
    last: f32,
    /// One by the number of pixels.
    scale: f32,
}

impl Span {
    /// How much of the pixel at this place, which is one of the part, belongs to it.
    fn weight(&self, at: usize) -> f32 {
        let before = if at == self.from { 1.0 - self.first } else { 0.0 };
        let after = if at + 1 == self.to { 1.0 - self.last } else { 0.0 };
        1.0 - before - after
    }

    #[inline(always)]
    fn mean(&self, line: &[f32]) -> f32 {
        let line = &line[self.from..self.to];
        let sum: f32 = line.iter().sum();
        let outside = (1.0 - self.first) * line[0] + (1.0 - self.last) * line[line.len() - 1];
        (sum - outside) * self.scale
    }
}

fn spans(length: usize) -> Vec<Span> {
    let scale = length as f64 / SIDE as f64;
    let span = |at: usize| {
        let (start, end) = (at as f64 * scale, (at + 1) as f64 * scale);
        let from = (start as usize).min(length - 1);
        let to = (end.ceil() as usize).clamp(from + 1, length);
        let (first, last) = (1.0 - (start - from as f64), 1.0 - (to as f64 - end).max(0.0));
        Span { from, to, first: first as f32, last: last as f32, scale: (1.0 / scale) as f32 }
    };
    (0..SIDE).map(span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo(width: u32, height: u32, value: impl Fn(f64, f64) -> f64) -> Photo {
        let pixel = |x: u32, y: u32| {
            let value =
                value((f64::from(x) + 0.5) / f64::from(width), (f64::from(y) + 0.5) / f64::from(height));
            [value.round() as u8; 3]
        };
        let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect();
        Photo { width, height, pixels }
    }

    #[test]
    fn the_size_of_a_photo_changes_little() {
        let value = |x: f64, y: f64| 128.0 + 60.0 * (9.0 * x).sin() + 60.0 * (7.0 * y + x).cos();
        let large = Thumbnail::of(&photo(1003, 751, value));
        for (width, height) in [(128, 128), (250, 250), (333, 190), (2000, 130)] {
            let small = Thumbnail::of(&photo(width, height, value));
            let difference = small.0.iter().zip(&large.0).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(difference.unwrap() <= 2, "{width} x {height}: {difference:?}");
        }
    }

    #[test]
    fn photos_of_any_size_have_a_thumbnail_with_their_mean() {
        for (width, height) in [(1, 1), (1, 500), (3, 2), (127, 129), (300, 1)] {
            let thumbnail = Thumbnail::of(&photo(width, height, |_, _| 200.0));
            assert!(thumbnail.0.iter().all(|&grey| grey == 200), "{width} x {height}");
        }
    }

    #[test]
    fn thumbnails_of_another_size_are_refused() {
        let bytes: Vec<u8> = (0..SIDE * SIDE).map(|at| at as u8).collect();
        assert_eq!(Thumbnail::from_bytes(&bytes[..]).unwrap().as_bytes(), bytes);
        assert_eq!(Thumbnail::from_bytes(&bytes[1..]), None);
    }
}
