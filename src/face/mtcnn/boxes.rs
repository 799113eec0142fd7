//! Boxes in the cascade.

use super::Judgement;
use crate::face::Face;
use crate::face::resize::Window;
use crate::image::Photo;

/// A box that may contain a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct FaceBox {
    /// Left, top, right, bottom in photo pixels.
    pub bounds: [f32; 4],
    pub score: f32,
    /// The corrections of the network to `bounds`, as shares of width and height.
    pub offsets: [f32; 4],
    /// Five x, then five y: shares of the box before [`Self::place_points`], photo pixels after it.
    pub points: [f32; 10],
    /// Whether the pixels of its last classification extend beyond the photo.
    pub beyond: bool,
}

impl FaceBox {
    /// A box of the proposal network.
    pub fn proposed(bounds: [f32; 4], score: f32, offsets: [f32; 4]) -> Self {
        Self { bounds, score, offsets, points: [0.0; 10], beyond: false }
    }

    pub fn judged(self, judgement: &Judgement, beyond: bool) -> Self {
        let Judgement { probability, offsets, points } = *judgement;
        Self { bounds: self.bounds, score: probability, offsets, points, beyond }
    }

    /// Moves the box by its offsets. `extra` is added to width and height: 0 after the proposals, 1 in later
    /// stages.
    pub fn regress(&mut self, extra: f32) {
        let [left, top, right, bottom] = self.bounds;
        let (width, height) = (right - left + extra, bottom - top + extra);
        for ((bound, offset), size) in
            self.bounds.iter_mut().zip(self.offsets).zip([width, height, width, height])
        {
            *bound += offset * size;
        }
    }

    /// Enlarges the shorter side around the centre.
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

    /// The pixels under the box, as whole numbers counted from 1, including those beyond the border. None if no pixel of
    /// the photo is under it, or if the box is too large for a face in the photo.
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

/// The area that an intersection is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overlap {
    /// The union of both boxes.
    Union,
    /// The smaller box. Sides include their last pixel.
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

/// Greedy non-maximum suppression: takes the best score first, and drops the candidates that overlap a kept box by more than
/// `limit`. The kept boxes are in order of score, equal scores in their previous order.
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

/// For each of `kept` that extends beyond the photo: replaces its points by the mean of all candidates for the same face. The points of
/// a partly visible face depend on the position of the window, and the mean halves that effect.
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
    fn of_overlapping_boxes_the_best_is_kept() {
        let mut boxes = vec![
            candidate([0.0, 0.0, 10.0, 10.0], 0.7),
            candidate([1.0, 0.0, 11.0, 10.0], 0.9),
            candidate([30.0, 30.0, 40.0, 40.0], 0.8),
        ];
        suppress(&mut boxes, 0.5, Overlap::Union);
        assert_eq!(boxes.iter().map(|b| b.score).collect::<Vec<_>>(), [0.9, 0.8]);
    }

    #[test]
    fn a_box_inside_another_is_dropped_only_by_the_smaller_area() {
        let both = [candidate([0.0, 0.0, 100.0, 100.0], 0.9), candidate([40.0, 40.0, 60.0, 60.0], 0.8)];
        let mut boxes = both.to_vec();
        suppress(&mut boxes, 0.7, Overlap::Union);
        assert_eq!(boxes.len(), 2);
        suppress(&mut boxes, 0.7, Overlap::Smaller);
        assert_eq!(boxes.len(), 1);
    }

    #[test]
    fn boxes_extend_beyond_the_border_or_are_dropped() {
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
    fn points_beyond_the_border_are_averaged_and_others_unchanged() {
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
