//! The best split of a subject's templates into two people.

/// Templates in two parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// Positions of the templates of the smaller part, ascending.
    pub apart: Vec<usize>,
    /// Positions of all others.
    pub rest: Vec<usize>,
    /// The mean score of a template of one part with one of the other.
    pub between: f32,
    /// The best of these scores, and the positions of its templates: of the smaller part, of the other.
    pub closest: (f32, [usize; 2]),
}

/// Splits `count` templates where average linkage joins its last two clusters. `score` gives the score of two templates by their positions. Of
/// parts with the same size, the one with the first template is the rest. `None` for fewer than two templates. Takes time in proportion to
/// the third power of `count`.
pub fn split(count: usize, score: impl Fn(usize, usize) -> f32) -> Option<Split> {
    if count < 2 {
        return None;
    }
    let [mut rest, mut apart] = last_clusters(count, &score);
    if apart.len() > rest.len() || apart.len() == rest.len() && apart.contains(&0) {
        std::mem::swap(&mut apart, &mut rest);
    }
    apart.sort_unstable();
    rest.sort_unstable();
    let mut closest = (f32::NEG_INFINITY, [apart[0], rest[0]]);
    let mut sum = 0.0f64;
    for &one in &apart {
        for &other in &rest {
            let score = score(one, other);
            sum += f64::from(score);
            if score > closest.0 {
                closest = (score, [one, other]);
            }
        }
    }
    let between = (sum / (apart.len() * rest.len()) as f64) as f32;
    Some(Split { apart, rest, between, closest })
}

/// The last two clusters of average linkage, for two items or more.
fn last_clusters(count: usize, score: &impl Fn(usize, usize) -> f32) -> [Vec<usize>; 2] {
    let mut clusters: Vec<Vec<usize>> = (0..count).map(|at| vec![at]).collect();
    // Mean scores of two clusters.
    let mut means: Vec<Vec<f32>> =
        (0..count).map(|one| (0..count).map(|other| score(one, other)).collect()).collect();
    while clusters.len() > 2 {
        let mut closest = (f32::NEG_INFINITY, 0, 1);
        for (one, row) in means.iter().enumerate() {
            for (other, &mean) in row.iter().enumerate().skip(one + 1) {
                if mean > closest.0 {
                    closest = (mean, one, other);
                }
            }
        }
        let (_, one, other) = closest;
        let (a, b) = (clusters[one].len() as f32, clusters[other].len() as f32);
        let mean = |(x, y): (&f32, &f32)| (a * x + b * y) / (a + b);
        let joined: Vec<f32> = means[one].iter().zip(&means[other]).map(mean).collect();
        means.iter_mut().zip(&joined).for_each(|(row, mean)| row[one] = *mean);
        means[one] = joined;
        means.remove(other);
        for row in &mut means {
            row.remove(other);
        }
        let joined = clusters.remove(other);
        clusters[one].extend(joined);
    }
    let second = clusters.pop().unwrap_or_default();
    [clusters.pop().unwrap_or_default(), second]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_groups_are_told_apart() {
        let of = |at: usize| usize::from([1, 4].contains(&at));
        let score = |one: usize, other: usize| {
            if of(one) == of(other) { 0.7 } else { 0.1 + 0.01 * (one + other) as f32 }
        };
        let found = split(6, score).unwrap();
        assert_eq!((found.apart, found.rest), (vec![1, 4], vec![0, 2, 3, 5]));
        assert!((found.between - 0.15).abs() < 1e-6 && found.closest == (0.1 + 0.01 * 9.0, [4, 5]));
    }

    #[test]
    fn two_templates_are_one_part_each() {
        let found = split(2, |_, _| 0.25).unwrap();
        assert_eq!(found, Split { apart: vec![1], rest: vec![0], between: 0.25, closest: (0.25, [1, 0]) });
        assert_eq!(split(1, |_, _| 0.0), None);
        assert_eq!(split(0, |_, _| 0.0), None);
    }
}
