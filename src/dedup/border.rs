//! Whether what a picture shows around a part of it is a frame that was drawn, or more of the scene.
//!
//! A drawn frame is constant along each side, and the picture ends abruptly at it. A scene continues: its detail crosses the border of the
//! part, or its background does. Where neither can be seen, it counts as scene, because then nothing is lost.

use super::hash::Window;
use super::thumbnail::{SIDE, Thumbnail};

/// Least width of a side that is looked at, in pixels of the thumbnail.
const LEAST_WIDTH: f32 = 1.4;
/// Distance from the border of the part within which pixels are mixed, and share of a side's width that is looked at.
const MIXED: f32 = 0.75;
const OUTER: f32 = 0.75;
/// Standard deviation along a line of a frame, in levels of grey, that compression leaves at most; and that of a frame without any noise.
const CONSTANT: f32 = 3.0;
const EXACT: f32 = 0.8;
/// Difference across the border that is a jump, in levels of grey, and least share of the border with a jump.
const JUMP: f32 = 8.0;
const JUMPS: f32 = 0.5;
/// The same for a frame without any noise.
const EXACT_JUMP: f32 = 4.0;
const EXACT_JUMPS: f32 = 0.25;

/// Whether all of a picture that is outside of `inner` (left, top, right and bottom, in shares of its sides) is a drawn frame. `false` if
/// next to nothing is outside.
pub(super) fn is_frame(picture: &Thumbnail, inner: Window) -> bool {
    let side = SIDE as f32;
    let [left, top, right, bottom] = inner.map(|share| (share * side).clamp(0.0, side));
    let grey = picture.as_bytes();
    let row = |y: usize, x: usize| f32::from(grey[y * SIDE + x]);
    let column = |x: usize, y: usize| f32::from(grey[y * SIDE + x]);
    let last = |at: usize| SIDE - 1 - at;
    let sides = [
        Side::of(row, top, (left, right)),
        Side::of(|line, place| row(last(line), place), side - bottom, (left, right)),
        Side::of(column, left, (top, bottom)),
        Side::of(|line, place| column(last(line), place), side - right, (top, bottom)),
    ];
    let sides: Vec<Side> = sides.into_iter().flatten().collect();
    let spread = sides.iter().map(|side| side.spread).fold(0.0, f32::max);
    let all = sides.iter().map(|side| side.steps.len()).sum::<usize>();
    let is_cut = |jump: f32, share: f32| {
        let jumps = sides.iter().flat_map(|side| &side.steps).filter(|step| **step >= jump).count();
        jumps as f32 >= share * all as f32
    };
    all > 0
        && (spread <= CONSTANT && is_cut(JUMP, JUMPS) || spread <= EXACT && is_cut(EXACT_JUMP, EXACT_JUMPS))
}

/// What is outside of the part at one side.
struct Side {
    /// The largest standard deviation along a line.
    spread: f32,
    /// Differences across the border of the part, at each place along it.
    steps: Vec<f32>,
}

impl Side {
    /// A side of this width. `at` gives the pixel in a line, counted from the outside, and at a place along it. `None` for a narrow side.
    fn of(at: impl Fn(usize, usize) -> f32, width: f32, (from, to): (f32, f32)) -> Option<Self> {
        let inside = (width + MIXED).ceil() as usize;
        let places = (from + MIXED).ceil() as usize..((to - MIXED).floor().max(0.0) as usize).min(SIDE);
        if width < LEAST_WIDTH || inside >= SIDE || places.is_empty() {
            return None;
        }
        let count = places.len() as f32;
        let spread = |line: usize| {
            let mean = places.clone().map(|place| at(line, place)).sum::<f32>() / count;
            let squares = places.clone().map(|place| (at(line, place) - mean).powi(2)).sum::<f32>();
            (squares / count).sqrt()
        };
        let lines = ((width * OUTER) as usize).max(1);
        let nearest = ((width - MIXED).floor().max(1.0) as usize) - 1;
        let steps = places.clone().map(|place| (at(inside, place) - at(nearest, place)).abs()).collect();
        Some(Self { spread: (0..lines).map(spread).fold(0.0, f32::max), steps })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{scene, thumbnail};
    use super::*;

    const INNER: Window = [0.05, 0.05, 0.95, 0.95];

    #[test]
    fn the_rest_of_a_scene_is_no_frame() {
        for seed in 0..8 {
            assert!(!is_frame(&thumbnail(scene(seed)), INNER), "{seed}");
            assert!(!is_frame(&thumbnail(scene(seed)), [0.1, 0.0, 1.0, 1.0]), "{seed}");
        }
        // A wall behind a subject that is cut at the lower border only.
        let portrait = |x: f32, y: f32| {
            let is_subject = (x - 0.5).abs() < 0.3 && y > 0.3;
            if is_subject { 128.0 + 90.0 * (40.0 * x).sin() * (30.0 * y).cos() } else { 180.0 + 8.0 * x }
        };
        assert!(!is_frame(&thumbnail(portrait), INNER));
        assert!(!is_frame(&thumbnail(portrait), [0.06, 0.08, 0.96, 1.0]));
    }

    #[test]
    fn a_drawn_border_is_a_frame() {
        let framed = |seed: u32, border: fn(f32) -> f32, inner: Window| {
            let scene = scene(seed);
            thumbnail(move |x, y| {
                let [left, top, right, bottom] = inner;
                let is_inside = (left..right).contains(&x) && (top..bottom).contains(&y);
                let inner = scene((x - left) / (right - left), (y - top) / (bottom - top));
                let depth = x.min(1.0 - x).min(y).min(1.0 - y);
                if is_inside { inner } else { border(depth) }
            })
        };
        let letterbox = [0.0, 0.12, 1.0, 0.88];
        for seed in 0..8 {
            for inner in [INNER, letterbox, [0.04, 0.04, 0.96, 0.85]] {
                assert!(is_frame(&framed(seed, |_| 255.0, inner), inner), "{seed} white {inner:?}");
                assert!(is_frame(&framed(seed, |_| 0.0, inner), inner), "{seed} black {inner:?}");
            }
            // A line in the frame.
            let lined =
                framed(seed, |depth| if (0.012..0.024).contains(&depth) { 0.0 } else { 255.0 }, INNER);
            assert!(is_frame(&lined, INNER), "{seed}");
        }
    }

    #[test]
    fn a_background_that_continues_and_a_whole_picture_are_no_frame() {
        let product = |x: f32, y: f32| {
            if (x - 0.5).hypot(y - 0.5) < 0.3 { 90.0 + 60.0 * (50.0 * x).sin() } else { 255.0 }
        };
        assert!(!is_frame(&thumbnail(product), INNER));
        assert!(!is_frame(&thumbnail(scene(1)), [0.0, 0.0, 1.0, 1.0]));
    }
}
