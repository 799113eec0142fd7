//! A template: the unit vector of one face. Also the binding of a gallery to the model of its templates.

mod binding;
pub(crate) mod product;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use binding::{Binding, BindingError};

use crate::reason::Reason;

/// The template of one face: a point on the unit sphere. Every component is finite, and the Euclidean norm is 1 within
/// `1e-3`. No other template can be constructed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f32>", into = "Vec<f32>")]
pub struct Template(Box<[f32]>);

impl TryFrom<Vec<f32>> for Template {
    type Error = TemplateError;

    fn try_from(raw: Vec<f32>) -> Result<Self, TemplateError> {
        Self::from_raw(&raw)
    }
}

impl From<Template> for Vec<f32> {
    fn from(template: Template) -> Self {
        template.0.into()
    }
}

/// Why a vector is not a template.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum TemplateError {
    /// A component is NaN or infinite.
    #[error("component {position} is {value}, expected a finite number within the range of f32")]
    NotFinite {
        /// Index of the first invalid component.
        position: usize,
        /// Its value.
        value: f32,
    },
    /// The vector is too short or too long for a reliable direction.
    #[error("the norm is {norm}, expected one between 1e-6 and 1e6")]
    Norm {
        /// The Euclidean norm of the vector.
        norm: f64,
    },
}

impl TemplateError {
    /// The reason, with a code that programs can rely on.
    pub fn reason(&self) -> Reason {
        match self {
            Self::NotFinite { .. } => Reason::NotFinite,
            Self::Norm { .. } => Reason::NoDirection,
        }
    }
}

impl Template {
    /// Normalises `raw` (any dimension) to length 1. The norm is accumulated in f64. A vector that already has length 1, within the
    /// precision of f32, is kept bit by bit. So templates do not change when they are exported and imported.
    ///
    /// # Errors
    /// A component that is not finite, or a norm outside `[1e-6, 1e6]`.
    pub fn from_raw(raw: &[f32]) -> Result<Self, TemplateError> {
        if let Some(position) = raw.iter().position(|x| !x.is_finite()) {
            return Err(TemplateError::NotFinite { position, value: raw[position] });
        }
        let norm = raw.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
        if !(1e-6..=1e6).contains(&norm) {
            return Err(TemplateError::Norm { norm });
        }
        if (norm - 1.0).abs() <= f64::from(f32::EPSILON) {
            return Ok(Self(raw.into()));
        }
        Ok(Self(raw.iter().map(|&x| (f64::from(x) / norm) as f32).collect()))
    }

    /// The unit vector.
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// The cosine of two templates of the same dimension: -1 to 1.
    pub fn similarity(&self, other: &Self) -> f32 {
        similarity(product::dot(&self.0, &other.0))
    }

    /// Number of components.
    pub fn dimension(&self) -> usize {
        self.0.len()
    }
}

/// A scalar product of unit vectors as a cosine. Rounding may give values slightly beyond -1 or 1, and these are clamped. Every score that
/// the index returns passes through this function.
pub fn similarity(product: f32) -> f32 {
    product.clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_has_length_one() {
        let template = Template::from_raw(&[3.0, 4.0]).unwrap();
        assert_eq!(template.as_slice(), [0.6, 0.8]);
    }

    #[test]
    fn normalising_a_template_again_does_not_change_it() {
        let raw: Vec<f32> = (1..500_u32).map(|n| (n * n % 89) as f32 - 44.0).collect();
        let template = Template::from_raw(&raw).unwrap();
        assert_eq!(Template::from_raw(template.as_slice()).unwrap(), template);
    }

    #[test]
    fn a_similarity_is_a_cosine() {
        let template = Template::from_raw(&[0.3, 0.7, 0.1, 0.9, 0.2]).unwrap();
        assert!(template.similarity(&template) <= 1.0);
        assert_eq!([1.000_000_1, -1.000_000_1, 0.25].map(similarity), [1.0, -1.0, 0.25]);
    }

    #[test]
    fn vectors_without_a_direction_are_refused() {
        assert!(matches!(
            Template::from_raw(&[0.0, f32::NAN]),
            Err(TemplateError::NotFinite { position: 1, .. })
        ));
        assert!(matches!(Template::from_raw(&[f32::INFINITY]), Err(TemplateError::NotFinite { .. })));
        assert!(matches!(Template::from_raw(&[0.0; 8]), Err(TemplateError::Norm { .. })));
        assert!(matches!(Template::from_raw(&[1e30; 4]), Err(TemplateError::Norm { .. })));
        assert!(Template::from_raw(&[]).is_err());
    }
}
