//! The spectrum of a plane.

use std::f64::consts::PI;

use super::plane::Plane;

/// Pixels per side of the window whose spectrum is computed.
pub(super) const SIDE: usize = 128;

/// A complex number: real and imaginary part.
type Complex = [f64; 2];

/// The discrete Fourier transform of a window of [`SIDE`] x [`SIDE`] pixels, by rows. The first value is the frequency 0.
#[derive(Debug, Clone)]
pub(super) struct Spectrum(Vec<Complex>);

impl Spectrum {
    /// The spectrum of the middle of a plane without its mean, under a Hann window. A smaller plane is surrounded by its mean.
    pub fn of(plane: &Plane) -> Self {
        let (mean, hann) =
            (plane.moments()[0], |at: usize| 0.5 - 0.5 * (2.0 * PI * (at as f64 + 0.5) / SIDE as f64).cos());
        // The window and the plane have the same middle.
        let place =
            |at: usize, length: usize| (at + length / 2).checked_sub(SIDE / 2).filter(|at| *at < length);
        let hann: Vec<f64> = (0..SIDE).map(hann).collect();
        let mut values = Vec::with_capacity(SIDE * SIDE);
        for y in 0..SIDE {
            for x in 0..SIDE {
                let inside = place(x, plane.width).zip(place(y, plane.height));
                let value = inside.map(|(column, row)| plane.values[row * plane.width + column] - mean);
                values.push([value.unwrap_or(0.0) * hann[x] * hann[y], 0.0]);
            }
        }
        let turns: Vec<Complex> =
            (0..SIDE / 2).map(|at| (-2.0 * PI * at as f64 / SIDE as f64).sin_cos().into()).collect();
        for row in values.chunks_exact_mut(SIDE) {
            transform(row, &turns);
        }
        let mut column = vec![[0.0; 2]; SIDE];
        for x in 0..SIDE {
            column.iter_mut().enumerate().for_each(|(y, value)| *value = values[y * SIDE + x]);
            transform(&mut column, &turns);
            column.iter().enumerate().for_each(|(y, value)| values[y * SIDE + x] = *value);
        }
        Self(values)
    }

    /// Magnitude of each frequency.
    pub fn magnitudes(&self) -> impl ExactSizeIterator<Item = f64> + '_ {
        self.0.iter().map(|[re, im]| re.hypot(*im))
    }

    /// Phase of each frequency, -pi to pi.
    pub fn phases(&self) -> impl ExactSizeIterator<Item = f64> + '_ {
        self.0.iter().map(|[re, im]| im.atan2(*re))
    }

    /// Distance of each frequency from 0, in cycles per pixel: 0 to 0.71.
    pub fn frequencies() -> impl ExactSizeIterator<Item = f64> {
        let signed = |at: usize| if at > SIDE / 2 { at as f64 - SIDE as f64 } else { at as f64 };
        (0..SIDE * SIDE).map(move |at| signed(at % SIDE).hypot(signed(at / SIDE)) / SIDE as f64)
    }
}

/// The fast Fourier transform in place (Cooley and Tukey 1965). The length is a power of two, and `turns` has sine and cosine of half as many
/// steps of the circle.
fn transform(values: &mut [Complex], turns: &[Complex]) {
    let n = values.len();
    let bits = n.trailing_zeros();
    for at in 0..n {
        let other = at.reverse_bits() >> (usize::BITS - bits);
        if at < other {
            values.swap(at, other);
        }
    }
    let mut half = 1;
    while half < n {
        for start in (0..n).step_by(2 * half) {
            for at in 0..half {
                let [sin, cos] = turns[at * (turns.len() / half)];
                let ([a, b], [re, im]) = (values[start + at], values[start + at + half]);
                let (re, im) = (re * cos - im * sin, re * sin + im * cos);
                values[start + at] = [a + re, b + im];
                values[start + at + half] = [a - re, b - im];
            }
        }
        half *= 2;
    }
}

/// Magnitudes in rings of equal frequency.
pub(super) struct Rings {
    /// The logarithms of the magnitudes of each ring, sorted.
    pub rings: Vec<Vec<f64>>,
}

impl Rings {
    /// The rings of a spectrum, up to 0.5 cycles per pixel, each one step of the transform wide. Ring 0 has only the mean and is empty.
    pub fn of(spectrum: &Spectrum) -> Self {
        let mut rings = vec![Vec::new(); SIDE / 2];
        for (frequency, magnitude) in Spectrum::frequencies().zip(spectrum.magnitudes()) {
            let ring = (frequency * SIDE as f64).round() as usize;
            if (1..SIDE / 2).contains(&ring) {
                rings[ring].push((1.0 + magnitude).ln());
            }
        }
        rings.iter_mut().for_each(|ring| ring.sort_by(f64::total_cmp));
        Self { rings }
    }

    /// Median of a ring; 0 if it is empty.
    pub fn median(&self, ring: usize) -> f64 {
        self.rings.get(ring).and_then(|ring| ring.get(ring.len() / 2)).copied().unwrap_or(0.0)
    }
}
