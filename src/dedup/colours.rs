//! The colours of a photo, coarsely: with them copies are distinguished from pictures that differ in their hues only.

use std::f32::consts::FRAC_1_SQRT_2;

use super::alignment::Alignment;
use super::between::Between;
use super::orientation::Orientation;
use super::vectors::vectorized;
use crate::image::Photo;

/// Side of the grid in cells.
pub(super) const CELLS: usize = 32;
/// Rows of pixels that are read for a row of cells at most.
const MOST_ROWS: usize = 4;
/// Length of the stored form.
const BYTES: usize = CELLS * CELLS * 3;

/// Mean red, green and blue, 0 to 255, in a grid of cells over the whole picture, rows from top to bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colours(Vec<[u8; 3]>);

/// A colour: red, green, blue, 0 to 255.
pub(super) type Colour = [f32; 3];

impl Colours {
    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        size_of_val(self.0.as_slice())
    }

    /// The colours of a photo.
    pub fn of(photo: &Photo) -> Self {
        vectorized(
            #[inline(always)]
            || Self::averaged(photo),
        )
    }

    #[inline(always)]
    fn averaged(photo: &Photo) -> Self {
        let (width, height) = (photo.width as usize, photo.height as usize);
        let columns: [_; CELLS] = std::array::from_fn(|column| span(column, width));
        let mut cells = Vec::with_capacity(CELLS * CELLS);
        // Sums of at most `MOST_ROWS` bytes.
        let mut sums = vec![0_u16; 3 * width];
        for row in 0..CELLS {
            let lines = span(row, height);
            let step = lines.len().div_ceil(MOST_ROWS);
            let count = lines.len().div_ceil(step);
            sums.fill(0);
            for line in lines.step_by(step) {
                let bytes = &photo.pixels[line * width * 3..][..width * 3];
                sums.iter_mut().zip(bytes).for_each(|(sum, byte)| *sum += u16::from(*byte));
            }
            for column in &columns {
                let mut whole = [0_u32; 3];
                for pixel in sums[3 * column.start..3 * column.end].as_chunks::<3>().0 {
                    whole = std::array::from_fn(|at| whole[at] + u32::from(pixel[at]));
                }
                let count = (count * column.len()) as u32;
                cells.push(whole.map(|sum| ((sum + count / 2) / count) as u8));
            }
        }
        Self(cells)
    }

    /// The colours in a stored form. `None` if its length is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == BYTES).then(|| Self(bytes.as_chunks::<3>().0.to_vec()))
    }

    /// The stored form.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_flattened()
    }

    /// The colours of the picture in this orientation.
    pub fn turned(&self, orientation: Orientation) -> Self {
        if orientation == Orientation::default() {
            return self.clone();
        }
        let places = (0..CELLS * CELLS).map(|at| orientation.source(at % CELLS, at / CELLS, CELLS));
        Self(places.map(|(x, y)| self.0[y * CELLS + x]).collect())
    }

    /// The colour of a cell.
    pub(super) fn cell(&self, x: usize, y: usize) -> Colour {
        self.0[y * CELLS + x].map(f32::from)
    }

    /// The colours of the cells of this picture, without `margin` cells at each side, and those of another one there, between four cells;
    /// only where both are.
    pub(super) fn pairs(&self, other: &Self, alignment: &Alignment, margin: usize) -> Vec<[Colour; 2]> {
        let inner = margin..CELLS - margin;
        let axis = |axis: usize| {
            let places = inner.clone().map(|cell| (cell, mapped(axis, cell, alignment)));
            places.filter_map(|(cell, place)| Some((cell, place?))).collect::<Vec<_>>()
        };
        let between = |place: &Between, one: Colour, other: Colour| -> Colour {
            std::array::from_fn(|at| place.of(one[at], other[at]))
        };
        let (columns, rows) = (axis(0), axis(1));
        let mut pairs = Vec::with_capacity(columns.len() * rows.len());
        for (y, down) in rows {
            for (x, across) in &columns {
                let row =
                    |y: usize| between(across, other.cell(across.first, y), other.cell(across.first + 1, y));
                pairs.push([self.cell(*x, y), between(&down, row(down.first), row(down.first + 1))]);
            }
        }
        pairs
    }
}

/// Where the middle of a cell of a side is mapped to, between the middles of two cells. `None` if that is outside.
fn mapped(axis: usize, cell: usize, alignment: &Alignment) -> Option<Between> {
    let place = alignment.mapped([(cell as f32 + 0.5) / CELLS as f32; 2])[axis];
    (0.0..=1.0).contains(&place).then(|| Between::at(place * CELLS as f32 - 0.5, CELLS))
}

/// The pixels of a side that a cell covers, at least one.
fn span(cell: usize, length: usize) -> std::ops::Range<usize> {
    let from = (cell * length / CELLS).min(length.saturating_sub(1));
    from..((cell + 1) * length).div_ceil(CELLS).clamp(from + 1, length.max(from + 1))
}

/// Luma of a colour.
pub(super) fn luma([red, green, blue]: Colour) -> f32 {
    0.299 * red + 0.587 * green + 0.114 * blue
}

/// Red, green and blue in the plane of colours without brightness. Their sum is 0, so grey is the origin; hues are angles, and the distance
/// from the origin is the amount of colour.
pub(super) const AXES: [[f32; 2]; 3] =
    [[FRAC_1_SQRT_2, 0.408_248], [-FRAC_1_SQRT_2, 0.408_248], [0.0, -0.816_497]];

/// A colour in that plane.
pub(super) fn chroma(colour: Colour) -> [f32; 2] {
    std::array::from_fn(|at| (0..3).map(|channel| colour[channel] * AXES[channel][at]).sum())
}

/// The amount of colour.
pub(super) fn length([x, y]: [f32; 2]) -> f32 {
    (x * x + y * y).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_means_in_pictures_of_any_size() {
        for (width, height) in [(1, 1), (1, 700), (31, 33), (64, 32), (2000, 3)] {
            let pixels = (0..width * height).flat_map(|_| [250, 3, 77]).collect();
            let colours = Colours::of(&Photo { width, height, pixels });
            assert!(colours.0.iter().all(|cell| *cell == [250, 3, 77]), "{width} x {height}");
            assert_eq!(Colours::from_bytes(colours.as_bytes()), Some(colours));
        }
        assert_eq!(Colours::from_bytes(&[0; 12]), None);
    }

    #[test]
    fn grey_has_no_chroma_and_the_hue_does_not_depend_on_saturation() {
        assert!(length(chroma([90.0; 3])) < 0.01);
        let [strong, pale] = [[200.0, 50.0, 100.0], [125.0, 87.5, 100.0]].map(chroma);
        assert!((strong[0] / strong[1] - pale[0] / pale[1]).abs() < 0.01);
    }
}
