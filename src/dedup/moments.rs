//! Moments of pairs of pixels.

/// Sums over pairs of grey values.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    /// Number of pairs.
    pub count: f32,
    sums: [f32; 2],
    squares: [f32; 2],
    product: f32,
}

impl Moments {
    /// Adds a pair.
    pub fn add(&mut self, a: f32, b: f32) {
        self.count += 1.0;
        self.sums = [self.sums[0] + a, self.sums[1] + b];
        self.squares = [self.squares[0] + a * a, self.squares[1] + b * b];
        self.product += a * b;
    }

    /// The two means.
    pub fn means(&self) -> [f32; 2] {
        self.sums.map(|sum| sum / self.count.max(1.0))
    }

    /// The two variances.
    pub fn variances(&self) -> [f32; 2] {
        let means = self.means();
        [0, 1].map(|at| (self.squares[at] / self.count.max(1.0) - means[at] * means[at]).max(0.0))
    }

    /// The covariance.
    pub fn covariance(&self) -> f32 {
        let means = self.means();
        self.product / self.count.max(1.0) - means[0] * means[1]
    }

    /// Whether the correlation is at least `least`, or one of the variances is below `flat`, so that there is none.
    pub fn correlate(&self, least: f32, flat: f32) -> bool {
        let variances = self.variances();
        let is_flat = variances[0].min(variances[1]) < flat;
        is_flat || self.covariance() >= least * (variances[0] * variances[1]).sqrt()
    }

    /// Mean of the squared differences.
    pub fn squared_difference(&self) -> f32 {
        (self.squares[0] + self.squares[1] - 2.0 * self.product).max(0.0) / self.count.max(1.0)
    }
}

impl std::ops::AddAssign for Moments {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        for at in [0, 1] {
            self.sums[at] += other.sums[at];
            self.squares[at] += other.squares[at];
        }
        self.product += other.product;
    }
}
