//! The model of the templates of a gallery. Scores between templates of different models are meaningless.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why templates cannot be added to a gallery or compared with it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BindingError {
    /// The gallery is bound to another model.
    #[error(
        "this gallery holds templates of {gallery} and cannot be used with {given}: scores between two models mean nothing; use the gallery's own model or make a new gallery"
    )]
    OtherModel {
        /// Name and fingerprint stored in the gallery.
        gallery: String,
        /// Name and fingerprint of the given templates.
        given: String,
    },
    /// The gallery was made with another detector.
    #[error(
        "this gallery holds templates of {gallery} and cannot be used with {given}: their detectors differ, and the landmarks of the detector decide how a face is aligned; leave out --detector to use the gallery's own one, or make a new gallery"
    )]
    OtherDetector {
        /// Name and fingerprint stored in the gallery.
        gallery: String,
        /// Name and fingerprint of the given templates.
        given: String,
    },
    /// An earlier version of the program, which prepared photos differently, made the gallery.
    #[error(
        "this gallery holds templates of {gallery} from an earlier version of this program, which aligned faces at the border of a photo differently; this version makes {given}, and scores between the two mean nothing. Templates cannot be converted: make a new gallery and enroll the photos again; the templates of this gallery can still be listed and exported"
    )]
    EarlierPipeline {
        /// Name and fingerprint stored in the gallery.
        gallery: String,
        /// Name and fingerprint of this version.
        given: String,
    },
}

/// The model of the templates of a gallery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Binding {
    /// Name of the model, or `external` for templates of another program.
    pub model: String,
    /// Hash of weights and preprocessing. Empty for templates of another program.
    pub fingerprint: String,
    /// Length of a template.
    pub dimension: usize,
    /// Verification threshold (cosine) of the model, if it has one. It is not calibrated for a gallery.
    pub threshold: Option<f32>,
}

impl Binding {
    /// The binding for templates of another program. All come from one model, which is unknown here.
    pub fn external(dimension: usize, threshold: Option<f32>) -> Self {
        Self { model: "external".into(), fingerprint: String::new(), dimension, threshold }
    }

    /// Whether the templates come from another program. Then photos cannot be enrolled.
    pub fn is_external(&self) -> bool {
        self.fingerprint.is_empty()
    }

    /// Requires that templates belong to this model. Models with one fingerprint are one model, whatever they are called.
    ///
    /// # Errors
    /// [`BindingError::OtherModel`] unless the fingerprints are the same; without a fingerprint, unless the names are.
    pub fn require(&self, model: &str, fingerprint: &str) -> Result<(), BindingError> {
        if self.fingerprint == fingerprint && (!fingerprint.is_empty() || self.model == model) {
            return Ok(());
        }
        let given = Self { model: model.into(), fingerprint: fingerprint.into(), ..self.clone() };
        Err(BindingError::OtherModel { gallery: self.describe(), given: given.describe() })
    }

    /// The name and the beginning of the fingerprint, for people.
    pub fn describe(&self) -> String {
        match self.fingerprint.get(..12) {
            Some(start) => format!("model {} (fingerprint {start}...)", self.model),
            None => format!("model {}", self.model),
        }
    }

    /// The binding as stored keys and values.
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![
            ("model", self.model.clone()),
            ("fingerprint", self.fingerprint.clone()),
            ("dimension", self.dimension.to_string()),
        ];
        pairs.extend(self.threshold.map(|threshold| ("threshold", threshold.to_string())));
        pairs
    }

    /// Reads the binding from stored keys and values. The inner error says which value is invalid.
    ///
    /// # Errors
    /// The error of `read`.
    pub fn from_pairs<E>(
        read: impl Fn(&str) -> Result<Option<String>, E>,
    ) -> Result<Result<Self, String>, E> {
        let (model, fingerprint) = (read("model")?, read("fingerprint")?);
        let (dimension, threshold) = (read("dimension")?, read("threshold")?);
        Ok(Self::parse(model, fingerprint, dimension.as_deref(), threshold.as_deref()))
    }

    fn parse(
        model: Option<String>,
        fingerprint: Option<String>,
        dimension: Option<&str>,
        threshold: Option<&str>,
    ) -> Result<Self, String> {
        let (Some(model), Some(fingerprint), Some(dimension)) = (model, fingerprint, dimension) else {
            return Err("it does not say which model it is bound to".into());
        };
        let Some(dimension) = dimension.parse().ok().filter(|dimension| (1..=4096).contains(dimension))
        else {
            return Err(format!("expected a dimension from 1 to 4096, got {dimension:?}"));
        };
        let threshold = match threshold {
            None => None,
            Some(text) => match text.parse::<f32>() {
                Ok(threshold) if (-1.0..=1.0).contains(&threshold) => Some(threshold),
                _ => return Err(format!("expected a threshold from -1 to 1, got {text:?}")),
            },
        };
        Ok(Self { model, fingerprint, dimension, threshold })
    }
}
