//! How false alarms grow with the gallery.

use super::Searches;
use super::bootstrap::{Bootstrap, Population};
use super::identification::best_scores;
use super::interval::rate;
use super::report::{Growth, GrowthPoint, OperatingPoint, Rate};
use super::trials::{Count, Sums};

/// FPIR in every part of the gallery at the threshold of each operating point that rests on enough. Nothing if
/// the gallery was not searched in parts.
pub(super) fn growth(points: &[OperatingPoint], searches: &Searches, bootstrap: Bootstrap) -> Vec<Growth> {
    let solid: Vec<&OperatingPoint> = points.iter().filter(|point| !point.few).collect();
    if searches.parts.is_empty() || solid.is_empty() {
        return Vec::new();
    }
    let thresholds: Vec<f32> = solid.iter().map(|point| point.threshold).collect();
    let parts: Vec<(u64, Vec<Rate>)> = (1..)
        .zip(&searches.parts)
        .map(|(sample, (subjects, part))| (*subjects, rates(part, &thresholds, bootstrap.of_sample(sample))))
        .collect();
    let whole = searches.subjects;
    solid
        .iter()
        .enumerate()
        .map(|(i, point)| {
            let part = parts.iter().map(|(subjects, rates)| (*subjects, rates[i]));
            let points = part.chain([(whole, point.fpir)]).map(|(subjects, fpir)| GrowthPoint {
                subjects,
                fpir,
                predicted: predicted(point.fpir.value, subjects, whole),
            });
            Growth { threshold: point.threshold, target_fpir: point.target_fpir, points: points.collect() }
        })
        .collect()
}

/// FPIR of one part at each threshold.
fn rates(part: &[super::NonMatedSearch], thresholds: &[f32], bootstrap: Bootstrap) -> Vec<Rate> {
    let mut population = Population::new();
    let trials = best_scores(part, &mut population);
    let alarms: Vec<usize> = thresholds.iter().map(|threshold| trials.reaching(*threshold)).collect();
    let counts = |sums: &Sums| -> Vec<Count> { alarms.iter().map(|alarms| sums.first(*alarms)).collect() };
    let repeated = bootstrap.repeat(&population, |weights, sums: &mut Sums| {
        trials.weigh(weights, sums);
        counts(sums)
    });
    let observed = counts(&Sums::plain(&trials));
    let units = population.subjects(0);
    (observed.iter().enumerate())
        .map(|(i, count)| rate(*count, units, repeated.iter().map(|counts| counts[i])))
        .collect()
}

/// 1 - (1 - rate)^(subjects / whole), without the cancellation of small rates: a search of `n` subjects raises
/// no alarm if none of them does, and all are taken to do so alike and independently.
fn predicted(rate: f64, subjects: u64, whole: u64) -> f64 {
    match subjects {
        0 => 0.0,
        // Nothing is predicted here, and logarithms would blur the last digit.
        _ if subjects == whole => rate,
        _ => -(subjects as f64 / whole as f64 * (-rate).ln_1p()).exp_m1(),
    }
}

#[cfg(test)]
mod tests {
    use super::predicted;

    #[test]
    fn half_a_gallery_is_predicted_to_raise_a_little_more_than_half_the_alarms() {
        assert!((predicted(0.75, 50, 100) - 0.5).abs() < 1e-15);
        assert!((predicted(1e-12, 50, 100) - 0.5e-12).abs() < 1e-24);
        assert_eq!(predicted(0.3, 100, 100), 0.3);
        assert_eq!(predicted(1.0, 50, 100), 1.0);
        assert_eq!(predicted(1.0, 0, 100), 0.0);
    }
}
