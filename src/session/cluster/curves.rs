//! How the agreement of clusters with the subjects depends on the number of strangers and on the threshold.

use super::super::error::Result;
use super::faces::{Edges, Faces, Part};
use super::{Input, Threshold, cluster_threshold, run};
use crate::evaluation::{ClusteringPoint, clustering};
use crate::gallery::Binding;
use crate::reply::ClusterMethod;
use crate::session::Control;

/// Parts of the faces without a subject that are clustered with the others.
const PARTS: [f64; 3] = [0.0, 1.0 / 16.0, 0.25];
/// Thresholds to each side of the chosen one, and their distance as a part of the way from it to 1.
const SIDE: i32 = 8;
const STEP: f32 = 0.04;

/// The thresholds around a chosen one, ascending.
pub(super) fn around(chosen: f32) -> Vec<f32> {
    let at = |step: i32| chosen + step as f32 * STEP * (1.0 - chosen);
    (-SIDE..=SIDE).map(at).filter(|threshold| (-1.0..=1.0).contains(threshold)).collect()
}

/// The faces with a subject, with a part of the others: none, a sixteenth, a quarter. Empty if all faces have a subject.
pub(super) fn parts(faces: &Faces) -> Vec<Part> {
    let unknown = faces.unknown();
    let mut counts: Vec<u64> = PARTS.map(|part| (part * unknown as f64).round() as u64).into();
    counts.retain(|&strangers| strangers < unknown);
    counts.dedup();
    counts.into_iter().map(|strangers| faces.part(strangers)).collect()
}

/// The agreement of each part at the threshold that it gives itself, or at the given one. `None` if it was stopped.
pub(super) fn by_strangers(
    parts: &[(Part, Edges)],
    (method, given): (ClusterMethod, Option<f32>),
    (binding, control): (&Binding, &Control<'_>),
) -> Result<Option<Vec<ClusteringPoint>>> {
    let mut points = Vec::with_capacity(parts.len());
    for (part, edges) in parts {
        let threshold = cluster_threshold(&part.input(), method, (given, binding));
        let Some(point) = point(&part.input(), (edges, &part.people), (method, threshold), control)? else {
            return Ok(None);
        };
        points.push(point);
    }
    Ok(Some(points))
}

/// The agreement of all faces at each of these thresholds. `None` if it was stopped.
pub(super) fn by_threshold(
    (faces, people): (&Faces, &[Option<u64>]),
    edges: &Edges,
    (method, thresholds): (ClusterMethod, &[(f32, crate::reply::ClusterThresholdFrom)]),
    control: &Control<'_>,
) -> Result<Option<Vec<ClusteringPoint>>> {
    let mut points = Vec::with_capacity(thresholds.len());
    for &threshold in thresholds {
        let Some(point) = point(&faces.input(), (edges, people), (method, Some(threshold)), control)? else {
            return Ok(None);
        };
        points.push(point);
    }
    Ok(Some(points))
}
