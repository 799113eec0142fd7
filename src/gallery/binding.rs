//! The model a gallery is bound to: its scores are comparable with no other model's.

use serde::Serialize;

use super::error::{GalleryError, Result};

/// What a gallery's templates were made with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Binding {
    /// Name of the model, or `external` where templates come from elsewhere.
    pub model: String,
    /// Hash of weights and preprocessing, or empty where templates come from elsewhere.
    pub fingerprint: String,
    /// Length of a template.
    pub dimension: usize,
    /// Verification threshold (cosine) of the model, if it has one. Not calibrated for any gallery.
    pub threshold: Option<f32>,
}

impl Binding {
    /// A gallery of templates that some other program makes, all with one model that we do not know.
    pub fn external(dimension: usize, threshold: Option<f32>) -> Self {
        Self { model: "external".into(), fingerprint: String::new(), dimension, threshold }
    }

    /// Whether templates come from elsewhere, so that photos cannot be enrolled.
    pub fn is_external(&self) -> bool {
        self.fingerprint.is_empty()
    }

    /// Refuses a model whose templates do not belong here.
    ///
    /// # Errors
    /// [`GalleryError::OtherModel`] unless name and fingerprint are the gallery's.
    pub fn require(&self, model: &str, fingerprint: &str) -> Result<()> {
        if self.model == model && self.fingerprint == fingerprint {
            return Ok(());
        }
        let given = Self { model: model.into(), fingerprint: fingerprint.into(), ..self.clone() };
        Err(GalleryError::OtherModel { gallery: self.describe(), given: given.describe() })
    }

    /// Name and the beginning of the fingerprint, for people.
    pub fn describe(&self) -> String {
        match self.fingerprint.get(..12) {
            Some(start) => format!("model {} (fingerprint {start}...)", self.model),
            None => format!("model {}", self.model),
        }
    }

    pub(super) fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![
            ("model", self.model.clone()),
            ("fingerprint", self.fingerprint.clone()),
            ("dimension", self.dimension.to_string()),
        ];
        pairs.extend(self.threshold.map(|threshold| ("threshold", threshold.to_string())));
        pairs
    }

    pub(super) fn from_pairs(read: impl Fn(&str) -> Result<Option<String>>) -> Result<Option<Self>> {
        let threshold = read("threshold")?.and_then(|text| text.parse().ok());
        let dimension = read("dimension")?.and_then(|text| text.parse().ok());
        Ok(match (read("model")?, read("fingerprint")?, dimension) {
            (Some(model), Some(fingerprint), Some(dimension)) => {
                Some(Self { model, fingerprint, dimension, threshold })
            }
            _ => None,
        })
    }
}
