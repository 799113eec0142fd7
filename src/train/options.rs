//! The settings of a training.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The loss. Embeddings are L2-normalised unless stated otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// `max(0, |a - p|^2 - |a - n|^2 + margin)` (FaceNet, arXiv 1503.03832, equation 2).
    Triplet,
    /// Cross-entropy of a classifier on the embedding that is not normalised, plus a weighted contrastive loss of all pairs
    /// (DeepID2, arXiv 1406.4773, equations 1 and 2).
    ContrastiveSoftmax,
    /// Cross-entropy of a classifier in the first half of the training; then the classifier is dropped, and the triplet loss is used
    /// (Deep Face Recognition, BMVC 2015, sections 4.1 and 4.2).
    SoftmaxThenTriplet,
    /// `ln(1 + exp(d(a, p) - d(a, n)))` with the farthest positive and the nearest negative of each anchor in the batch, d not squared
    /// (Hermans et al., arXiv 1703.07737, equation 5 with the soft margin).
    BatchHard,
    /// `max(0, margin + y (d - beta))` with a learned boundary beta (Wu et al., arXiv 1706.07567, equation 6).
    Margin,
    /// Cross-entropy with an additive angular margin (arXiv 1801.07698, equation 3).
    Arcface,
}

impl Loss {
    /// All losses, in the order of their publication.
    pub const ALL: [Self; 6] = [
        Self::ContrastiveSoftmax,
        Self::Triplet,
        Self::SoftmaxThenTriplet,
        Self::BatchHard,
        Self::Margin,
        Self::Arcface,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Triplet => "triplet",
            Self::ContrastiveSoftmax => "contrastive-softmax",
            Self::SoftmaxThenTriplet => "softmax-then-triplet",
            Self::BatchHard => "batch-hard",
            Self::Margin => "margin",
            Self::Arcface => "arcface",
        }
    }

    /// How it chooses pairs or triplets, unless the user states another way; `None` if it uses every sample or pair.
    pub fn mining(self) -> Option<Mining> {
        match self {
            Self::Triplet | Self::SoftmaxThenTriplet => Some(Mining::SemiHard),
            Self::BatchHard => Some(Mining::BatchHard),
            Self::Margin => Some(Mining::DistanceWeighted),
            Self::ContrastiveSoftmax | Self::Arcface => None,
        }
    }

    /// Whether a classifier with a row for each person is trained with the network.
    pub fn has_classifier(self) -> bool {
        matches!(self, Self::ContrastiveSoftmax | Self::SoftmaxThenTriplet | Self::Arcface)
    }

    /// The share of a training after which the classifier is dropped and triplets are used; 0 for losses of one phase.
    pub fn first_phase(self) -> f64 {
        if self == Self::SoftmaxThenTriplet { 0.5 } else { 0.0 }
    }

    /// The margin of its paper, in the unit of its equation; the angle of `Arcface` in radians. `BatchHard` has none.
    pub fn usual_margin(self) -> f64 {
        match self {
            Self::Triplet | Self::SoftmaxThenTriplet | Self::Margin => 0.2,
            Self::ContrastiveSoftmax => 1.0,
            Self::Arcface => 0.5,
            Self::BatchHard => 0.0,
        }
    }
}

/// How negatives are chosen for the anchors and positives of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mining {
    /// Any negative, each with the same probability.
    Random,
    /// The nearest negative that is farther than the positive (FaceNet, section 3.2).
    SemiHard,
    /// One of the negatives that violate the margin, each with the same probability.
    RandomHard,
    /// The farthest positive and the nearest negative of each anchor (Hermans et al.).
    BatchHard,
    /// A negative with a probability inverse to the density of its distance on the sphere (Wu et al., section 4.1).
    DistanceWeighted,
}

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Backbone {
    /// A projection of the templates of a model, or of several models side by side.
    Head,
    /// A small convolutional network, from random weights.
    Small,
    /// The weights of `mobilefacenet-192`, or of another network whose file is a list of operations.
    Mobilefacenet,
}

impl Backbone {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Small => "small",
            Self::Mobilefacenet => "mobilefacenet",
        }
    }
}

/// How weights follow the gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// Stochastic gradient descent with a momentum of 0.9.
    Sgd,
    /// Adam with decoupled weight decay (arXiv 1711.05101), 0.9 and 0.999.
    Adamw,
}

/// How the learning rate changes after the warm-up, the first twentieth of the steps, in which it rises from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// It does not change.
    Constant,
    /// It falls along half a cosine to a hundredth.
    Cosine,
    /// A tenth after half of the steps, a hundredth after three quarters.
    Steps,
}

/// How the factors of convolutions and linear layers are rounded in a step. The weights that are kept, normalisation, losses, moments and
/// the validation are of single precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// 8 bits of the fraction, with the range of single precision.
    Bf16,
}

impl Precision {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }
}

/// The settings of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Options {
    /// The loss.
    pub loss: Loss,
    /// How pairs or triplets are chosen; `None` for a loss that chooses none.
    pub mining: Option<Mining>,
    /// The margin, in the unit of the equation of the loss.
    pub margin: f64,
    /// The factor of the cosines of [`Loss::Arcface`].
    pub scale: f64,
    /// What is trained.
    pub backbone: Backbone,
    /// Number of components of an embedding.
    pub dimension: usize,
    /// People in a batch (P).
    pub people: usize,
    /// Samples of each of them (K).
    pub samples: usize,
    /// Passes over the samples.
    pub epochs: usize,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// The highest learning rate.
    pub rate: f64,
    /// Weight decay.
    pub decay: f64,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// Epochs without a better validation after which the training ends; 0: never.
    pub patience: usize,
    /// Whether faces are changed: mirrored, shifted, coloured, blurred, compressed.
    pub augment: bool,
    /// The seed of every random choice.
    pub seed: u64,
    /// How factors are rounded in a step.
    #[serde(default)]
    pub precision: Precision,
}

