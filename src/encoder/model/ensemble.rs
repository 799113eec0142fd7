//! Ensembles: several networks whose outputs are combined into one template.

use super::{DetectorFile, Kind, Model, Weights};

/// Most members. More make a template slower and hardly better.
pub(crate) const MOST_MEMBERS: usize = 8;
/// Most components of all members together, which bounds the size of a projection.
pub(crate) const MOST_COMPONENTS: usize = 8192;

/// Networks whose L2-normalised outputs, each times its weight, are put side by side. Without a projection the result, normalised, is
/// the template. With one it is multiplied by a matrix first.
#[derive(Debug, Clone, PartialEq)]
pub struct Ensemble {
    /// The members, in the order of their components.
    pub members: Vec<Member>,
    /// Whether the output of a member is the normalised sum of those for the face and for its mirror image. Encoding then takes twice as
    /// long.
    pub mirror: bool,
    /// The matrix that reduces the components.
    pub projection: Option<Projection>,
}

/// A member of an ensemble.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Its network. Not an ensemble.
    pub model: Model,
    /// The length of its part of the combined vector, above 0.
    pub weight: f32,
}

/// A matrix of `dimension` rows, one for each component of the template, and a column for each component of the members: the tensor
/// `projection`, F32, in a safetensors file.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    /// The file. Built-in ensembles have its content in the program.
    pub weights: Weights,
    /// The content, if it is in the program.
    pub(super) embedded: Option<&'static [u8]>,
}

impl Projection {
    /// A projection in a file.
    pub fn in_file(weights: Weights) -> Self {
        Self { weights, embedded: None }
    }

    /// The content of the file, if it is in the program.
    pub fn embedded(&self) -> Option<&'static [u8]> {
        self.embedded
    }
}

impl Ensemble {
    /// The detector of the members, all of which have the same.
    pub(crate) fn detector(&self) -> Option<DetectorFile> {
        self.members.first().and_then(|member| member.model.detector.clone())
    }

    /// Number of components of all members together.
    pub fn components(&self) -> usize {
        self.members.iter().map(|member| member.model.dimension).sum()
    }

    /// Requires that the members and the dimension of the template fit together.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn check(&self, dimension: usize) -> Result<(), String> {
        let components = self.components();
        if self.members.is_empty() || self.members.len() > MOST_MEMBERS {
            return Err(format!("{} members, expected 1 to {MOST_MEMBERS}", self.members.len()));
        }
        for Member { model, weight } in &self.members {
            if matches!(model.kind, Kind::Ensemble(_)) {
                return Err(format!("member {} is an ensemble; name its members instead", model.name));
            }
            if !weight.is_normal() || *weight < 0.0 {
                return Err(format!(
                    "the weight of member {} is {weight}, expected a number above 0",
                    model.name
                ));
            }
        }
        let detector =
            |member: &Member| member.model.detector.as_ref().map(|detector| detector.weights.sha256.clone());
        if let Some(other) = self.members.iter().find(|member| detector(member) != detector(&self.members[0]))
        {
            return Err(format!(
                "members {} and {} have different detectors; an ensemble looks at a photo once",
                self.members[0].model.name, other.model.name
            ));
        }
        match &self.projection {
            _ if components > MOST_COMPONENTS => {
                Err(format!("the members have {components} components, expected at most {MOST_COMPONENTS}"))
            }
            None if components != dimension => Err(format!(
                "dimension is {dimension}, but the members have {components} components and there is no projection"
            )),
            Some(_) if dimension > components => {
                Err(format!("dimension is {dimension}, more than the {components} components of the members"))
            }
            _ => Ok(()),
        }
    }
}
