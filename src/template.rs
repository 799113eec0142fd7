//! A template: the unit vector that stands for one face, and the model that it was made with.

mod binding;
pub(crate) mod product;

use thiserror::Error;

pub use binding::{Binding, BindingError};

use crate::reason::Reason;

/// One face as a point on the unit sphere. Every value is finite and the Euclidean norm is 1 within
/// `1e-3`; a template that breaks this cannot be constructed.
#[derive(Debug, Clone, PartialEq)]
pub struct Template(Box<[f32]>);

/// Why a vector is not a template.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum TemplateError {
    /// A component is NaN or infinite.
    #[error("component {position} is {value}, expected a finite number within the range of f32")]
    NotFinite {
        /// Index of the first offending component.
        position: usize,
        /// Its value.
        value: f32,
    },
    /// The vector is too short or too long to have a direction that can be trusted.
    #[error("the norm is {norm}, expected one between 1e-6 and 1e6")]
    Norm {
        /// The Euclidean norm found.
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
    /// Normalises `raw` (any dimension) to length 1. The norm is accumulated in f64. What has length 1 already, as
    /// exactly as f32 can tell, is kept bit by bit: templates that are exported and imported stay the same.
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

/// A scalar product of unit vectors as the cosine that it stands for: rounding may carry it a little beyond -1 or 1. Every score passes here
/// on its way out of the index.
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
    fn a_template_made_of_a_template_is_the_same() {
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
    fn what_has_no_direction_is_refused() {
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
