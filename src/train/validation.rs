//! The measure that decides when a training ends: the true accept rate at a false match rate.

use crate::fit::Compared;

/// The share of mated pairs above the threshold that `fmr` of the non-mated pairs reach, or one of them if that is less. `embeddings` has a
/// normalised row of `dimension` components for each of the compared samples. 0 if there are no pairs of both kinds.
pub fn tar_at_fmr(compared: &Compared, embeddings: &[f32], dimension: usize, fmr: f64) -> f64 {
    let rows: Vec<&[f32]> = embeddings.chunks_exact(dimension.max(1)).collect();
    let [mated, mut non_mated] = compared.scores(&rows);
    if mated.is_empty() || non_mated.is_empty() {
        return 0.0;
    }
    let reached = ((non_mated.len() as f64 * fmr) as usize).clamp(1, non_mated.len()) - 1;
    let threshold = *non_mated.select_nth_unstable_by(reached, |a, b| b.total_cmp(a)).1;
    mated.iter().filter(|&&score| score > threshold).count() as f64 / mated.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_a_count() {
        // Angles on a circle: two samples of each of three people.
        let angles: [f32; 6] = [0.0, 0.1, 1.0, 1.5, 1.2, 1.3];
        let people = [0, 0, 1, 1, 2, 2];
        let embeddings: Vec<f32> = angles.iter().flat_map(|angle| [angle.cos(), angle.sin()]).collect();
        let compared = Compared::new(people);
        assert_eq!(compared.pairs(), [3, 12]);
        // Differences of strangers, ascending: 0.2 0.2 0.3 0.3 0.9 1.0 ...; of mates: 0.1 0.1 0.5.
        assert_eq!(tar_at_fmr(&compared, &embeddings, 2, 1e-3), 2.0 / 3.0);
        assert_eq!(tar_at_fmr(&compared, &embeddings, 2, 5.0 / 12.0), 1.0);
        assert_eq!(tar_at_fmr(&Compared::new([0, 0]), &embeddings[..4], 2, 1e-3), 0.0);
    }
}
