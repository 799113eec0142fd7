//! The tones of one picture as a function of those of another.

use super::alignment::Alignment;
use super::level::Seen;

/// Grey from which a pixel may be clipped.
const WHITE: f32 = 252.0;
const BLACK: f32 = 3.0;
/// Knots of a curve of tones, steps to fit it, differences in grey that get a smaller weight, and least pixels of a knot.
const TONES: usize = 32;
const TONE_STEPS: usize = 3;
const TONE_HUBER: f32 = 8.0;
const FEW_PIXELS: f32 = 12.0;
/// Rows of which one is looked at to fit the curve.
const EVERY: usize = 4;

/// The tones of one picture as a function of those of another: brightness, contrast, gamma, and clipping.
pub(super) struct Tones {
    /// The tone for each grey of the other picture.
    curve: [f32; 256],
}

impl Tones {
    /// The tones that fit most pixels of two pictures.
    #[inline(always)]
    pub fn between(one: &[f32], other: &Seen, alignment: &Alignment) -> Self {
        let pixels = Sorted::of(one, other);
        let mut curve: [f32; 256] =
            std::array::from_fn(|grey| (alignment.gain * grey as f32 + alignment.bias).clamp(0.0, 255.0));
        for _ in 0..TONE_STEPS {
            let mut sums = [[0_f32; 3]; TONES];
            for grey in 0..256 {
                let sum = &mut sums[grey * TONES / 256];
                let added = pixels.sums(grey, &curve);
                *sum = std::array::from_fn(|at| sum[at] + added[at]);
            }
            // Neighbouring greys are one knot if few pixels have them.
            let mut knots: Vec<(f32, f32)> = Vec::with_capacity(TONES);
            let mut open = [0_f32; 3];
            for sum in sums {
                open = std::array::from_fn(|at| open[at] + sum[at]);
                if open[0] >= FEW_PIXELS {
                    let grey = open[1] / open[0];
                    knots.push((grey, at(&curve, grey) + open[2] / open[0]));
                    open = [0.0; 3];
                }
            }
            curve = interpolated(&knots, &curve);
        }
        Self { curve }
    }

    /// Both pictures with the same tones. What the other picture has lost by clipping is removed from both.
    #[inline(always)]
    pub fn applied(&self, one: &[f32], other: &Seen) -> (Vec<f32>, Seen) {
        let (white, black) = (at(&self.curve, WHITE - 8.0), at(&self.curve, BLACK + 8.0));
        let (mut own, mut toned) = (one.to_vec(), other.clone());
        for row in other.rows.clone() {
            let start = row * other.side;
            let pixels = start + other.columns.start..start + other.columns.end;
            for (a, b) in own[pixels.clone()].iter_mut().zip(&mut toned.grey[pixels]) {
                let tone = at(&self.curve, *b);
                let is_clipped = (*b >= WHITE) & (*a > white) | (*b <= BLACK) & (*a < black);
                *a = if is_clipped { tone } else { *a };
                *b = tone;
            }
        }
        (own, toned)
    }
}

/// Pairs of pixels, sorted by the whole grey of the other picture.
struct Sorted {
    /// Where the pairs of each whole grey begin, in four parts, and the end of all.
    starts: Vec<usize>,
    one: Vec<f32>,
    other: Vec<f32>,
}

/// Pixels in a row go to different parts, so that no place is read just after it was written.
const PARTS: usize = 4;

impl Sorted {
    #[inline(always)]
    fn of(one: &[f32], other: &Seen) -> Self {
        let whole = |grey: f32, at: usize| usize::from(grey as u8) * PARTS + at % PARTS;
        let columns = other.columns.clone();
        let line = |row: usize| row * other.side + columns.start..row * other.side + columns.end;
        let mut starts = vec![0; 256 * PARTS + 1];
        for row in other.rows.clone().step_by(EVERY) {
            for (at, b) in other.grey[line(row)].iter().enumerate() {
                starts[whole(*b, at) + 1] += 1;
            }
        }
        for at in 0..256 * PARTS {
            starts[at + 1] += starts[at];
        }
        let (mut next, count) = (starts.clone(), starts[256 * PARTS]);
        let mut sorted = Self { starts, one: vec![0.0; count], other: vec![0.0; count] };
        for row in other.rows.clone().step_by(EVERY) {
            for (at, (a, b)) in one[line(row)].iter().zip(&other.grey[line(row)]).enumerate() {
                let place = &mut next[whole(*b, at)];
                sorted.one[*place] = *a;
                sorted.other[*place] = *b;
                *place += 1;
            }
        }
        sorted
    }

    /// The sums of the weights, of the weighted greys, and of the weighted differences to the curve, of the pixels of one whole grey.
    #[inline(always)]
    fn sums(&self, grey: usize, curve: &[f32; 256]) -> [f32; 3] {
        const LANES: usize = 8;
        let pixels = self.starts[grey * PARTS]..self.starts[(grey + 1) * PARTS];
        let first = grey.min(254);
        let (own, step) = (curve[first], curve[first + 1] - curve[first]);
        let terms = |a: f32, b: f32| {
            let difference = a - (own + step * (b - first as f32));
            let weight = TONE_HUBER / difference.abs().max(TONE_HUBER);
            [weight, weight * b, weight * difference]
        };
        let (one, other) =
            (self.one[pixels.clone()].as_chunks::<LANES>(), self.other[pixels].as_chunks::<LANES>());
        let mut lanes = [[0_f32; LANES]; 3];
        for (one, other) in one.0.iter().zip(other.0) {
            for (at, (a, b)) in one.iter().zip(other).enumerate() {
                let [weight, grey, difference] = terms(*a, *b);
                lanes[0][at] += weight;
                lanes[1][at] += grey;
                lanes[2][at] += difference;
            }
        }
        let mut sums = lanes.map(|lanes| lanes.iter().sum());
        for (a, b) in one.1.iter().zip(other.1) {
            let terms = terms(*a, *b);
            sums = std::array::from_fn(|at| sums[at] + terms[at]);
        }
        sums
    }
}

/// A curve at a grey, between its values.
#[inline(always)]
fn at(curve: &[f32; 256], grey: f32) -> f32 {
    let first = usize::from((grey as u8).min(254));
    curve[first] + (curve[first + 1] - curve[first]) * (grey - first as f32)
}

/// The curve through knots in ascending order. Beyond the outer ones it runs as `before` does.
fn interpolated(knots: &[(f32, f32)], before: &[f32; 256]) -> [f32; 256] {
    let (Some(first), Some(last)) = (knots.first(), knots.last()) else { return *before };
    let mut next = 0;
    std::array::from_fn(|grey| {
        let grey = grey as f32;
        while next < knots.len() && knots[next].0 <= grey {
            next += 1;
        }
        if next == 0 {
            return first.1 + at(before, grey) - at(before, first.0);
        }
        if next == knots.len() {
            return last.1 + at(before, grey) - at(before, last.0);
        }
        let ((from, one), (to, other)) = (knots[next - 1], knots[next]);
        one + (other - one) * (grey - from) / (to - from).max(0.01)
    })
}
