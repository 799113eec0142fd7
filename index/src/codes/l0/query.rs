//! A query prepared for one rotation: estimates and bounds of scores from L0 codes.

use super::second::Second;
use super::{Bits, Rotation};

/// The probability that a score that equals the threshold is beyond the bounds of a code of one bit, unless
/// another one is asked for.
pub(crate) const MISS: f64 = 1e-5;
/// An unbiased step that was rounded to `bf16` puts an estimate off by this part of the score, at most.
const BIAS: f64 = 1.0 / 512.0;
/// The part of a miss that the bound by both bits may make; the one by the first bit makes the rest.
const OF_BOTH: f64 = 0.1;

/// A query against codes of one rotation.
///
/// Write `q` and `x` for the vectors, `a` and `b` for their heads, and `a'` and `b'` for the quantised heads.
/// If nothing were rounded,
///
/// ```text
/// <q, x> = <a, b> + <tail of q, tail of x>
/// <a, b> = <a', b'> + <a - a', b'> + <a, b - b'>
/// |<q, x> - <a', b'>| <= |a - a'| (|b| + error) + |a| error + |tail of q| |tail of x|
/// ```
///
/// with `error = |b - b'|`. What is rounded: heads are off by at most [`Rotation::rounding`] in length, and
/// the directions are not quite orthonormal. With `D` for the matrix of directions and a tail defined as
/// `x - D'b`, so that nothing is lost, its square is `|x|^2 - |b|^2` up to three times that, which is added
/// before the root is taken; and each of the four products of a head or tail with another is off by that much
/// at most. A score is rounded by less, and so is the arithmetic here.
///
/// For codes of one bit that bound is of no use. Over random rotations `<a, b - b'>` is
/// `|a| error / sqrt(n - 1)` times a number that is nearly normal (Gao, Long 2024, theorem 3.2), and the
/// bound is as many of those as leave the wanted probability beyond them.
#[derive(Debug, Clone)]
pub(crate) struct L0Query {
    bits: Bits,
    /// The quantised head: for 8 bits as [`bytes`], for 4 bits one signed byte a component.
    pub(crate) bytes: Vec<u8>,
    /// The same for one bit, and what is added to a row's sum of lookups (0 where there are none).
    pub(crate) lookups: Vec<Lookup>,
    pub(crate) lift: i32,
    /// What is subtracted from twice a row's sum of components times levels.
    pub(crate) centre: i32,
    /// Half the unit of a component: what the difference and a row's step are multiplied with.
    pub(crate) unit: f32,
    /// What a row's error and tail are multiplied with, and what is added to them.
    pub(crate) of_error: f32,
    pub(crate) of_tail: f32,
    pub(crate) more: f32,
    /// For codes of one bit, what it needs for their second one.
    pub(crate) second: Option<Second>,
}

impl L0Query {
    /// `miss` is the probability that a bound of a code of one bit, by the first or by both, does not hold
    /// where the score equals the threshold.
    pub(crate) fn new(rotation: &Rotation, vector: &[f32], miss: f64) -> Self {
        let bits = rotation.bits;
        let mut head = vec![0.0; rotation.width()];
        rotation.head(vector, &mut head);
        let head: Vec<f64> = head.into_iter().map(f64::from).collect();
        let largest = head.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
        // Rounded first: what is missed below is measured against what is computed with.
        let unit = if largest > 0.0 { (largest / f64::from(reach(bits)) / 2.0) as f32 } else { 1.0 };
        let whole = f64::from(unit) * 2.0;
        let round = |x: &f64| ((x / whole).round() as i32).clamp(-reach(bits), reach(bits));
        let mut components: Vec<i32> = head.iter().map(round).collect();
        let missed = head.iter().zip(&components).map(|(x, &code)| (x - f64::from(code) * whole).powi(2));
        let missed = missed.sum::<f64>().sqrt();
        let square: f64 = head.iter().map(|x| x * x).sum();
        let length: f64 = vector.iter().map(|x| f64::from(*x).powi(2)).sum();
        let rounding = rotation.rounding();
        let tail = ((length - square).max(0.0) + 3.0 * rounding).sqrt();
        let deviation = 1.0 / (head.len().max(2) as f64 - 1.0).sqrt();
        let (spread, bias) = match bits {
            Bits::Eight | Bits::Four => (1.0, 0.0),
            Bits::One => (standard_errors(miss * (1.0 - OF_BOTH)) * deviation, BIAS),
        };
        components.resize(rotation.components, 0);
        let up = |bound: f64| (bound * 1.000_001) as f32;
        let of_error = |spread: f64| up(spread * (square.sqrt() + missed));
        let more = |spread: f64| up(spread * missed * 1.001 + 6.0 * rounding + bias);
        let second = (bits == Bits::One).then(|| {
            let spread = standard_errors(miss * OF_BOTH) * deviation;
            let components = components.iter().map(|&component| component as i8 as u8).collect();
            Second { components, of_error: of_error(spread), more: more(spread) }
        });
        let (bytes, lookups, lift) = match bits {
            Bits::Eight => (bytes(&components), Vec::new(), 0),
            Bits::Four => (components.iter().map(|&x| x as i8 as u8).collect(), Vec::new(), 0),
            Bits::One => {
                let sixteens = components.as_chunks::<4>().0.as_chunks::<4>().0;
                let lowest = components.iter().map(|&component| component.min(0)).sum();
                (Vec::new(), sixteens.iter().map(Lookup::new).collect(), lowest)
            }
        };
        Self {
            bits,
            bytes,
            lookups,
            lift,
            centre: bits.centre() * components.iter().sum::<i32>(),
            unit,
            of_error: of_error(spread),
            of_tail: up(tail),
            more: more(spread),
            second,
        }
    }

