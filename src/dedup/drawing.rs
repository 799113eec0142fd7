//! Drawings: pictures of few flat shades, such as icons, flags, signs and charts.
//!
//! A photo of another colour, or turned, is a copy. Of drawings these are others: an arrow to the left, a badge in red, another flag.

use super::alignment::Alignment;
use super::colours::{CELLS, Colours};
use super::thumbnail::Thumbnail;

/// Shades that are counted, each with its neighbours, and share of the pixels of a drawing that have them. Photos of people before an even
/// background have up to 0.8.
const SHADES: usize = 8;
const NEIGHBOURS: usize = 2;
const DRAWN: f32 = 0.9;
/// Largest difference of a channel in two cells of one colour, and share of the cells that may differ.
const DIFFERENCE: f32 = 24.0;
const DIFFERENT: f32 = 0.01;

/// Whether nearly all pixels of a picture have one of few shades.
pub(super) fn is_drawn(thumbnail: &Thumbnail) -> bool {
    // Neighbours of one grey are counted in different places: a count that was just written is slow to read.
    let mut parts = [[0_u32; 256]; 4];
    for pixels in thumbnail.as_bytes().as_chunks::<4>().0 {
        for (part, grey) in parts.iter_mut().zip(pixels) {
            part[usize::from(*grey)] += 1;
        }
    }
    // Grey `at` is at place `at + NEIGHBOURS`, so that all have neighbours.
    let mut counts = [0_u32; 256 + 2 * NEIGHBOURS];
    for part in parts {
        counts[NEIGHBOURS..].iter_mut().zip(part).for_each(|(count, own)| *count += own);
    }
    let mut drawn = 0;
    for _ in 0..SHADES {
        let near: [u32; 256] =
            std::array::from_fn(|grey| (0..=2 * NEIGHBOURS).map(|step| counts[grey + step]).sum());
        let most = near.into_iter().max().unwrap_or(0);
        let shade = near.iter().rposition(|count| *count == most).unwrap_or(0);
        drawn += most;
        counts[shade..=shade + 2 * NEIGHBOURS].fill(0);
    }
    drawn as f32 >= DRAWN * thumbnail.as_bytes().len() as f32
}

/// Whether two pictures have the same colours in nearly all cells. At an edge, a colour between those of the neighbours is the same.
pub(super) fn have_equal_colours(one: &Colours, other: &Colours, alignment: &Alignment) -> bool {
    let cells = (0..CELLS * CELLS).map(|at| (at % CELLS, at / CELLS));
    let (mut all, mut different) = (0, 0);
    for (x, y) in cells {
        let place = alignment.mapped([x, y].map(|at| (at as f32 + 0.5) / CELLS as f32));
        if !place.iter().all(|share| (0.0..1.0).contains(share)) {
            continue;
        }
        let near = |share: f32| {
            let cell = (share * CELLS as f32) as usize;
            cell.saturating_sub(1)..(cell + 2).min(CELLS)
        };
        let (mut least, mut most) = ([f32::MAX; 3], [f32::MIN; 3]);
        for neighbour in near(place[1]).flat_map(|y| near(place[0]).map(move |x| other.cell(x, y))) {
            for channel in 0..3 {
                least[channel] = least[channel].min(neighbour[channel] - DIFFERENCE);
                most[channel] = most[channel].max(neighbour[channel] + DIFFERENCE);
            }
        }
        let own = one.cell(x, y);
        all += 1;
        different += usize::from((0..3).any(|at| own[at] < least[at] || own[at] > most[at]));
    }
    different as f32 <= DIFFERENT * all as f32
}

#[cfg(test)]
mod tests {
    use super::super::tests::{scene, thumbnail};
    use super::*;
    use crate::image::Photo;

    fn sign(colour: [u8; 3]) -> Photo {
        let is_inside = |at: u32| (at % 100).abs_diff(50).pow(2) + (at / 100).abs_diff(50).pow(2) < 900;
        let pixels = (0..10_000).flat_map(|at| if is_inside(at) { colour } else { [250; 3] }).collect();
        Photo { width: 100, height: 100, pixels }
    }

    #[test]
    fn signs_are_drawings_and_scenes_are_not() {
        assert!(is_drawn(&Thumbnail::of(&sign([200, 30, 30]))));
        assert!(!is_drawn(&thumbnail(scene(1))));
    }

    #[test]
    fn colours_are_equal_apart_from_compression() {
        let [red, other_red, orange] =
            [[200, 30, 30], [206, 40, 33], [225, 110, 0]].map(|colour| Colours::of(&sign(colour)));
        assert!(have_equal_colours(&red, &other_red, &Alignment::IDENTITY));
        assert!(!have_equal_colours(&red, &orange, &Alignment::IDENTITY));
    }
}
