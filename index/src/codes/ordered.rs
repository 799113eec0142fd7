//! Scores as integers of the same order. They can be compared in one instruction, packed with other
//! numbers, and kept in an atomic.

/// Greater for a greater score, as [`f32::total_cmp`] has it.
pub(crate) fn ordered(score: f32) -> u32 {
    let bits = score.to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

/// The score again.
pub(crate) fn score(ordered: u32) -> f32 {
    f32::from_bits(if ordered >> 31 == 1 { ordered & !(1 << 31) } else { !ordered })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_the_order_of_scores() {
        let scores = [f32::NEG_INFINITY, -1.0, -0.5, -1e-30, -0.0, 0.0, 1e-30, 0.25, 1.0, f32::INFINITY];
        assert!(scores.map(ordered).is_sorted_by(|one, next| one < next));
        assert_eq!(scores.map(|x| score(ordered(x)).to_bits()), scores.map(f32::to_bits));
    }
}
