//! Boxes on their way through the cascade.

use super::Judgement;
use crate::face::Face;
use crate::face::resize::Window;
use crate::image::Photo;

/// A box that may hold a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct FaceBox {
    /// Left, top, right, bottom in photo pixels.
    pub bounds: [f32; 4],
    pub score: f32,
    /// The network's corrections to `bounds`, as shares of width and height.
    pub offsets: [f32; 4],
    /// Five x, then five y: shares of the box until [`Self::place_points`], photo pixels after it.
    pub points: [f32; 10],
    /// Whether the pixels that it was last judged by reach beyond the photo.
    pub beyond: bool,
}

impl FaceBox {
    /// A box that was not judged by its own pixels yet.
    pub fn proposed(bounds: [f32; 4], score: f32, offsets: [f32; 4]) -> Self {
        Self { bounds, score, offsets, points: [0.0; 10], beyond: false }
    }

    pub fn judged(self, judgement: &Judgement, beyond: bool) -> Self {
        let Judgement { probability, offsets, points } = *judgement;
        Self { bounds: self.bounds, score: probability, offsets, points, beyond }
    }

    /// Moves the box by its offsets. `extra` is what the stage adds to width and height: nothing after the
    /// proposals, 1 later.
    pub fn regress(&mut self, extra: f32) {
        let [left, top, right, bottom] = self.bounds;
        let (width, height) = (right - left + extra, bottom - top + extra);
        for ((bound, offset), size) in
            self.bounds.iter_mut().zip(self.offsets).zip([width, height, width, height])
        {
            *bound += offset * size;
        }
    }

    /// Grows the shorter side around the centre.
    pub fn make_square(&mut self) {
        let [left, top, right, bottom] = self.bounds;
        let (width, height) = (right - left, bottom - top);
        let side = width.max(height);
        let (left, top) = (left + width * 0.5 - side * 0.5, top + height * 0.5 - side * 0.5);
        self.bounds = [left, top, left + side, top + side];
    }

    pub fn place_points(&mut self) {
        let [left, top, right, bottom] = self.bounds;
        let (width, height) = (right - left + 1.0, bottom - top + 1.0);
        for (x, y) in (0..5).map(|i| (i, i + 5)) {
            self.points[x] = width * self.points[x] + left - 1.0;
            self.points[y] = height * self.points[y] + top - 1.0;
        }
    }

    /// The pixels under the box, as whole numbers counted from 1; those beyond the border too. None if no pixel of
    /// the photo lies under it, or it is so large that nothing in the photo can be its face.
    pub fn window(&self, photo: &Photo) -> Option<Window> {
        let [left, top, right, bottom] = self.bounds.map(|bound| bound.floor() as i64); // saturates; NaN becomes 0
        let window = Window { left: left.saturating_sub(1), top: top.saturating_sub(1), right, bottom };
        let largest = 4 * i64::from(photo.width.max(photo.height));
        let fits = |from: i64, to: i64, side: u32| {
            from.max(0) < to.min(side.into()) && to.saturating_sub(from) <= largest
        };
        let seen = fits(window.left, right, photo.width) && fits(window.top, bottom, photo.height);
        seen.then_some(window)
    }

    pub fn face(&self) -> Face {
        let landmarks = [0, 1, 2, 3, 4].map(|i| [self.points[i], self.points[i + 5]]);
        Face { bounds: self.bounds, score: self.score, landmarks }
    }
}

/// What an intersection is measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overlap {
    /// The union of both boxes.
    Union,
    /// The smaller box; sides count their last pixel too.
    Smaller,
}

impl Overlap {
    fn extra(self) -> f32 {
        if self == Self::Smaller { 1.0 } else { 0.0 }
    }

    fn area(self, [left, top, right, bottom]: [f32; 4]) -> f32 {
        (right - left + self.extra()) * (bottom - top + self.extra())
    }

    fn of(self, a: [f32; 4], b: [f32; 4]) -> f32 {
        let width = (a[2].min(b[2]) - a[0].max(b[0]) + self.extra()).max(0.0);
        let height = (a[3].min(b[3]) - a[1].max(b[1]) + self.extra()).max(0.0);
        let common = width * height;
        match self {
            Self::Union => common / (self.area(a) + self.area(b) - common),
            Self::Smaller => common / self.area(a).min(self.area(b)),
        }
    }
}

