//! The scalar product of templates, where single ones are compared.

/// Sums that are carried on side by side. The stores of vectors sum in this order too, which is what makes a score one number on every path:
/// rounding depends on the order.
const LANES: usize = 32;

/// The scalar product of two vectors; of vectors of different length over the shorter one's.
pub(crate) fn dot(one: &[f32], other: &[f32]) -> f32 {
    let shared = one.len().min(other.len());
    let mut sums = [0.0f32; LANES];
    for (one, other) in one[..shared].chunks(LANES).zip(other[..shared].chunks(LANES)) {
        for ((sum, one), other) in sums.iter_mut().zip(one).zip(other) {
            *sum += one * other;
        }
    }
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
    }
    sums[0]
}
