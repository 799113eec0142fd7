//! Boxes on their way through the cascade.

use super::Judgement;
use crate::face::Face;
use crate::face::resize::Window;
use crate::image::Photo;

/// A box that may hold a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    /// Left, top, right, bottom in photo pixels.
    pub bounds: [f32; 4],
    pub score: f32,
    /// The network's corrections to `bounds`, as shares of width and height.
    pub offsets: [f32; 4],
    /// Five x, then five y: shares of the box until [`Self::place_points`], photo pixels after it.
    pub points: [f32; 10],
}

impl Candidate {
    pub fn judged(self, judgement: &Judgement) -> Self {
        Self {
            bounds: self.bounds,
            score: judgement.probability,
            offsets: judgement.offsets,
            points: judgement.points,
        }
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

    /// The pixels under the box: truncated to whole numbers counted from 1, cut at the border. None if no
    /// pixel of the photo lies under it.
    pub fn window(&self, photo: &Photo) -> Option<Window> {
        let [left, top, right, bottom] = self.bounds.map(|bound| bound as i64);
        let near = |bound: i64| bound.max(1) as usize - 1;
        let far = |bound: i64, side: u32| bound.clamp(0, i64::from(side)) as usize;
        let window = Window {
            left: near(left),
            top: near(top),
            right: far(right, photo.width),
            bottom: far(bottom, photo.height),
        };
        (window.left < window.right && window.top < window.bottom).then_some(window)
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
pub(super) fn suppress(candidates: &mut Vec<Candidate>, limit: f32, overlap: Overlap) {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates.drain(..) {
        if kept.iter().all(|better| overlap.of(better.bounds, candidate.bounds) <= limit) {
            kept.push(candidate);
        }
    }
    *candidates = kept;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(bounds: [f32; 4], score: f32) -> Candidate {
        Candidate { bounds, score, offsets: [0.0; 4], points: [0.0; 10] }
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
    fn boxes_are_cut_at_the_border_or_dropped() {
        let photo = Photo { width: 20, height: 10, pixels: vec![0; 600] };
        let window = |bounds| candidate(bounds, 1.0).window(&photo);
        assert_eq!(window([-5.5, 0.9, 50.0, 4.0]), Some(Window { left: 0, top: 0, right: 20, bottom: 4 }));
        assert_eq!(window([3.7, 2.2, 8.9, 9.9]), Some(Window { left: 2, top: 1, right: 8, bottom: 9 }));
        assert_eq!(window([30.0, 0.0, 40.0, 10.0]), None);
        assert_eq!(window([-9.0, 0.0, -1.0, 10.0]), None);
        assert_eq!(window([f32::NAN; 4]), None);
        assert_eq!(window([f32::INFINITY; 4]), None);
    }
}