/// Greedy non-maximum suppression: best score first, dropping whatever overlaps a kept box by more than
/// `limit`. Leaves the kept boxes in order of score, equal scores in their old order.
pub(super) fn suppress(candidates: &mut Vec<FaceBox>, limit: f32, overlap: Overlap) {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<FaceBox> = Vec::new();
    for candidate in candidates.drain(..) {
        if kept.iter().all(|better| overlap.of(better.bounds, candidate.bounds) <= limit) {
            kept.push(candidate);
        }
    }
    *candidates = kept;
}

/// Places the points of each of `kept` that reaches beyond the photo where all candidates for the same face see them in
/// the mean. Half seen, a face's points depend on how its window happens to lie; the mean halves what that does.
pub(super) fn average_points(kept: &mut [FaceBox], candidates: &[FaceBox]) {
    for face in kept.iter_mut().filter(|face| face.beyond) {
        let same = |other: &&FaceBox| Overlap::Union.of(other.bounds, face.bounds) > 0.5;
        let (mut sum, mut weight) = ([0.0; 10], 0.0);
        for other in candidates.iter().filter(same) {
            weight += other.score;
            for (sum, point) in sum.iter_mut().zip(other.points) {
                *sum += other.score * point;
            }
        }
        if weight > 0.0 {
            face.points = sum.map(|sum| sum / weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(bounds: [f32; 4], score: f32) -> FaceBox {
        FaceBox::proposed(bounds, score, [0.0; 4])
    }

    #[test]
    fn overlapping_boxes_leave_the_best() {
        let mut boxes = vec![
            candidate([0.0, 0.0, 10.0, 10.0], 0.7),
            candidate([1.0, 0.0, 11.0, 10.0], 0.9),
            candidate([30.0, 30.0, 40.0, 40.0], 0.8),
        ];
        suppress(&mut boxes, 0.5, Overlap::Union);
        assert_eq!(boxes.iter().map(|b| b.score).collect::<Vec<_>>(), [0.9, 0.8]);
    }

    #[test]
    fn a_box_inside_another_falls_only_to_the_smaller_area() {
        let both = [candidate([0.0, 0.0, 100.0, 100.0], 0.9), candidate([40.0, 40.0, 60.0, 60.0], 0.8)];
        let mut boxes = both.to_vec();
        suppress(&mut boxes, 0.7, Overlap::Union);
        assert_eq!(boxes.len(), 2);
        suppress(&mut boxes, 0.7, Overlap::Smaller);
        assert_eq!(boxes.len(), 1);
    }

    #[test]
    fn boxes_reach_beyond_the_border_or_are_dropped() {
        let photo = Photo { width: 20, height: 10, pixels: vec![0; 600] };
        let window = |bounds| candidate(bounds, 1.0).window(&photo);
        assert_eq!(window([-5.5, 0.9, 50.0, 4.0]), Some(Window { left: -7, top: -1, right: 50, bottom: 4 }));
        assert_eq!(window([3.7, 2.2, 8.9, 9.9]), Some(Window { left: 2, top: 1, right: 8, bottom: 9 }));
        assert_eq!(window([30.0, 0.0, 40.0, 10.0]), None);
        assert_eq!(window([-9.0, 0.0, -1.0, 10.0]), None);
        assert_eq!(window([-50.0, 0.0, 50.0, 10.0]), None, "five times as wide as the photo");
        assert_eq!(window([f32::NAN; 4]), None);
        assert_eq!(window([f32::INFINITY; 4]), None);
        assert_eq!(window([f32::NEG_INFINITY, 0.0, f32::INFINITY, 9.0]), None);
    }

    #[test]
    fn points_beyond_the_border_are_settled_by_all_candidates_and_others_left_alone() {
        let of = |points: f32, score, beyond| FaceBox {
            points: [points; 10],
            beyond,
            ..candidate([0.0, 0.0, 10.0, 10.0], score)
        };
        let elsewhere = FaceBox { bounds: [50.0, 0.0, 60.0, 10.0], ..of(100.0, 1.0, true) };
        let all = [of(1.0, 0.9, true), of(2.0, 0.9, false), elsewhere];
        let mut kept = [of(1.0, 0.9, true), of(1.0, 0.9, false)];
        average_points(&mut kept, &all);
        assert!(kept[0].points.iter().all(|point| (point - 1.5).abs() < 1e-6), "{:?}", kept[0]);
        assert_eq!(kept[1].points, [1.0; 10]);
    }
}
