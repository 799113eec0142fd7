//! Pictures of many sizes in one large picture, for one call of a network without fully connected layers.

/// The place of a picture: its left and top edge. Both are even, because the cells of the proposal network start at even pixels.
pub(super) type Place = [usize; 2];

/// A large picture: its size, and the places of the pictures in it. No two share a pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Canvas {
    pub width: usize,
    pub height: usize,
    pub places: Vec<Place>,
}

impl Canvas {
    /// Packs pictures of these widths and heights in shelves, the highest first.
    pub fn pack(sizes: &[[usize; 2]]) -> Self {
        const NARROWEST: usize = 1024;
        let width = sizes.iter().map(|&[width, _]| width).fold(NARROWEST, usize::max).next_multiple_of(2);
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        order.sort_by_key(|&at| std::cmp::Reverse(sizes[at][1]));
        let mut places = vec![[0, 0]; sizes.len()];
        let (mut left, mut top, mut shelf) = (0, 0, 0);
        for at in order {
            let [across, down] = sizes[at].map(|side| side.next_multiple_of(2));
            if left + across > width {
                (left, top, shelf) = (0, top + shelf, 0);
            }
            places[at] = [left, top];
            left += across;
            shelf = shelf.max(down);
        }
        Self { width, height: top + shelf, places }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_pictures_are_inside_and_apart() {
        let sizes: Vec<[usize; 2]> =
            (0..200).map(|at: usize| [12 + at * 37 % 300, 12 + at * 91 % 250]).chain([[1999, 13]]).collect();
        let Canvas { width, height, places } = Canvas::pack(&sizes);
        let mut taken = vec![false; width * height];
        for ([across, down], [left, top]) in sizes.iter().zip(places) {
            assert!(left % 2 == 0 && top % 2 == 0 && left + across <= width && top + down <= height);
            for (y, x) in (top..top + down).flat_map(|y| (left..left + across).map(move |x| (y, x))) {
                assert!(!std::mem::replace(&mut taken[y * width + x], true));
            }
        }
        let share = taken.iter().filter(|taken| **taken).count() as f64 / taken.len() as f64;
        assert!(share > 0.7, "{share}");
        assert_eq!(Canvas::pack(&[]).height, 0);
    }
}
