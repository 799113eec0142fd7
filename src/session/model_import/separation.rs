//! How well an encoder separates people: the distance of the scores of same and of different people.

use crate::template::Template;

/// The scores of two photos of each person.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Separation {
    /// d': the difference of the mean mated and the mean non-mated score, relative to their common standard deviation.
    pub d_prime: f64,
    /// The share of photos whose most similar other photo shows the same person.
    pub rank_1: f64,
    /// Mean and standard deviation of the non-mated scores.
    pub nonmated: [f64; 2],
    /// Number of non-mated scores.
    pub pairs: usize,
    /// d' without one person, for each person.
    without: Vec<f64>,
}

impl Separation {
    /// Compares all templates: two of each person in turn.
    pub fn measure(templates: &[Template]) -> Self {
        let count = templates.len();
        let score = |a: usize, b: usize| -> f64 {
            let (a, b) = (templates[a].as_slice(), templates[b].as_slice());
            a.iter().zip(b).map(|(x, y)| f64::from(x * y)).sum()
        };
        let scores: Vec<Vec<f64>> = (0..count).map(|a| (0..count).map(|b| score(a, b)).collect()).collect();
        let right = (0..count).filter(|&a| {
            let others = (0..count).filter(|&b| b != a);
            let best = others.max_by(|&b, &c| scores[a][b].total_cmp(&scores[a][c]));
            best.is_some_and(|best| best / 2 == a / 2)
        });
        let rank_1 = right.count() as f64 / count.max(1) as f64;
        let of = |left_out: Option<usize>| {
            let used = move |at: &usize| Some(at / 2) != left_out;
            let pairs =
                || (0..count).filter(used).flat_map(move |a| (0..a).filter(used).map(move |b| (a, b)));
            let mated = moments(pairs().filter(|(a, b)| a / 2 == b / 2).map(|(a, b)| scores[a][b]));
            let nonmated = moments(pairs().filter(|(a, b)| a / 2 != b / 2).map(|(a, b)| scores[a][b]));
            let deviation = (f64::midpoint(mated[1].powi(2), nonmated[1].powi(2))).sqrt();
            ((mated[0] - nonmated[0]) / deviation.max(1e-9), nonmated)
        };
        let (d_prime, nonmated) = of(None);
        let without = (0..count / 2).map(|person| of(Some(person)).0).collect();
        let pairs = count * count.saturating_sub(1) / 2 - count / 2;
        Self { d_prime, rank_1, nonmated, pairs, without }
    }

    /// Whether the difference in d' is less than twice its standard error (jackknife over the people).
    pub fn is_within_noise_of(&self, other: &Self) -> bool {
        let differences: Vec<f64> = self.without.iter().zip(&other.without).map(|(a, b)| a - b).collect();
        let count = differences.len() as f64;
        let [_, deviation] = moments(differences.into_iter());
        let error = deviation * (count - 1.0).max(0.0) / count.sqrt().max(1.0);
        (self.d_prime - other.d_prime).abs() <= 2.0 * error
    }
}

/// Mean and standard deviation.
fn moments(numbers: impl Iterator<Item = f64>) -> [f64; 2] {
    let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for number in numbers {
        (count, sum, squares) = (count + 1.0, sum + number, squares + number * number);
    }
    let mean = sum / f64::max(count, 1.0);
    [mean, (squares / f64::max(count, 1.0) - mean * mean).max(0.0).sqrt()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Templates of `people` people: `own` along an axis of the person, the rest along one of two axes of all.
    fn templates(people: usize, own: f32) -> Vec<Template> {
        let template = |at: usize| {
            let mut numbers = vec![0.0; people + 2];
            numbers[at / 2] = own;
            numbers[people + at % 2] = (1.0 - own * own).sqrt();
            Template::from_raw(&numbers).unwrap()
        };
        (0..2 * people).map(template).collect()
    }

    #[test]
    fn separated_people_have_a_large_d_prime() {
        let (good, bad) =
            (Separation::measure(&templates(10, 0.95)), Separation::measure(&templates(10, 0.2)));
        assert!(good.d_prime > 10.0 && bad.d_prime < 1.0, "{} and {}", good.d_prime, bad.d_prime);
        assert_eq!((good.rank_1, bad.rank_1), (1.0, 0.0));
        assert_eq!(good.pairs, 180);
        assert!(!good.is_within_noise_of(&bad) && good.is_within_noise_of(&good));
    }
}
