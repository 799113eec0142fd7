//! The binding of a gallery to a model, and the check of it.

use super::Model;
use crate::template::{Binding, BindingError};

impl Model {
    /// The binding of a gallery of this model.
    pub fn binding(&self) -> Binding {
        Binding {
            model: self.name.clone(),
            fingerprint: self.fingerprint(),
            dimension: self.dimension,
            threshold: Some(self.threshold),
        }
    }

    /// Requires that the templates of a gallery can be compared with those of this model.
    ///
    /// # Errors
    /// [`BindingError::EarlierPipeline`] if the templates were made with the same model and an earlier version of the code between photo
    /// and network; [`BindingError::OtherDetector`] if they were made with the same model and another detector; otherwise
    /// [`BindingError::OtherModel`].
    pub fn require_for(&self, gallery: &Binding) -> Result<(), BindingError> {
        let fingerprint = self.fingerprint();
        if gallery.model == self.name && self.is_of_earlier_pipeline(&gallery.fingerprint) {
            let given = Binding { fingerprint, ..gallery.clone() }.describe();
            return Err(BindingError::EarlierPipeline { gallery: gallery.describe(), given });
        }
        let is_of_detector = || {
            let (own, theirs) = (Self::split(&self.name), Self::split(&gallery.model));
            let mut builtin = self.clone();
            builtin.set_detector(None);
            own.0 == theirs.0 && (own.1 != theirs.1 || builtin.fingerprint() == gallery.fingerprint)
        };
        gallery.require(&self.name, &fingerprint).map_err(|error| match error {
            BindingError::OtherModel { gallery, given } if is_of_detector() => {
                BindingError::OtherDetector { gallery, given }
            }
            error => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gallery_of_the_earlier_pipeline_is_refused_with_advice() {
        let model = Model::named("mobilefacenet-192").unwrap();
        let binding = |fingerprint: String| Binding {
            model: model.name.clone(),
            fingerprint,
            dimension: model.dimension,
            threshold: None,
        };
        model.require_for(&binding(model.fingerprint())).unwrap();
        let earlier = "b5463b358d62643ca0163c26f1e692deab0a97fc54e92f00d24384e2bb51bb6b";
        let told = model.require_for(&binding(earlier.into())).unwrap_err();
        assert!(matches!(told, BindingError::EarlierPipeline { .. }), "{told}");
        for part in [
            "earlier",
            "make a new gallery",
            "enroll the photos again",
            "cannot be converted",
            "b5463b358d62",
        ] {
            assert!(told.to_string().contains(part), "{told}");
        }
        let told = model.require_for(&binding("f".repeat(64))).unwrap_err();
        assert!(matches!(told, BindingError::OtherModel { .. }), "{told}");
    }
}
