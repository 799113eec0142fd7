//! The settings of a training on the command line.

use anyhow::{Error, Result};
use clap::{Args, ValueEnum};

use super::super::Usage;
use super::given;
use crate::train::{self, Backbone, Loss, Mining, Options, Precision, Schedule};

/// The loss and what belongs to it.
#[derive(Debug, Args)]
pub(super) struct LossArguments {
    /// The loss
    #[arg(long, value_enum, required = true)]
    pub loss: Option<LossArgument>,
    /// How negatives are chosen [default: that of the loss]
    #[arg(long, value_enum)]
    pub mining: Option<MiningArgument>,
    /// The margin, in the unit of the paper's equation [default: that of the paper]
    #[arg(long, value_name = "NUMBER")]
    pub margin: Option<f64>,
}

/// The settings that do not depend on the loss.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
pub(super) struct SettingArguments {
    /// What is trained
    #[arg(long, value_enum, default_value = "head")]
    pub backbone: BackboneArgument,
    /// Numbers of a template [default: 128; for mobilefacenet those of the model]
    #[arg(long, value_name = "D", value_parser = clap::value_parser!(u16).range(2..=4096))]
    pub dimension: Option<u16>,
    /// People in a batch, and photos of each
    #[arg(long, value_name = "PxK", default_value = "32x4", value_parser = batch)]
    pub batch: (usize, usize),
    /// Passes over the photos [default: head 40, small 30, mobilefacenet 10]
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Highest learning rate [default: head 0.0003, small 0.001, mobilefacenet 0.00003]
    #[arg(long, value_name = "NUMBER")]
    pub rate: Option<f64>,
    /// How the learning rate changes
    #[arg(long, value_enum, default_value = "cosine")]
    pub schedule: ScheduleArgument,
    /// The optimizer
    #[arg(long, value_enum, default_value = "adamw")]
    pub optimizer: OptimizerArgument,
    /// Weight decay [default: head 0, others 0.0005]
    #[arg(long, value_name = "NUMBER")]
    pub decay: Option<f64>,
    /// End after this many epochs without a better validation; 0: never
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub patience: usize,
    /// How the factors of convolutions and linear layers are rounded; bf16 is for small and mobilefacenet
    #[arg(long, value_enum, default_value = "f32")]
    pub precision: PrecisionArgument,
    /// Use the faces as they are; otherwise they are mirrored, shifted, coloured, blurred and compressed at random
    #[arg(long)]
    pub no_augmentation: bool,
    /// The seed of every random choice
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
}

fn batch(text: &str) -> Result<(usize, usize), String> {
    let parsed = text
        .split_once(['x', 'X'])
        .and_then(|(people, samples)| Some((people.trim().parse().ok()?, samples.trim().parse().ok()?)));
    parsed.ok_or_else(|| "expected PxK, such as 32x4: 32 people with 4 photos each".into())
}

impl SettingArguments {
    /// The settings for a loss.
    pub fn options(&self, loss: &LossArguments) -> Result<Options> {
        let backbone = self.backbone.into();
        let usual = Options::usual(given(loss.loss, "--loss")?.into(), backbone);
        let usual_dimension = if backbone == Backbone::Mobilefacenet { 192 } else { usual.dimension };
        let options = Options {
            mining: loss.mining.map(Mining::from).or(usual.mining),
            margin: loss.margin.unwrap_or(usual.margin),
            dimension: self.dimension.map_or(usual_dimension, usize::from),
            people: self.batch.0,
            samples: self.batch.1,
            epochs: self.epochs.unwrap_or(usual.epochs),
            optimizer: self.optimizer.into(),
            rate: self.rate.unwrap_or(usual.rate),
            decay: self.decay.unwrap_or(usual.decay),
            schedule: self.schedule.into(),
            patience: self.patience,
            augment: usual.augment && !self.no_augmentation,
            seed: self.seed,
            precision: self.precision.into(),
            ..usual
        };
        options.check().map_err(|reason| Error::new(Usage(reason)))?;
        Ok(options)
    }
}

/// A value of the command line for each value of the library.
macro_rules! values {
    ($(#[$about:meta])* $name:ident = $of:path { $($(#[$doc:meta])* $value:ident),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        pub(super) enum $name { $($(#[$doc])* $value),+ }

        impl From<$name> for $of {
            fn from(value: $name) -> Self {
                match value { $($name::$value => Self::$value),+ }
            }
        }
    };
}

values! {
    /// See [`Loss`].
    LossArgument = Loss {
        /// Triplets of squared distances (FaceNet)
        Triplet,
        /// Classifier and contrastive loss together (DeepID2)
        ContrastiveSoftmax,
        /// Classifier first, triplets then (Deep Face Recognition)
        SoftmaxThenTriplet,
        /// Hardest positive and negative of each photo, soft margin (Hermans et al.)
        BatchHard,
        /// Pairs at a learned boundary, distance-weighted (Wu et al.)
        Margin,
        /// Classifier with an angular margin (ArcFace)
        Arcface,
    }
}

values! {
    /// See [`Mining`].
    MiningArgument = Mining {
        /// Any negative
        Random,
        /// The nearest one beyond the positive
        SemiHard,
        /// Any one that violates the margin
        RandomHard,
        /// The nearest one, and the farthest positive
        BatchHard,
        /// Weighted by the inverse density of distances
        DistanceWeighted,
    }
}

values! {
    /// See [`Backbone`].
    BackboneArgument = Backbone {
        /// A projection of the templates of one or several models: minutes on a CPU
        Head,
        /// A network of 240,000 weights, from random ones
        Small,
        /// The weights of mobilefacenet-192, or of another built-in or imported network
        Mobilefacenet,
    }
}

values! {
    /// See [`Schedule`].
    ScheduleArgument = Schedule {
        /// It does not change
        Constant,
        /// It falls along half a cosine
        Cosine,
        /// A tenth after half, a hundredth after three quarters
        Steps,
    }
}

values! {
    /// See [`Precision`].
    PrecisionArgument = Precision {
        /// Single precision
        F32,
        /// 8 bits of the fraction: weights, normalisation and losses stay in single precision
        Bf16,
    }
}

values! {
    /// See [`Optimizer`].
    OptimizerArgument = train::Optimizer {
        /// Gradient descent with momentum
        Sgd,
        /// Adam with decoupled weight decay
        Adamw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_people_times_photos() {
        assert_eq!(batch("32x4"), Ok((32, 4)));
        assert_eq!(batch("8 X 2"), Ok((8, 2)));
        for wrong in ["", "32", "x4", "-1x4", "4x"] {
            assert!(batch(wrong).unwrap_err().contains("32x4"), "{wrong}");
        }
    }
}
