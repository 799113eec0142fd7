//! Running an ensemble: members on the same faces, their outputs combined into one template.

use std::fmt;

use super::{Encoder, EncoderError, Ensemble, Kind, Model, ModelFile, Origin, Projection, weights};
use crate::face::{Aligned, NetworkError};
use crate::template::Template;

/// The tensor of a projection file.
const TENSOR: &str = "projection";

/// The encoder of an [`Ensemble`].
pub(super) struct EnsembleEncoder {
    name: String,
    members: Vec<(f32, Box<dyn Encoder>)>,
    mirror: bool,
    projection: Option<Matrix>,
}

impl fmt::Debug for EnsembleEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnsembleEncoder").field("name", &self.name).finish_non_exhaustive()
    }
}

impl EnsembleEncoder {
    /// Combines the encoders of the members, given in their order.
    ///
    /// # Errors
    /// The projection is missing, changed, or does not fit the members.
    pub fn new(
        model: &Model,
        ensemble: &Ensemble,
        encoders: Vec<Box<dyn Encoder>>,
    ) -> Result<Self, EncoderError> {
        let matrix = |projection| Matrix::load(model, projection, ensemble.components());
        let projection = ensemble.projection.as_ref().map(matrix).transpose()?;
        let weights = ensemble.members.iter().map(|member| member.weight);
        let members = weights.zip(encoders).collect();
        Ok(Self { name: model.name.clone(), members, mirror: ensemble.mirror, projection })
    }

    /// The outputs of the members side by side, for each face.
    fn combined(&self, faces: &[Aligned]) -> Result<Vec<Vec<f32>>, NetworkError> {
        let mut combined = vec![Vec::new(); faces.len()];
        for (weight, encoder) in &self.members {
            for (row, template) in combined.iter_mut().zip(encoder.encode(faces)?) {
                row.extend(template.as_slice().iter().map(|value| weight * value));
            }
        }
        Ok(combined)
    }

    /// As [`Self::combined`], with the sum of the outputs for each face and its mirror image.
    fn combined_with_mirrored(&self, faces: &[Aligned]) -> Result<Vec<Vec<f32>>, NetworkError> {
        let mirrored: Vec<Aligned> = faces.iter().map(Aligned::mirrored).collect();
        let mut combined = vec![Vec::new(); faces.len()];
        for (weight, encoder) in &self.members {
            let (plain, mirrored) = (encoder.encode(faces)?, encoder.encode(&mirrored)?);
            for (row, (one, other)) in combined.iter_mut().zip(plain.iter().zip(&mirrored)) {
                let sum: Vec<f32> = one.as_slice().iter().zip(other.as_slice()).map(|(a, b)| a + b).collect();
                let output = self.template(&sum)?;
                row.extend(output.as_slice().iter().map(|value| weight * value));
            }
        }
        Ok(combined)
    }

    fn template(&self, raw: &[f32]) -> Result<Template, NetworkError> {
        Template::from_raw(raw).map_err(|error| NetworkError::Failed {
            model: self.name.clone(),
            reason: format!("its output is not a template: {error}"),
        })
    }
}

impl Encoder for EnsembleEncoder {
    fn encode(&self, faces: &[Aligned]) -> Result<Vec<Template>, NetworkError> {
        let combined = if self.mirror { self.combined_with_mirrored(faces)? } else { self.combined(faces)? };
        let template = |row: &Vec<f32>| match &self.projection {
            Some(matrix) => self.template(&matrix.times(row)),
            None => self.template(row),
        };
        combined.iter().map(template).collect()
    }
}

/// A matrix in memory, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matrix {
    columns: usize,
    values: Vec<f32>,
}

impl Matrix {
    /// A matrix from its rows, each of `columns` values.
    pub fn new(columns: usize, values: Vec<f32>) -> Self {
        Self { columns, values }
    }

    /// Number of rows and of columns.
    pub fn size(&self) -> [usize; 2] {
        [self.values.len() / self.columns.max(1), self.columns]
    }

    /// The values, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The product of another matrix, given row by row, with this one.
    pub fn multiplied_by(&self, left: &[f32]) -> Self {
        let [rows, columns] = self.size();
        let mut values = Vec::with_capacity(left.len() / rows.max(1) * columns);
        for row in left.chunks(rows.max(1)) {
            let mut sums = vec![0.0_f32; columns];
            for (factor, own) in row.iter().zip(self.values.chunks(columns.max(1))) {
                sums.iter_mut().zip(own).for_each(|(sum, value)| *sum += factor * value);
            }
            values.extend(sums);
        }
        Self { columns, values }
    }

    /// The projection of a model; `None` if it has none.
    ///
    /// # Errors
    /// It is missing, changed, or does not fit the members.
    pub fn of_model(model: &Model) -> Result<Option<Self>, EncoderError> {
        let Kind::Ensemble(ensemble) = &model.kind else { return Ok(None) };
        let load = |projection| Self::load(model, projection, ensemble.components());
        ensemble.projection.as_ref().map(load).transpose()
    }

    /// Reads the projection of `model`, whose members have `components` components together.
    fn load(model: &Model, projection: &Projection, components: usize) -> Result<Self, EncoderError> {
        let file = ModelFile::new(&model.name, &projection.weights, Origin::Fusion);
        let read;
        let bytes = match projection.embedded() {
            Some(bytes) => bytes,
            None => {
                read = weights::read(&model.name, &file.path, file.sha256, file.origin)?;
                &read
            }
        };
        let wrong = |reason| EncoderError::Weights { file: file.path.clone(), reason };
        Self::parse(bytes, [model.dimension, components]).map_err(wrong)
    }

    /// Reads a matrix of this many rows and columns from the bytes of a safetensors file.
    fn parse(bytes: &[u8], [rows, columns]: [usize; 2]) -> Result<Self, String> {
        let file = safetensors::SafeTensors::deserialize(bytes)
            .map_err(|error| format!("not a safetensors file: {error}"))?;
        let tensor = file.tensor(TENSOR).map_err(|_| format!("it contains no tensor {TENSOR:?}"))?;
        if tensor.dtype() != safetensors::Dtype::F32 || tensor.shape() != [rows, columns] {
            return Err(format!(
                "tensor {TENSOR:?} is {:?} {:?}, expected F32 {:?}",
                tensor.dtype(),
                tensor.shape(),
                [rows, columns]
            ));
        }
        let values = tensor.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        let values: Vec<f32> = values.collect();
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(format!("value {at} of tensor {TENSOR:?} is {}", values[at])),
            None => Ok(Self { columns, values }),
        }
    }

    /// The bytes of a safetensors file with this matrix.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let data: Vec<u8> = self.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let shape = vec![self.values.len() / self.columns.max(1), self.columns];
        let tensor = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape, &data);
        let tensor = tensor.map_err(|error| error.to_string())?;
        safetensors::serialize([(TENSOR, tensor)], None).map_err(|error| error.to_string())
    }

    /// The product with a column of [`Self::columns`] values.
    pub fn times(&self, column: &[f32]) -> Vec<f32> {
        let product = |row: &[f32]| row.iter().zip(column).map(|(a, b)| a * b).sum();
        self.values.chunks(self.columns.max(1)).map(product).collect()
    }
}

#[cfg(test)]
mod tests;
