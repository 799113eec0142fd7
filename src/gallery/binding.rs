//! The model a gallery is bound to: its scores are comparable with no other model's.

use serde::Serialize;

use super::error::{GalleryError, Result};
use crate::encoder::Model;

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

    /// Refuses templates that do not belong here.
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

    /// Refuses a model whose templates do not belong here.
    ///
    /// # Errors
    /// [`GalleryError::EarlierPipeline`] if they were made with the same model, but another way from photo to network; else as
    /// [`Self::require`].
    pub fn require_model(&self, model: &Model) -> Result<()> {
        let fingerprint = model.fingerprint();
        if self.model == model.name && model.is_of_earlier_pipeline(&self.fingerprint) {
            let given = Self { fingerprint, ..self.clone() }.describe();
            return Err(GalleryError::EarlierPipeline { gallery: self.describe(), given });
        }
        self.require(&model.name, &fingerprint)
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

    /// The binding that was stored as pairs; the inner error says what of it is no binding.
    pub(super) fn from_pairs(
        read: impl Fn(&str) -> Result<Option<String>>,
    ) -> Result<std::result::Result<Self, String>> {
        let (model, fingerprint) = (read("model")?, read("fingerprint")?);
        let (dimension, threshold) = (read("dimension")?, read("threshold")?);
        Ok(Self::parse(model, fingerprint, dimension.as_deref(), threshold.as_deref()))
    }

    fn parse(
        model: Option<String>,
        fingerprint: Option<String>,
        dimension: Option<&str>,
        threshold: Option<&str>,
    ) -> std::result::Result<Self, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gallery_of_the_earlier_pipeline_is_refused_with_what_to_do() {
        let model = Model::named("mobilefacenet-192").unwrap();
        let binding = |fingerprint: String| Binding {
            model: model.name.clone(),
            fingerprint,
            dimension: model.dimension,
            threshold: None,
        };
        binding(model.fingerprint()).require_model(&model).unwrap();
        let earlier = "b5463b358d62643ca0163c26f1e692deab0a97fc54e92f00d24384e2bb51bb6b";
        let told = binding(earlier.into()).require_model(&model).unwrap_err();
        assert!(matches!(told, GalleryError::EarlierPipeline { .. }), "{told}");
        for part in ["earlier", "gallerist init", "gallerist enroll", "cannot be converted", "b5463b358d62"] {
            assert!(told.to_string().contains(part), "{told}");
        }
        let told = binding("f".repeat(64)).require_model(&model).unwrap_err();
        assert!(matches!(told, GalleryError::OtherModel { .. }), "{told}");
    }
}
