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

    /// The value of a pixel. The border is repeated outside the plane.
    pub fn at(&self, x: isize, y: isize) -> f64 {
        let clamped = |at: isize, length: usize| at.clamp(0, length as isize - 1) as usize;
        self.values[clamped(y, self.height) * self.width + clamped(x, self.width)]
    }

    /// The values at the eight neighbours of a pixel and at itself, by rows.
    pub fn neighbourhood(&self, x: usize, y: usize) -> [[f64; 3]; 3] {
        let (x, y) = (x as isize, y as isize);
        [-1, 0, 1].map(|dy| [-1, 0, 1].map(|dx| self.at(x + dx, y + dy)))
    }

    /// The plane of a function of the 3 x 3 pixels around each pixel.
    pub fn of_neighbourhoods(&self, value: impl Fn([[f64; 3]; 3]) -> f64) -> Self {
        Self::new(self.width, self.height, |x, y| value(self.neighbourhood(x, y)))
    }

    /// The plane of a function of each pixel of two planes of one size.
    pub fn with(&self, other: &Self, value: impl Fn(f64, f64) -> f64) -> Self {
        let values = self.values.iter().zip(&other.values).map(|(&a, &b)| value(a, b)).collect();
        Self { width: self.width, height: self.height, values }
    }

    /// The plane, blurred by a Gaussian of this deviation in pixels, with taps up to `radius` pixels away.
    pub fn blurred(&self, deviation: f64, radius: isize) -> Self {
        let tap = |at: isize| (-0.5 * (at as f64 / deviation).powi(2)).exp();
        let total: f64 = (-radius..=radius).map(tap).sum();
        let sum = |value: &dyn Fn(isize) -> f64| {
            (-radius..=radius).map(|at| tap(at) * value(at)).sum::<f64>() / total
        };
        let rows = Self::new(self.width, self.height, |x, y| {
            sum(&|at| self.at(x as isize + at, y as isize))
        });
        Self::new(self.width, self.height, |x, y| sum(&|at| rows.at(x as isize, y as isize + at)))
    }

    /// The Laplacian of each pixel: the sum of its four neighbours minus four times itself.
    pub fn laplacian(&self) -> Self {
        self.of_neighbourhoods(|[[_, up, _], [left, here, right], [_, down, _]]| {
            up + left + right + down - 4.0 * here
        })
    }

    /// The gradient of Sobel, a quarter of the usual sums, so that a ramp of 1 per pixel has a gradient of 2: to the right, and down.
    pub fn gradient(&self) -> [Self; 2] {
        let across = |[[a, _, b], [c, _, d], [e, _, f]]: [[f64; 3]; 3]| (b + 2.0 * d + f - a - 2.0 * c - e) / 4.0;
        let transposed = |n: [[f64; 3]; 3]| [0, 1, 2].map(|x| [0, 1, 2].map(|y: usize| n[y][x]));
        [self.of_neighbourhoods(across), self.of_neighbourhoods(|n| across(transposed(n)))]
    }

    /// A part of the plane.
    pub fn part(&self, [left, top]: [usize; 2], [width, height]: [usize; 2]) -> Self {
        Self::new(width, height, |x, y| self.values[(top + y) * self.width + left + x])
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
