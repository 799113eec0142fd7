//! Rates in plain words: what happens to a hundred people.

use crate::evaluation::report::Rate;
use crate::number::count;

/// Whom a rate is about and what happens to them.
pub struct Fate {
    /// "people who are in the gallery".
    pub people: &'static str,
    /// What was counted: "photos of people who are in the gallery".
    pub trials: &'static str,
    /// "missed".
    pub done: &'static str,
}

/// Fewer trials than this are said as they are: a hundred would promise more than was seen.
const FEW: u64 = 100;

impl Fate {
    /// A sentence: "Of 100 people who are in the gallery, about 8 are missed."
    pub fn sentence(&self, rate: &Rate) -> String {
        let Self { people, trials, done } = self;
        if !rate.value.is_finite() {
            return format!("How many {people} are {done} is not known.");
        }
        let whole = rate.value <= 0.0 || rate.value >= 1.0;
        if rate.trials < FEW || whole {
            let happened = (rate.value * rate.trials as f64).round() as u64;
            let of = count(rate.trials);
            return match (happened, rate.trials) {
                (_, 0) => format!("No {trials} were tried."),
                (0, 1) => format!("The only one of the {trials} was not {done}."),
                (1, 1) => format!("The only one of the {trials} was {done}."),
                (0, _) => format!("Of the {of} {trials}, none was {done}."),
                (n, all) if n >= all => format!("Of the {of} {trials}, all were {done}."),
                (1, _) => format!("Of the {of} {trials}, 1 was {done}."),
                (n, _) => format!("Of the {of} {trials}, {} were {done}.", count(n)),
            };
        }
        let (happens, of) = out_of(rate.value);
        let are = if happens == 1 { "is" } else { "are" };
        format!("Of {} {people}, about {} {are} {done}.", count(of), count(happens))
    }
}

/// The smallest of 100, 1,000, ... of which neither none nor all would be said.
fn out_of(share: f64) -> (u64, u64) {
    let mut of = 100_u64;
    while of < 1_000_000_000 && share.min(1.0 - share) * (of as f64) < 0.95 {
        of *= 10;
    }
    ((share * of as f64).round() as u64, of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(errors: u64, trials: u64) -> String {
        let fate = Fate { people: "strangers", trials: "photos of strangers", done: "named" };
        let value = errors as f64 / trials as f64;
        fate.sentence(&Rate { value, interval: [0.0, 1.0], errors, trials })
    }

    #[test]
    fn rates_are_said_in_words() {
        assert_eq!(said(84, 1000), "Of 100 strangers, about 8 are named.");
        assert_eq!(said(10, 1000), "Of 100 strangers, about 1 is named.");
        assert_eq!(said(1, 2000), "Of 10,000 strangers, about 5 are named.");
        assert_eq!(said(9_996, 10_000), "Of 10,000 strangers, about 9,996 are named.");
        assert_eq!(said(0, 2000), "Of the 2,000 photos of strangers, none was named.");
        assert_eq!(said(2000, 2000), "Of the 2,000 photos of strangers, all were named.");
    }

    #[test]
    fn few_trials_are_said_as_they_are() {
        assert_eq!(said(1, 3), "Of the 3 photos of strangers, 1 was named.");
        assert_eq!(said(2, 3), "Of the 3 photos of strangers, 2 were named.");
        assert_eq!(said(1, 1), "The only one of the photos of strangers was named.");
        assert_eq!(said(0, 0), "How many strangers are named is not known.");
    }
}
