//! Whether two pictures of the same structure have the same hues.
//!
//! An edit of a photo changes its saturation, warmth and brightness everywhere alike. A shirt in another colour, or another flag, has other
//! hues in a part or everywhere. So the factors of the three channels that explain most of the other picture are found first; they differ
//! little from each other. Then the hues must agree nearly everywhere. A picture in tones of one colour or of grey can be made of any
//! picture; if both are such, their hues are compared as they are.

use super::colours::{AXES, Colour, chroma, length, luma};

/// Least amount of colour of a cell with a hue: compression changes the hue of paler ones.
const LEAST_CHROMA: f32 = 12.0;
/// Cosine of the largest angle between equal hues, 40 degrees.
const LEAST_COSINE: f32 = 0.766;
/// Share of the cells with a hue that may differ, and the number that may in any case.
const DIFFERENT: f32 = 0.04;
const FEW: usize = 2;
/// Value of a channel that is clipped. Where two are, the hue is lost.
const CLIPPED: f32 = 250.0;
/// Largest deviation of the factor of a channel from the mean of the three, and the weight of such deviations for each cell.
const MOST_WARMTH: f32 = 0.35;
const RIDGE: f32 = 300.0;
/// Steps to find the factors, and amounts of colour that count little in it.
const STEPS: usize = 5;
const OUTLYING: f32 = 10.0;
/// Levels of brightness in which tones are distinguished. In a picture in tones of one colour, the colours of one level differ by this at
/// most, or by this share of the amount of colour.
const LEVELS: usize = 16;
const TONED: f32 = 3.0;
const TONED_SHARE: f32 = 0.12;

/// Whether pairs of colours at the same places of two pictures have the same hues.
pub(super) fn agree(pairs: &[[Colour; 2]]) -> bool {
    // Nearly all copies keep their hues as they are, and need no factors.
    if have_hues_of(pairs, 0, 1, [1.0; 3]) {
        return true;
    }
    let are_toned = [0, 1].map(|at| is_toned(pairs, at));
    if are_toned[0] != are_toned[1] {
        return true;
    }
    let is_toned = are_toned[0];
    [[0, 1], [1, 0]].into_iter().all(|[one, other]| {
        let factors = if is_toned { [1.0; 3] } else { factors(pairs, one, other) };
        have_hues_of(pairs, one, other, factors)
    })
}

/// Whether the hues of the pictures agree after the channels of `one` are multiplied by `factors`.
fn have_hues_of(pairs: &[[Colour; 2]], one: usize, other: usize, factors: Colour) -> bool {
    let (mut all, mut different) = (0, 0);
    for pair in pairs {
        let (own, wanted) = (chroma(pair[one]), chroma(pair[other]));
        let is_clipped =
            pair.iter().any(|colour| colour.iter().filter(|value| **value >= CLIPPED).count() > 1);
        if is_clipped || length(own).min(length(wanted)) < LEAST_CHROMA {
            continue;
        }
        let changed = chroma(std::array::from_fn(|channel| pair[one][channel] * factors[channel]));
        // Factors near 0 leave no hue.
        let changed = if length(changed) < 1.0 { own } else { changed };
        let product = changed[0] * wanted[0] + changed[1] * wanted[1];
        all += 1;
        different += usize::from(product < LEAST_COSINE * length(changed) * length(wanted));
    }
    different <= FEW || different as f32 <= DIFFERENT * all as f32
}

/// The factors of the channels of `one` that explain most of the colours of `other`. Multiplied by them, a picture gets another warmth and,
/// where all three are smaller or larger, another saturation.
fn factors(pairs: &[[Colour; 2]], one: usize, other: usize) -> Colour {
    let mut found = [1.0; 3];
    let mut weights = vec![1.0; pairs.len()];
    for _ in 0..STEPS {
        let (mut matrix, mut vector, mut sum) = ([[0_f32; 3]; 3], [0_f32; 3], 0.0);
        for (pair, weight) in pairs.iter().zip(&weights) {
            let terms: [[f32; 2]; 3] =
                std::array::from_fn(|channel| AXES[channel].map(|axis| axis * pair[one][channel]));
            let product = |a: [f32; 2], b: [f32; 2]| weight * (a[0] * b[0] + a[1] * b[1]);
            for (row, term) in terms.iter().enumerate() {
                vector[row] += product(*term, chroma(pair[other]));
                (0..3).for_each(|column| matrix[row][column] += product(*term, terms[column]));
            }
            sum += weight;
        }
        for (row, line) in matrix.iter_mut().enumerate() {
            for (column, value) in line.iter_mut().enumerate() {
                *value += if row == column { 0.01 + RIDGE * sum * 2.0 / 3.0 } else { -RIDGE * sum / 3.0 };
            }
        }
        let Some(solved) = solved(matrix, vector) else { return found };
        let mean = solved.iter().sum::<f32>() / 3.0;
        found = solved.map(|factor| mean.max(0.0) + (factor - mean).clamp(-MOST_WARMTH, MOST_WARMTH));
        for (pair, weight) in pairs.iter().zip(&mut weights) {
            let changed = chroma(std::array::from_fn(|channel| pair[one][channel] * found[channel]));
            let wanted = chroma(pair[other]);
            let error = length([wanted[0] - changed[0], wanted[1] - changed[1]]) / OUTLYING;
            *weight = (1.0 + error * error).powi(-2);
        }
    }
    found
}

