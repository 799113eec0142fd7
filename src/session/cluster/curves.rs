//! How the agreement of clusters with the subjects depends on the number of strangers and on the threshold.

use super::super::Control;
use super::super::error::Result;
use super::faces::{Edges, Faces, Input, Part};
use super::{Threshold, run, threshold};
use crate::evaluation::{ClusteringPoint, clustering};
use crate::reply::{ClusterMethod, ClusterThresholdFrom, ClusteringMeasured};
use crate::template::Binding;

/// Parts of the faces without a subject that are clustered with the others.
const PARTS: [f64; 3] = [0.0, 1.0 / 16.0, 0.25];
/// Thresholds to each side of the chosen one.
const SIDE: i8 = 8;
/// Their distance, as a part of the way from the chosen one to 1.
const STEP: f32 = 0.04;

/// What is clustered for the curves of a method.
pub(super) struct Plan {
    method: ClusterMethod,
    /// The faces with a subject, with a part of the others: none, a sixteenth, a quarter. Empty if all faces have a subject.
    pub parts: Vec<Part>,
    /// The thresholds around that of the method, ascending.
    pub around: Vec<Threshold>,
}

impl Plan {
    /// The curves of the first of these methods; `None` if it has no threshold.
    pub fn new(faces: &Faces, methods: &[ClusterMethod], thresholds: &[Threshold]) -> Option<Self> {
        let (&method, &threshold) = methods.iter().zip(thresholds).next()?;
        let (chosen, _) = threshold?;
        let at = |step: i8| chosen + f32::from(step) * STEP * (1.0 - chosen);
        let around = (-SIDE..=SIDE).map(at).filter(|value| (-1.0..=1.0).contains(value));
        let unknown = faces.unknown();
        let mut counts: Vec<u64> = PARTS.map(|part| (part * unknown as f64).round() as u64).into();
        counts.retain(|&strangers| strangers < unknown);
        counts.dedup();
        Some(Self {
            method,
            parts: counts.into_iter().map(|strangers| faces.part(strangers)).collect(),
            around: around.map(|value| Some((value, ClusterThresholdFrom::Given))).collect(),
        })
    }

    /// The agreement of each part at the threshold that it gives itself, or at the given one. `None` if it was stopped.
    pub fn by_strangers(
        &self,
        edges: &[Edges],
        (given, binding): (Option<f32>, &Binding),
        control: &Control<'_>,
    ) -> Result<Option<Vec<ClusteringPoint>>> {
        let points = self.parts.iter().zip(edges).map(|(part, edges)| {
            let input = part.input();
            let threshold = threshold(&input, self.method, (given, binding));
            point((&input, &part.people[..]), edges, (self.method, threshold), control)
        });
        points.collect()
    }

    /// The agreement of all faces at each of the thresholds. `None` if it was stopped.
    pub fn by_threshold(
        &self,
        faces: (&Input<'_>, &[Option<u64>]),
        edges: &Edges,
        control: &Control<'_>,
    ) -> Result<Option<Vec<ClusteringPoint>>> {
        self.around.iter().map(|&threshold| point(faces, edges, (self.method, threshold), control)).collect()
    }
}

fn point(
    (faces, people): (&Input<'_>, &[Option<u64>]),
    edges: &Edges,
    (method, threshold): (ClusterMethod, Threshold),
    control: &Control<'_>,
) -> Result<Option<ClusteringPoint>> {
    let clusters = run(faces, edges, (method, threshold), control)?;
    Ok(clusters.map(|clusters| {
        let clusters: Vec<u64> = clusters.into_iter().map(u64::from).collect();
        let measures = clustering(&clusters, people);
        let threshold = threshold.map_or(1.0, |(value, _)| value);
        ClusteringPoint {
            faces: people.len() as u64,
            strangers: measures.strangers,
            threshold,
            bcubed: measures.bcubed,
        }
    }))
}

/// The last point of the curve over strangers.
pub(super) fn of_all(measured: &ClusteringMeasured) -> ClusteringPoint {
    let measures = &measured.measures;
    ClusteringPoint {
        faces: measures.faces + measures.strangers,
        strangers: measures.strangers,
        threshold: measured.threshold.unwrap_or(1.0),
        bcubed: measures.bcubed,
    }
}
