//! Whether a photo is an enlargement of a smaller one: it has more pixels and no more detail, and what it has beyond the smaller photo is an
//! image of it.
//!
//! Detail is the power of the frequencies that the smaller photo cannot have. It is compared with that of a plain enlargement of the
//! smaller photo, whose power there is an image of its low frequencies. So soft and crisp photos are measured alike. A soft photo has no
//! more detail than its reduced copy either, but what it has is not such an image: only the high frequencies of an enlargement are coherent
//! with those of the plain one.

use super::between::Between;
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
/// Coherence from which high frequencies are images of low ones. Measured on 128 photos of people and pages, crisp and blurred, reduced by
/// five kernels to 40 to 85 % and compressed with a quality of 60 to 95, or without loss: of the reduced copies beyond which a photo has
/// little detail, few have more (at most 1.5 % of all pairs; 8 % of blurred pages without loss, 60 to 80 % of which have little detail).
/// Of the enlargements with little detail, 72 to 100 % have more if the photo is crisp, and 38 to 75 % if it is soft.
const COHERENT: f32 = 0.3;

/// The detail of `large` beyond `small`, which shows the same picture, as a multiple of the most that an enlargement has: below 1 it is an
/// enlargement, and 1 if it has as little and is none. `None` if there is no evidence: the sizes are too near, or the photos too small.
pub fn excess(large: &Luma, small: &Luma) -> Option<f32> {
    let ratio = |large: usize, small: usize| small as f32 / large as f32;
    let ratios = [ratio(large.width, small.width), ratio(large.height, small.height)];
    let share = ratios[0].max(ratios[1]);
    if share > NEAREST || large.width.min(large.height) < LINE || small.width.min(small.height) < 2 {
        return None;
    }
    let first = (BEYOND * share * HALF as f32).ceil() as usize;
    let Powers { own, plain, common } = vectorized(
        #[inline(always)]
        || powers(large, small, ratios, &Waves::new(first)),
    );
    let most = MOST.min(MOST * (0.5 / share).powi(2)) * plain;
    let is_coherent = common >= COHERENT * (own * plain).sqrt();
    let excess = (most > 0.0).then(|| own / most)?;
    Some(if is_coherent { excess } else { excess.max(1.0) })
}

/// Of the high frequencies of two photos.
#[derive(Default)]
struct Powers {
    own: f32,
    plain: f32,
    /// The power that they have in common; negative where they are opposed.
    common: f32,
}

/// The powers of lines of the large photo, and of the same lines of a plain enlargement of the small one.
#[inline(always)]
fn powers(large: &Luma, small: &Luma, ratios: [f32; 2], waves: &Waves) -> Powers {
    let mut powers = Powers::default();
    for is_down in [false, true] {
        let (large, small) = (Lines::of(large, is_down), Lines::of(small, is_down));
        let [ratio, ratio_across] = if is_down { [ratios[1], ratios[0]] } else { ratios };
        let per_row = (large.length / LINE).min(8);
        let rows = (LINES / per_row).min(large.count);
        for part in 0..per_row {
            let start = (2 * part + 1) * (large.length - LINE) / (2 * per_row);
            // The middle of a pixel of the large photo in a line of the small one.
            let middle = |at: usize, ratio: f32| (at as f32 + 0.5) * ratio - 0.5;
            let places: [Between; LINE] =
                std::array::from_fn(|at| Between::at(middle(start + at, ratio), small.length));
            for row in 0..rows {
                let row = (2 * row + 1) * large.count / (2 * rows);
                let own = std::array::from_fn(|at| large.at(row, start + at));
                let across = Between::at(middle(row, ratio_across), small.count);
                let plain = std::array::from_fn(|at| {
                    let along = &places[at];
                    let line =
                        |line: usize| along.of(small.at(line, along.first), small.at(line, along.first + 1));
                    across.of(line(across.first), line(across.first + 1))
                });
                waves.add([own, plain], &mut powers);
            }
        }
    }
    powers
}

