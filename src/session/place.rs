//! Faces that are the same because they are at the same place of the same photo.

use crate::gallery::overlap;

/// Two rectangles in a photo are one face if they overlap by more than this share of their union.
pub(super) const SAME_FACE: f32 = 0.5;

/// For each recorded face, the position of the found face at its place: the pairs with the largest overlaps first, each face once. Bounds are
/// left, top, right, bottom in pixels of the photo.
pub(super) fn matched(recorded: &[[f32; 4]], found: &[[f32; 4]]) -> Vec<Option<usize>> {
    let mut pairs: Vec<(f32, usize, usize)> = recorded
        .iter()
        .enumerate()
        .flat_map(|(one, place)| {
            found.iter().enumerate().map(move |(other, bounds)| (overlap(*place, *bounds), one, other))
        })
        .filter(|(share, ..)| *share > SAME_FACE)
        .collect();
    pairs.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let (mut matched, mut is_used) = (vec![None; recorded.len()], vec![false; found.len()]);
    for (_, one, other) in pairs {
        if matched[one].is_none() && !is_used[other] {
            (matched[one], is_used[other]) = (Some(other), true);
        }
    }
    matched
}

#[cfg(test)]
mod tests {
    use super::matched;

    fn square(left: f32) -> [f32; 4] {
        [left, 0.0, left + 10.0, 10.0]
    }

    #[test]
    fn a_face_is_found_at_its_place_only() {
        let recorded = [square(0.0), square(50.0), square(100.0)];
        assert_eq!(matched(&recorded, &[square(101.0), square(1.0), square(70.0)]), [Some(1), None, Some(0)]);
        assert_eq!(matched(&recorded, &[]), [None; 3]);
    }

    #[test]
    fn the_closest_pair_comes_first_and_no_face_is_used_twice() {
        assert_eq!(matched(&[square(0.0), square(2.0)], &[square(2.0)]), [None, Some(0)]);
        assert_eq!(matched(&[square(0.0), square(2.0)], &[square(2.0), square(1.0)]), [Some(1), Some(0)]);
    }
}
