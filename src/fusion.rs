//! Score fusion: one score for a subject with several templates.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the scores of a subject's templates become the subject's score. The same in identification, calibration,
/// evaluation and audit. A fused score is never above the best of the scores. So a subject whose fused score reaches a threshold has a
/// template that reaches it, and a search for such templates finds all such subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fusion {
    /// The best score. More templates of a subject give more false alarms.
    #[default]
    Max,
    /// The mean of the scores: the score of the mean of the templates.
    Mean,
    /// The mean of the scores, each weighted by the quality of its photo (0 to 100). Where no quality is known, 50.
    Quality,
    /// The mean of the two best scores; the only one if there is only one.
    Top2,
}

/// The weight of a template whose quality is not known.
pub const UNKNOWN_QUALITY: f32 = 50.0;

impl Fusion {
    /// Every way to fuse scores.
    pub const ALL: [Self; 4] = [Self::Max, Self::Mean, Self::Quality, Self::Top2];

    /// The subject's score, from its templates' scores and qualities; `None` without any.
    pub fn fuse(self, scored: &[(f32, f32)]) -> Option<f32> {
        let best = scored.iter().map(|(score, _)| *score).max_by(f32::total_cmp)?;
        let weighted = |weight: &dyn Fn(f32) -> f64| {
            let sum: f64 = scored.iter().map(|&(score, quality)| weight(quality) * f64::from(score)).sum();
            (sum / scored.iter().map(|&(_, quality)| weight(quality)).sum::<f64>()) as f32
        };
        let fused = match self {
            Self::Max => best,
            Self::Mean => weighted(&|_| 1.0),
            // Even a useless photo says something, and all may be useless.
            Self::Quality => weighted(&|quality| f64::from(quality.clamp(1.0, 100.0))),
            Self::Top2 => {
                let mut scores: Vec<f32> = scored.iter().map(|(score, _)| *score).collect();
                scores.sort_unstable_by(|one, other| other.total_cmp(one));
                let second = scores.get(1).copied().unwrap_or(best);
                ((f64::from(best) + f64::from(second)) / 2.0) as f32
            }
        };
        Some(fused.min(best))
    }

    /// Its name in requests, replies and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::Mean => "mean",
            Self::Quality => "quality",
            Self::Top2 => "top2",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCORED: [(f32, f32); 3] = [(0.5, 100.0), (0.75, 20.0), (0.25, 80.0)];

    #[test]
    fn each_fusion_is_what_its_name_says() {
        assert_eq!(Fusion::Max.fuse(&SCORED), Some(0.75));
        assert_eq!(Fusion::Mean.fuse(&SCORED), Some(0.5));
        assert_eq!(Fusion::Quality.fuse(&SCORED), Some(0.425)); // (50 + 15 + 20) / 200
        assert_eq!(Fusion::Top2.fuse(&SCORED), Some(0.625));
        assert_eq!(Fusion::Quality.fuse(&[(0.5, 0.0), (0.25, 0.0)]), Some(0.375));
        for fusion in Fusion::ALL {
            assert_eq!(fusion.fuse(&[(0.3, 7.0)]), Some(0.3));
            assert_eq!(fusion.fuse(&[]), None);
            assert_eq!(serde_json::to_value(fusion).unwrap(), fusion.name());
        }
    }

    proptest! {
        #[test]
        fn no_fused_score_is_above_the_best(
            scored in prop::collection::vec((-1.0f32..1.0, 0.0f32..100.0), 1..8),
        ) {
            let best = Fusion::Max.fuse(&scored).unwrap();
            for fusion in Fusion::ALL {
                prop_assert!(fusion.fuse(&scored).unwrap() <= best);
            }
        }
    }
}