/// The rows of a photo as lines, or its columns.
struct Lines<'a> {
    grey: &'a [u8],
    /// Number of lines, and pixels of each.
    count: usize,
    length: usize,
    /// Distance of two lines, and of two pixels of a line.
    strides: [usize; 2],
}

impl<'a> Lines<'a> {
    fn of(Luma { width, height, grey }: &'a Luma, is_down: bool) -> Self {
        match is_down {
            false => Self { grey, count: *height, length: *width, strides: [*width, 1] },
            true => Self { grey, count: *width, length: *height, strides: [1, *width] },
        }
    }

    #[inline(always)]
    fn at(&self, line: usize, place: usize) -> f32 {
        self.grey[line * self.strides[0] + place * self.strides[1]].into()
    }
}

/// Half of a line: a wave is even or odd about its middle.
const HALF: usize = LINE / 2;
/// Frequencies that are computed at once.
const LANES: usize = 16;

/// The waves of the highest frequencies of a line.
struct Waves {
    /// For `LANES` frequencies each, the cosines and the sines at the places of the second half of a line.
    waves: Vec<[[[f32; LANES]; HALF]; 2]>,
    /// A window of Hann. It is 0 at the first place.
    window: [f32; LINE],
}

impl Waves {
    fn new(first: usize) -> Self {
        let turns: [f32; LINE] = std::array::from_fn(|at| std::f32::consts::TAU * at as f32 / LINE as f32);
        let (cosines, sines) = (turns.map(f32::cos), turns.map(f32::sin));
        let frequencies: Vec<usize> = (first..=HALF).collect();
        let group = |group: &[usize]| {
            [&cosines, &sines].map(|wave| {
                std::array::from_fn(|at| {
                    let value = |frequency: &usize| wave[frequency * (HALF + at) % LINE];
                    std::array::from_fn(|lane| group.get(lane).map_or(0.0, value))
                })
            })
        };
        let waves = frequencies.chunks(LANES).map(group).collect();
        Self { waves, window: std::array::from_fn(|at| 0.5 - 0.5 * cosines[at]) }
    }

    /// Adds the powers of two lines at these frequencies.
    #[inline(always)]
    fn add(&self, lines: [[f32; LINE]; 2], powers: &mut Powers) {
        let halves = lines.map(
            #[inline(always)]
            |line| self.halves(line),
        );
        let mut sums = [[0_f32; LANES]; 3];
        for waves in &self.waves {
            // For each line the real and the imaginary part.
            let mut parts = [[[0_f32; LANES]; 2]; 2];
            for (parts, halves) in parts.iter_mut().zip(&halves) {
                for ((part, half), wave) in parts.iter_mut().zip(halves).zip(waves) {
                    for (value, wave) in half.iter().zip(wave) {
                        (0..LANES).for_each(|lane| part[lane] += value * wave[lane]);
                    }
                }
            }
            let [own, plain] = parts;
            for lane in 0..LANES {
                sums[0][lane] += own[0][lane] * own[0][lane] + own[1][lane] * own[1][lane];
                sums[1][lane] += plain[0][lane] * plain[0][lane] + plain[1][lane] * plain[1][lane];
                sums[2][lane] += own[0][lane] * plain[0][lane] + own[1][lane] * plain[1][lane];
            }
        }
        let [own, plain, common] = sums.map(|lanes| lanes.iter().sum::<f32>());
        powers.own += own;
        powers.plain += plain;
        powers.common += common;
    }

    /// The even and the odd half of a line under the window.
    #[inline(always)]
    fn halves(&self, mut line: [f32; LINE]) -> [[f32; HALF]; 2] {
        // The mean under the window, so that the brightness does not count.
        let weight = total(&self.window, &self.window, |weight, _| weight);
        let mean = total(&line, &self.window, |grey, weight| grey * weight) / weight;
        line.iter_mut().zip(&self.window).for_each(|(grey, weight)| *grey = (*grey - mean) * weight);
        let mirrored = |at: usize| if at == 0 { 0.0 } else { line[HALF - at] };
        let even = std::array::from_fn(|at| line[HALF + at] + mirrored(at));
        let odd = std::array::from_fn(|at| line[HALF + at] - mirrored(at));
        [even, odd]
    }
}
