//! Whether a photo is an enlargement of a smaller one: it has more pixels and no more detail.
//!
//! Detail is the power of the frequencies that the smaller photo cannot have. It is compared with that of a plain enlargement of the
//! smaller photo, whose power there is an image of its low frequencies. So soft and crisp photos are measured alike.

use super::luma::Luma;
use super::vectors::{total, vectorized};

/// Pixels of a line whose spectrum is computed.
const LINE: usize = 128;
/// Lines of each direction.
const LINES: usize = 128;
/// Largest ratio of the sides with which detail can be told from the loss of compression.
pub const NEAREST: f32 = 0.9;
/// The first compared frequency, as a multiple of the highest one of the smaller photo.
const BEYOND: f32 = 1.05;
/// Power of an enlargement as a multiple of that of the plain one: at the side ratio of one half, at most. It falls with the square of the
/// ratio, because less is left of the spectrum. Measured on photos of faces that were enlarged by five kernels and compressed with a
/// quality of 75 to 100: these have at most 0.9 of it, and photos that were not enlarged at least 1.6 times as much.
const MOST: f32 = 5.0;

/// The detail of `large` beyond `small`, which shows the same picture, as a multiple of the most that an enlargement has: below 1 it is an
/// enlargement. `None` if there is no evidence: the sizes are too near, or the photos too small.
pub fn excess(large: &Luma, small: &Luma) -> Option<f32> {
    let ratio = |large: usize, small: usize| small as f32 / large as f32;
    let ratios = [ratio(large.width, small.width), ratio(large.height, small.height)];
    let share = ratios[0].max(ratios[1]);
    if share > NEAREST || large.width.min(large.height) < LINE || small.width.min(small.height) < 2 {
        return None;
    }
    let first = (BEYOND * share * (LINE / 2) as f32).ceil() as usize;
    let (own, plain) = vectorized(
        #[inline(always)]
        || powers(large, small, ratios, &Waves::new(first)),
    );
    let most = MOST.min(MOST * (0.5 / share).powi(2)) * plain;
    (most > 0.0).then(|| own / most)
}

/// The power of lines of the large photo, and of the same lines of a plain enlargement of the small one.
#[inline(always)]
fn powers(large: &Luma, small: &Luma, ratios: [f32; 2], waves: &Waves) -> (f32, f32) {
    let (mut own, mut plain) = (0.0, 0.0);
    for is_down in [false, true] {
        let (along, across) = if is_down { (large.height, large.width) } else { (large.width, large.height) };
        let per_row = (along / LINE).min(8);
        let rows = (LINES / per_row).min(across);
        for row in 0..rows {
            let across = (2 * row + 1) * across / (2 * rows);
            for part in 0..per_row {
                let start = (2 * part + 1) * (along - LINE) / (2 * per_row);
                let place = |at: usize| if is_down { (across, start + at) } else { (start + at, across) };
                let (mut line, mut enlarged) = ([0.0; LINE], [0.0; LINE]);
                for at in 0..LINE {
                    let (x, y) = place(at);
                    line[at] = large.grey[y * large.width + x].into();
                    enlarged[at] =
                        small.between((x as f32 + 0.5) * ratios[0] - 0.5, (y as f32 + 0.5) * ratios[1] - 0.5);
                }
                own += waves.power(line);
                plain += waves.power(enlarged);
            }
        }
    }
    (own, plain)
}

/// The waves of the highest frequencies of a line.
struct Waves {
    /// For each frequency the cosine and the sine of each place, under a window of Hann.
    waves: Vec<[[f32; LINE]; 2]>,
    window: [f32; LINE],
}

impl Waves {
    fn new(first: usize) -> Self {
        let turns: [f32; LINE] = std::array::from_fn(|at| std::f32::consts::TAU * at as f32 / LINE as f32);
        let (cosines, sines) = (turns.map(f32::cos), turns.map(f32::sin));
        let window: [f32; LINE] = std::array::from_fn(|at| 0.5 - 0.5 * cosines[at]);
        let wave = |frequency: usize| {
            [&cosines, &sines].map(|wave| std::array::from_fn(|at| window[at] * wave[frequency * at % LINE]))
        };
        Self { waves: (first..=LINE / 2).map(wave).collect(), window }
    }

    #[inline(always)]
    fn power(&self, mut line: [f32; LINE]) -> f32 {
        // The mean under the window, so that the brightness does not count.
        let weight = total(&self.window, &self.window, |weight, _| weight);
        let mean = total(&line, &self.window, |grey, weight| grey * weight) / weight;
        line.iter_mut().for_each(|grey| *grey -= mean);
        self.waves.iter().flatten().map(|wave| total(wave, &line, |a, b| a * b).powi(2)).sum()
    }
}
