//! Reduction of a part of a photo to the input of a network.

use std::collections::VecDeque;
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
    let cells = Cells::new(photo, window, width, height);
    if cells.fit_into_u16() { cells.reduce::<u16>(photo, out) } else { cells.reduce::<u32>(photo, out) }
}

/// The whole photo, with `margin` pixels around it, resized to `width` x `height` for each `(margin, width, height)`. The values are those
/// of [`area`], but the photo is read once: the sum of the rows of a cell is a difference of two sums of all rows above.
pub(super) fn areas(photo: &Photo, sizes: &[(i64, usize, usize)]) -> Vec<Vec<f32>> {
    let whole = Window::whole(photo);
    let cells = |&(margin, width, height): &_| Cells::new(photo, whole.grown(margin), width, height);
    let cells: Vec<Cells> = sizes.iter().map(cells).collect();
    let is_small = cells.iter().all(Cells::fit_into_u16);
    if is_small { reduced::<u16>(photo, cells) } else { reduced::<u32>(photo, cells) }
}

fn reduced<T: Sum>(photo: &Photo, cells: Vec<Cells>) -> Vec<Vec<f32>> {
    let reduction =
        |cells: Cells| Reduction::<T> { begun: VecDeque::new(), ended: 0, out: cells.room(), cells };
    let mut reductions: Vec<Reduction<T>> = cells.into_iter().map(reduction).collect();
    let mut above = vec![T::default(); 3 * photo.width as usize];
    let mut sums = above.clone();
    for (at, row) in photo.pixels.chunks_exact(above.len()).enumerate() {
        reductions.iter_mut().for_each(|reduction| reduction.reach(at, &above, &mut sums));
        T::add(&mut above, row);
    }
    let end = photo.height as usize;
    reductions.iter_mut().for_each(|reduction| reduction.reach(end, &above, &mut sums));
    reductions.into_iter().map(|reduction| reduction.out).collect()
}

/// A sum of values of a column. It may wrap; differences of two sums are right if they fit.
trait Sum: Copy + Default + Into<u32> {
    fn add(sums: &mut [Self], row: &[u8]);
    fn minus(self, other: Self) -> Self;
}

impl Sum for u16 {
    fn add(sums: &mut [Self], row: &[u8]) {
        sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum = sum.wrapping_add(value.into()));
    }

    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
}

impl Sum for u32 {
    fn add(sums: &mut [Self], row: &[u8]) {
        sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum = sum.wrapping_add(value.into()));
    }

    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
}

/// The cells of a resized window.
struct Cells {
    /// The columns of the photo that are in the window.
    seen: Range<usize>,
    rows: Vec<Cell>,
    columns: Vec<Cell>,
}

/// The extent of a cell on one axis.
struct Cell {
    /// Its pixels, including those outside the photo.
    length: usize,
    /// The rows of the photo in it, or its columns counted from the first one in the window.
    seen: Range<usize>,
}

impl Cells {
    fn new(photo: &Photo, window: Window, width: usize, height: usize) -> Self {
        let seen = |from: i64, to: i64, side: u32| {
            let clamped = |at: i64| at.clamp(0, side.into()) as usize;
            clamped(from)..clamped(to)
        };
        let columns = seen(window.left, window.right, photo.width);
        let cells = |from: i64, to: i64, count: usize, side: u32, first: usize| -> Vec<Cell> {
            let length = (to - from) as usize;
            let cell = |i: usize| {
                let (start, end) = (i * length / count, ((i + 1) * length).div_ceil(count));
                let Range { start: near, end: far } = seen(from + start as i64, from + end as i64, side);
                Cell { length: end - start, seen: near - first..far - first }
            };
            (0..count).map(cell).collect()
        };
        Self {
            rows: cells(window.top, window.bottom, height, photo.height, 0),
            columns: cells(window.left, window.right, width, photo.width, columns.start),
            seen: columns,
        }
    }

    /// Whether the sum of the rows of each cell is less than 2^16.
    fn fit_into_u16(&self) -> bool {
        self.rows.iter().all(|rows| rows.seen.len() <= 257)
    }

    fn room(&self) -> Vec<f32> {
        Vec::with_capacity(3 * self.rows.len() * self.columns.len())
    }

    /// Appends all rows of cells.
    fn reduce<T: Sum>(&self, photo: &Photo, out: &mut Vec<f32>) {
        let mut sums = vec![T::default(); 3 * self.seen.len()];
        for rows in &self.rows {
            sums.fill(T::default());
            for row in rows.seen.clone() {
                let start = row * photo.width as usize + self.seen.start;
                T::add(&mut sums, &photo.pixels[3 * start..3 * (start + self.seen.len())]);
            }
            self.means(rows, &sums, out);
        }
    }

    /// Appends a row of cells. `sums` are the sums of its rows for each seen column and colour.
    fn means<T: Sum>(&self, rows: &Cell, sums: &[T], out: &mut Vec<f32>) {
        for columns in &self.columns {
            let mut total = [0_u32; 3];
            for pixel in sums[3 * columns.seen.start..3 * columns.seen.end].as_chunks::<3>().0 {
                for (total, &sum) in total.iter_mut().zip(pixel) {
                    *total += sum.into();
                }
            }
            let count = rows.length * columns.length;
            let padding = PADDING * (count - rows.seen.len() * columns.seen.len()) as f32;
            out.extend(total.map(|total| ((total as f32 + padding) / count as f32 - 127.5) * 0.0078125));
        }
    }
}

/// A resized photo while its rows are read.
struct Reduction<T> {
    cells: Cells,
    /// The sums of all rows above the rows of cells that are begun and not ended.
    begun: VecDeque<Vec<T>>,
    /// Rows of cells that are ended.
    ended: usize,
    out: Vec<f32>,
}

impl<T: Sum> Reduction<T> {
    /// Begins and ends rows of cells before the photo's row with the number `row`. `above` is the sum of the rows before it.
    fn reach(&mut self, row: usize, above: &[T], sums: &mut [T]) {
        let rows = &self.cells.rows;
        let begun = self.ended + self.begun.len();
        let beginning = rows[begun..].iter().take_while(|cell| cell.seen.start <= row);
        self.begun.extend(beginning.map(|_| above.to_vec()));
        while let (Some(cell), Some(before)) = (rows.get(self.ended), self.begun.front()) {
            if cell.seen.end > row {
                break;
            }
            for ((sum, above), before) in sums.iter_mut().zip(above).zip(before) {
                *sum = above.minus(*before);
            }
            self.cells.means(cell, sums, &mut self.out);
            self.begun.pop_front();
            self.ended += 1;
        }
    }
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
    fn a_pyramid_equals_its_levels_one_by_one() {
        let noise = |x: u32| (x.wrapping_mul(2_654_435_761) >> 13) as u8;
        for (width, height) in [(1, 1), (7, 5), (64, 3), (50, 71), (333, 200), (2, 900)] {
            let photo = Photo { width, height, pixels: (0..3 * width * height).map(noise).collect() };
            let sizes = [(0, 12, 12), (0, 1, 1), (0, 40, 31), (3, 9, 9), (90, 12, 30), (0, 400, 210)];
            for ((margin, width, height), found) in sizes.iter().zip(areas(&photo, &sizes)) {
                let mut expected = Vec::new();
                area(&photo, Window::whole(&photo).grown(*margin), *width, *height, &mut expected);
                assert_eq!(found, expected, "{margin} {width} {height}");
            }
        }
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
