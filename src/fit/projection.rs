//! Principal component analysis of the combined vectors.

use nalgebra::{DMatrix, SymmetricEigen};

use super::{Photo, Request, normalised, weighed};

/// Most photos whose second moment is taken. More change it little.
const MOST: usize = 20_000;

/// The projection for these weights, row by row: the directions with the largest second moment, each divided by its deviation to the power
/// of `whitening`. The first row has length 1.
pub(super) fn fit(request: &Request, photos: &[Photo], weights: &[f32], whitening: f32) -> Vec<f32> {
    let components: usize = request.members.iter().sum();
    let every = photos.len().div_ceil(MOST).max(1);
    let chosen: Vec<&Photo> = photos.iter().step_by(every).collect();
    let rows = DMatrix::from_row_iterator(
        chosen.len(),
        components,
        chosen.iter().flat_map(|photo| normalised(weighed(request, &photo.vector, weights))),
    );
    let moment = rows.tr_mul(&rows) / chosen.len() as f32;
    let SymmetricEigen { eigenvalues, eigenvectors } = SymmetricEigen::new(moment);
    let mut order: Vec<usize> = (0..components).collect();
    order.sort_by(|&one, &other| eigenvalues[other].total_cmp(&eigenvalues[one]));
    let largest = order.first().map_or(0.0, |&first| eigenvalues[first]);
    let mut projection = Vec::with_capacity(request.dimension * components);
    for &direction in order.iter().take(request.dimension) {
        let share = (eigenvalues[direction] / largest).max(1e-6);
        let factor = share.powf(-whitening / 2.0);
        projection.extend((0..components).map(|at| factor * eigenvectors[(at, direction)]));
    }
    projection
}
