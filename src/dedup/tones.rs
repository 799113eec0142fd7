//! The tones of one picture as a function of those of another.

use super::alignment::Alignment;

/// Grey from which a pixel may be clipped.
const WHITE: f32 = 252.0;
const BLACK: f32 = 3.0;
/// Knots of a curve of tones, steps to fit it, differences in grey that get a smaller weight, and least pixels of a knot.
const TONES: usize = 32;
const TONE_STEPS: usize = 3;
const TONE_HUBER: f32 = 8.0;
const FEW_PIXELS: f32 = 48.0;

/// The tones of one picture as a function of those of another: brightness, contrast, gamma, and clipping.
pub(super) struct Tones {
    /// The tone for each grey of the other picture.
    curve: [f32; 256],
}

impl Tones {
    /// The tones that fit most pixels of two pictures; those of `other` are NaN outside of it.
    pub fn between(one: &[f32], other: &[f32], alignment: &Alignment) -> Self {
        let mut curve: [f32; 256] =
            std::array::from_fn(|grey| (alignment.gain * grey as f32 + alignment.bias).clamp(0.0, 255.0));
        for _ in 0..TONE_STEPS {
            let mut sums = [[0_f32; 3]; TONES];
            for (a, b) in one.iter().zip(other).filter(|(_, b)| !b.is_nan()) {
                let difference = a - at(&curve, *b);
                let weight = TONE_HUBER / difference.abs().max(TONE_HUBER);
                let sum = &mut sums[(*b as usize).min(255) * TONES / 256];
                *sum = [sum[0] + weight, sum[1] + weight * b, sum[2] + weight * difference];
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

    /// A pair of pixels with the same tones. What the other picture has lost by clipping is removed.
    pub fn pair(&self, a: f32, b: f32) -> (f32, f32) {
        let tone = at(&self.curve, b);
        let is_clipped = (b >= WHITE && a > at(&self.curve, WHITE - 8.0))
            || (b <= BLACK && a < at(&self.curve, BLACK + 8.0));
        if is_clipped { (tone, tone) } else { (a, tone) }
    }
}

/// A curve at a grey, between its values.
fn at(curve: &[f32; 256], grey: f32) -> f32 {
    let first = (grey as usize).min(254);
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