    pub(crate) fn bits(&self) -> Bits {
        self.bits
    }

    /// The bound minus the estimate, for a row of this error and tail.
    pub(crate) fn reach(&self, error: f64, tail: f64) -> f64 {
        f64::from(self.of_error) * error + f64::from(self.of_tail) * tail + f64::from(self.more)
    }
}

/// What a normal number exceeds with a probability of less than a half.
fn standard_errors(miss: f64) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..50 {
        let middle: f64 = (low + high) / 2.0;
        let exceeded = libm::erfc(middle / std::f64::consts::SQRT_2) / 2.0;
        (low, high) = if exceeded > miss { (middle, high) } else { (low, middle) };
    }
    high
}

/// Quantised components of a query go from minus this to this: for 8 bits they are two signed bytes, of which
/// the upper one counts 128; for 4 bits one, as codes are so much coarser that a second one would narrow
/// bounds by a twentieth and take twice the time; for one bit, the amounts of eight of them add up to less
/// than 256.
fn reach(bits: Bits) -> i32 {
    match bits {
        Bits::Eight => 127 * 128,
        Bits::Four => 127,
        Bits::One => 31,
    }
}

/// All upper bytes and then all lower ones.
fn bytes(components: &[i32]) -> Vec<u8> {
    // The lower part goes from -64 to 63.
    let upper = components.iter().map(|&component| ((component + 64) >> 7) as i8 as u8);
    let lower = components.iter().map(|&component| (((component + 64) & 127) - 64) as i8 as u8);
    upper.chain(lower).collect()
}

/// What four bits look up, for sixteen components: of each four of them the sums of those whose bits are set
/// in the position, less the lowest there is, so that none is below 0 and two are a byte together. Twice, as
/// registers hold them; and where a register's load meets one line of a cache and not two.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(crate) struct Lookup {
    /// Of the first four and of the third.
    pub(crate) low: [u8; 64],
    /// Of the second four and of the last.
    pub(crate) high: [u8; 64],
}

impl Lookup {
    fn new(fours: &[[i32; 4]; 4]) -> Self {
        let sums = |at: usize| -> [u8; 16] {
            let lowest: i32 = fours[at].iter().map(|&x| x.min(0)).sum();
            let of_set = |(bit, &x): (usize, &i32), set: usize| x * (set >> bit & 1) as i32;
            std::array::from_fn(|set| {
                let sum: i32 = fours[at].iter().enumerate().map(|four| of_set(four, set)).sum();
                (sum - lowest) as u8
            })
        };
        let twice = |one: usize, other: usize| -> [u8; 64] {
            let sums = [sums(one), sums(other)];
            std::array::from_fn(|at| sums[at / 32][at % 16])
        };
        Self { low: twice(0, 2), high: twice(1, 3) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_errors_are_those_of_the_tables() {
        for (miss, expected) in [(0.158_655, 1.0), (0.022_750, 2.0), (1e-3, 3.090_2), (1e-5, 4.264_9)] {
            let found = standard_errors(miss);
            assert!((found - expected).abs() < 1e-4, "{miss}: {found}");
        }
    }
}
