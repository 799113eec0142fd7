//! Planes: pictures with one number per pixel, and their filters.

/// A picture with one number per pixel, rows from top to bottom. At least 3 x 3.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plane {
    pub width: usize,
    pub height: usize,
    pub values: Vec<f64>,
}

impl Plane {
    /// The plane of a function of column and row.
    pub fn new(width: usize, height: usize, value: impl Fn(usize, usize) -> f64) -> Self {
        let rows = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Self { width, height, values: rows.map(|(x, y)| value(x, y)).collect() }
    }

    /// The rows of the plane.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.chunks_exact(self.width.max(1))
    }

    /// The plane of a function of the 3 x 3 pixels around each pixel, by rows. The border is repeated outside the plane.
    pub fn of_neighbourhoods<T>(&self, value: impl Fn([[f64; 3]; 3]) -> T) -> Vec<T> {
        let rows: Vec<&[f64]> = self.rows().collect();
        let mut values = Vec::with_capacity(self.values.len());
        for y in 0..self.height {
            let three = [rows[y.saturating_sub(1)], rows[y], rows[(y + 1).min(self.height - 1)]];
            for x in 0..self.width {
                let (left, right) = (x.saturating_sub(1), (x + 1).min(self.width - 1));
                values.push(value(three.map(|row| [row[left], row[x], row[right]])));
            }
        }
        values
    }

    /// A plane of the same size.
    pub fn like(&self, values: Vec<f64>) -> Self {
        Self { width: self.width, height: self.height, values }
    }

    /// The plane with its rows as columns.
    pub fn transposed(&self) -> Self {
        Self::new(self.height, self.width, |x, y| self.values[x * self.width + y])
    }

    /// The plane of a function of each pixel of two planes of one size.
    pub fn with(&self, other: &Self, value: impl Fn(f64, f64) -> f64) -> Self {
        let values = self.values.iter().zip(&other.values).map(|(&a, &b)| value(a, b)).collect();
        Self { width: self.width, height: self.height, values }
    }

    /// The plane, blurred by a Gaussian of this deviation in pixels, with taps up to `radius` pixels away.
    pub fn blurred(&self, deviation: f64, radius: usize) -> Self {
        let tap = |at: usize| (-0.5 * ((at as f64 - radius as f64) / deviation).powi(2)).exp();
        let taps: Vec<f64> = (0..=2 * radius).map(tap).collect();
        let total: f64 = taps.iter().sum();
        let taps: Vec<f64> = taps.into_iter().map(|tap| tap / total).collect();
        self.convolved_down(&taps).transposed().convolved_down(&taps).transposed()
    }

    /// Each column, convolved with an odd number of symmetric taps. The border is repeated outside the plane.
    pub fn convolved_down(&self, taps: &[f64]) -> Self {
        let rows: Vec<&[f64]> = self.rows().collect();
        let mut values = vec![0.0; self.values.len()];
        for (y, out) in values.chunks_exact_mut(self.width.max(1)).enumerate() {
            for (at, tap) in taps.iter().enumerate() {
                let row = rows[(y + at).saturating_sub(taps.len() / 2).min(self.height - 1)];
                out.iter_mut().zip(row).for_each(|(out, value)| *out += tap * value);
            }
        }
        self.like(values)
    }

    /// The Laplacian of each pixel: the sum of its four neighbours minus four times itself.
    pub fn laplacian(&self) -> Self {
        self.like(self.of_neighbourhoods(|[[_, up, _], [left, here, right], [_, down, _]]| {
            up + left + right + down - 4.0 * here
        }))
    }

    /// The gradient of Sobel, a quarter of the usual sums, so that a ramp of 1 per pixel has a gradient of 2: to the right, and down.
    pub fn gradient(&self) -> [Self; 2] {
        let (across, down) = self
            .of_neighbourhoods(|[[a, b, c], [d, _, e], [f, g, h]]| {
                ((c + 2.0 * e + h - a - 2.0 * d - f) / 4.0, (f + 2.0 * g + h - a - 2.0 * b - c) / 4.0)
            })
            .into_iter()
            .unzip();
        [self.like(across), self.like(down)]
    }

    /// Mean, deviation and skewness of the values. The skewness of equal values is 0.
    pub fn moments(&self) -> [f64; 3] {
        moments(&self.values)
    }
}

/// Mean, deviation (of a population) and skewness of numbers. The skewness of equal numbers is 0.
pub(super) fn moments(values: &[f64]) -> [f64; 3] {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let power = |of: i32| values.iter().map(|value| (value - mean).powi(of)).sum::<f64>() / n;
    let deviation = power(2).sqrt();
    let skewness = if deviation > 1e-9 { power(3) / deviation.powi(3) } else { 0.0 };
    [mean, deviation, skewness]
}

/// Mean of numbers; 0 if there is none.
pub(super) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len().max(1) as f64;
    values.sum::<f64>() / n
}

/// A quotient, or `otherwise` if the divisor is 0.
pub(super) fn ratio(dividend: f64, divisor: f64, otherwise: f64) -> f64 {
    if divisor.abs() > 1e-12 { dividend / divisor } else { otherwise }
}
