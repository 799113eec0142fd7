//! Whether an imported network recognises people, and its threshold.

use super::search::Candidate;
use super::separation::Separation;

/// Least d' of an encoder. Networks that recognise nobody have up to 2: random weights 1.3, three numbers for age and sex 1.8, a constant 0.
/// An encoder with a wrong scale has 1.2, with a wrong alignment 3.4, with the right input 5 to 11.
const LEAST_D_PRIME: f64 = 2.0;
/// The threshold: this many standard deviations above the mean of the non-mated scores.
const DEVIATIONS: f64 = 4.0;
/// Largest threshold that leaves room for mated scores above it.
const HIGHEST: f64 = 0.99;

/// Why the best setting does not separate people; None if it does.
pub(super) fn shortcoming(best: &Candidate) -> Option<String> {
    let Some(separation) = &best.separation else { return Some("the network gave no templates".into()) };
    let [mean, deviation] = separation.nonmated;
    let limit = mean + DEVIATIONS * deviation;
    let separates = separation.d_prime >= LEAST_D_PRIME && limit <= HIGHEST;
    (!separates).then(|| {
        format!(
            "it does not separate people: d' {:.2}, expected {LEAST_D_PRIME} and more; {:.0} % of the photos of 20 people are most \
             similar to another one of the same person; scores of different people have the mean {mean:.3} and the standard \
             deviation {deviation:.3}, and mean + {DEVIATIONS} standard deviations is {limit:.3}, expected at most {HIGHEST}",
            // Not -0.00.
            (separation.d_prime * 100.0).round() / 100.0 + 0.0,
            100.0 * separation.rank_1,
        )
    })
}

/// The refusal of a network with this shortcoming.
pub(super) fn refusal(shortcoming: &str, settings: usize) -> String {
    let tried = if settings == 1 {
        "with the stated input".into()
    } else {
        format!("with the best of {settings} settings")
    };
    format!(
        "{tried} {shortcoming}. Is it a face encoder? If it is, check --chip, --channels, --mean and --scale with what its \
         publisher says; --accept-inaccurate imports it all the same"
    )
}

/// A threshold from the non-mated scores, and what it is based on.
pub(super) fn threshold(separation: Option<&Separation>) -> (f32, String) {
    let ([mean, deviation], pairs) =
        separation.map_or(([0.0; 2], 0), |separation| (separation.nonmated, separation.pairs));
    let limit = mean + DEVIATIONS * deviation;
    let thousandths = (limit * 1000.0).round();
    // Rounded, but not to below the mean.
    let threshold = (thousandths.max((mean * 1000.0).ceil()) / 1000.0).clamp(-1.0, 1.0);
    let cut = if limit > 1.0 { ", cut to 1, the largest score," } else { "" };
    let basis = format!(
        "not an error rate: mean {mean:.3} + {DEVIATIONS} standard deviations of {deviation:.3}{cut} of {pairs} non-mated scores of \
         20 people; `gallerist calibrate` measures one"
    );
    (threshold as f32, basis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::{ChannelOrder, Input};
    use crate::face::Chip;
    use crate::template::Template;

    /// A candidate with templates of people: `own` along an axis of the person, the rest along an axis of all.
    fn candidate(own: f32) -> Candidate {
        let template = |at: usize| {
            let mut numbers = vec![0.0; 12];
            numbers[at / 2] = own;
            numbers[11] = (1.0 - own * own).sqrt();
            numbers[10] = 0.01 * at as f32;
            Template::from_raw(&numbers).unwrap()
        };
        let templates: Vec<Template> = (0..20).map(template).collect();
        Candidate {
            input: Input {
                chip: Chip::ARCFACE_112,
                channels: ChannelOrder::Rgb,
                mean: [0.0; 3],
                scale: 1.0.into(),
            },
            separation: Some(Separation::measure(&templates)),
        }
    }

    #[test]
    fn a_network_that_separates_nobody_is_told() {
        assert_eq!(shortcoming(&candidate(0.9)), None);
        for own in [0.0, 0.1] {
            let told = shortcoming(&candidate(own)).unwrap();
            assert!(told.contains("d' ") && told.contains("the mean 0.9"), "{told}");
            let refusal = refusal(&told, 14);
            assert!(refusal.contains("best of 14 settings") && refusal.contains("--scale"), "{refusal}");
        }
        let none = Candidate { separation: None, ..candidate(0.9) };
        assert!(shortcoming(&none).is_some());
    }

    #[test]
    fn a_threshold_is_above_the_scores_of_strangers() {
        for own in [0.0, 0.1, 0.5, 0.9] {
            let candidate = candidate(own);
            let separation = candidate.separation.as_ref().unwrap();
            let (threshold, basis) = threshold(Some(separation));
            let [mean, deviation] = separation.nonmated;
            assert!(f64::from(threshold) >= mean - 1e-6 && threshold <= 1.0, "{threshold} {mean}");
            assert_eq!(basis.contains("cut to 1"), mean + DEVIATIONS * deviation > 1.0, "{basis}");
        }
    }
}