impl Options {
    /// The usual settings of a loss and a backbone.
    pub fn usual(loss: Loss, backbone: Backbone) -> Self {
        let is_head = backbone == Backbone::Head;
        Self {
            loss,
            mining: loss.mining(),
            margin: loss.usual_margin(),
            scale: 32.0,
            backbone,
            dimension: 128,
            people: 32,
            samples: 4,
            epochs: match backbone {
                Backbone::Head => 40,
                Backbone::Small => 30,
                Backbone::Mobilefacenet => 10,
            },
            optimizer: Optimizer::Adamw,
            rate: match backbone {
                Backbone::Head => 3e-4,
                Backbone::Small => 1e-3,
                Backbone::Mobilefacenet => 3e-5,
            },
            decay: if is_head { 0.0 } else { 5e-4 },
            schedule: Schedule::Cosine,
            patience: 10,
            augment: !is_head,
            seed: 1,
            precision: Precision::F32,
        }
    }

    /// Samples in a batch.
    pub fn batch(&self) -> usize {
        self.people * self.samples
    }

    /// The settings that differ from those of `other`, in words: `rate 0.2 instead of 0.1, seed 2 instead of 1`.
    pub fn differences(&self, other: &Self) -> String {
        let fields = |options: &Self| match serde_json::to_value(options) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let theirs = fields(other);
        let differing = fields(self).into_iter().filter(|(name, value)| theirs.get(name) != Some(value));
        let words = differing.map(|(name, value)| {
            let other = theirs.get(&name).cloned().unwrap_or_default();
            format!("{name} {value} instead of {other}").replace('"', "")
        });
        words.collect::<Vec<_>>().join(", ")
    }

    /// Requires settings that can be computed with.
    ///
    /// # Errors
    /// The setting, and what was expected.
    pub fn check(&self) -> Result<(), String> {
        let finite =
            [("margin", self.margin), ("scale", self.scale), ("rate", self.rate), ("decay", self.decay)];
        if let Some((name, value)) = finite.iter().find(|(_, value)| !value.is_finite() || *value < 0.0) {
            return Err(format!("{name} is {value}, expected a number from 0"));
        }
        if self.people < 2 || self.samples < 2 {
            return Err(format!(
                "a batch of {} people with {} samples each; expected at least 2 of both, because a loss compares samples of one \
                 person and of two",
                self.people, self.samples
            ));
        }
        if self.batch() > 8192 {
            return Err(format!("a batch of {} samples, expected at most 8,192", self.batch()));
        }
        if !(2..=4096).contains(&self.dimension) {
            return Err(format!("dimension is {}, expected 2 to 4,096", self.dimension));
        }
        if self.epochs == 0 || self.rate == 0.0 {
            return Err("no epochs, or a learning rate of 0: nothing would be learned".into());
        }
        if self.precision == Precision::Bf16 && self.backbone == Backbone::Head {
            return Err(
                "a head is one small product, which is computed in f32; bf16 is for networks of convolutions"
                    .into(),
            );
        }
        match (self.loss.mining(), self.mining) {
            (None, Some(mining)) => Err(format!(
                "the loss {} uses every sample and pair of a batch; it has no mining ({mining:?})",
                self.loss.name()
            )),
            (Some(_), None) => Err(format!("the loss {} needs a mining", self.loss.name())),
            (Some(_), Some(Mining::BatchHard)) if self.loss == Loss::Margin => {
                Err("the loss margin takes pairs; batch-hard chooses triplets of the hardest only".into())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_settings_are_accepted() {
        for loss in Loss::ALL {
            for backbone in [Backbone::Head, Backbone::Small, Backbone::Mobilefacenet] {
                Options::usual(loss, backbone).check().unwrap();
            }
        }
    }

    #[test]
    fn settings_that_learn_nothing_are_refused() {
        let usual = Options::usual(Loss::Triplet, Backbone::Head);
        let refused = |change: &dyn Fn(&mut Options)| {
            let mut options = usual.clone();
            change(&mut options);
            options.check().unwrap_err()
        };
        assert!(refused(&|options| options.rate = f64::NAN).contains("rate is NaN"));
        assert!(refused(&|options| options.samples = 1).contains("at least 2"));
        assert!(refused(&|options| options.people = 9000).contains("8,192"));
        assert!(refused(&|options| options.epochs = 0).contains("nothing would be learned"));
        assert!(refused(&|options| options.mining = None).contains("needs a mining"));
        assert!(refused(&|options| options.loss = Loss::Arcface).contains("has no mining"));
        assert!(refused(&|options| options.precision = Precision::Bf16).contains("computed in f32"));
    }

    #[test]
    fn differing_settings_are_named() {
        let one = Options::usual(Loss::Triplet, Backbone::Small);
        let other = Options { precision: Precision::Bf16, seed: 2, ..one.clone() };
        assert_eq!(one.differences(&one), "");
        assert_eq!(one.differences(&other), "precision f32 instead of bf16, seed 1 instead of 2");
    }
}