/// The solution of three linear equations by Cramer's rule. `None` if there is none.
fn solved(matrix: [[f32; 3]; 3], vector: [f32; 3]) -> Option<[f32; 3]> {
    let determinant = |m: [[f64; 3]; 3]| {
        m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
            + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
    };
    let matrix = matrix.map(|row| row.map(f64::from));
    let whole = determinant(matrix);
    let solution: [f32; 3] = std::array::from_fn(|column| {
        let mut replaced = matrix;
        (0..3).for_each(|row| replaced[row][column] = vector[row].into());
        (determinant(replaced) / whole) as f32
    });
    solution.iter().all(|value| value.is_finite()).then_some(solution)
}

/// Whether the picture at this place of the pairs is in tones of one colour: the colour depends on the brightness only.
pub(super) fn is_toned(pairs: &[[Colour; 2]], at: usize) -> bool {
    let level = |colour: Colour| (luma(colour) as usize * LEVELS / 256).min(LEVELS - 1);
    let mut levels = [[0_f32; 3]; LEVELS];
    for pair in pairs {
        let (sums, [x, y]) = (&mut levels[level(pair[at])], chroma(pair[at]));
        *sums = [sums[0] + 1.0, sums[1] + x, sums[2] + y];
    }
    let (mut squares, mut differences) = (0.0, 0.0);
    for pair in pairs {
        let ([count, x, y], own) = (levels[level(pair[at])], chroma(pair[at]));
        let difference = [own[0] - x / count, own[1] - y / count];
        squares += length(own).powi(2);
        differences += length(difference).powi(2);
    }
    let count = pairs.len().max(1) as f32;
    (differences / count).sqrt() < TONED.max(TONED_SHARE * (squares / count).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The colours of a picture of several hues, which are `edit`ed in the second picture.
    fn pairs(edit: impl Fn(usize, Colour) -> Colour) -> Vec<[Colour; 2]> {
        let colour =
            |at: usize| [at * 37 % 180, at * 73 % 170, at * 111 % 150].map(|value| 30.0 + value as f32);
        (0..1000).map(|at| [colour(at), edit(at, colour(at))]).collect()
    }

    fn saturated(colour: Colour, factor: f32) -> Colour {
        colour.map(|value| luma(colour) + factor * (value - luma(colour)))
    }

    #[test]
    fn warmth_saturation_and_gamma_keep_the_hues() {
        let gamma = |exponent: f32| move |value: f32| 255.0 * (value / 255.0).powf(exponent);
        assert!(agree(&pairs(|_, colour| colour)));
        assert!(agree(&pairs(|_, colour| colour.map(|value| 0.3 * value))));
        for factor in [0.0, 0.4, 1.5] {
            let warm = |colour: Colour| [1.06 * colour[0], colour[1], 0.9 * colour[2]];
            assert!(agree(&pairs(|_, colour| saturated(warm(colour), factor))), "{factor}");
        }
        for exponent in [0.8, 1.25] {
            assert!(agree(&pairs(|_, colour| colour.map(gamma(exponent)))), "{exponent}");
        }
        let toned = |colour: Colour| [1.1, 0.95, 0.7].map(|factor| factor * luma(colour));
        assert!(agree(&pairs(|_, colour| toned(colour))));
    }

    #[test]
    fn other_hues_in_a_part_or_everywhere_do_not_agree() {
        let exchanged = |[red, green, blue]: Colour| [blue, red, green];
        assert!(!agree(&pairs(|_, colour| exchanged(colour))));
        assert!(!agree(&pairs(|at, colour| if at % 8 == 0 { exchanged(colour) } else { colour })));
    }

    #[test]
    fn pictures_in_tones_of_one_colour_have_equal_hues_or_are_different() {
        let toned = |tone: Colour| (1..200).map(move |at| tone.map(|value| value * at as f32 / 200.0));
        let both = |one: Colour, other: Colour| -> Vec<[Colour; 2]> {
            toned(one).zip(toned(other)).map(|(one, other)| [one, other]).collect()
        };
        let [red, dark_red, green] = [[240.0, 60.0, 50.0], [200.0, 70.0, 60.0], [60.0, 200.0, 60.0]];
        assert!(agree(&both(red, dark_red)));
        assert!(!agree(&both(red, green)));
        assert!(agree(&both(red, [130.0; 3])));
    }
}
