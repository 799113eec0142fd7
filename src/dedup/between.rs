//! Linear interpolation between two samples of a line.

/// A place between two samples.
pub(super) struct Between {
    /// The sample before it.
    pub first: usize,
    share: f32,
}

impl Between {
    /// A place in a line of `length` samples, at least 2; outside of it, its nearer end.
    #[inline(always)]
    pub fn at(place: f32, length: usize) -> Self {
        let place = place.clamp(0.0, (length - 1) as f32);
        let first = (place as usize).min(length - 2);
        Self { first, share: place - first as f32 }
    }

    /// The value there, from those of the sample before it and of the next one.
    #[inline(always)]
    pub fn of(&self, one: f32, other: f32) -> f32 {
        one + (other - one) * self.share
    }
}
