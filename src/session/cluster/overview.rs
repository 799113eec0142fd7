//! Clusters in their order, with their names.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use super::faces::{Face, Faces};
use crate::ingest::PathText;
use crate::reply::{ClusterOverview, ClusteredFace, ClustersLeftOut};

/// Clusters with their numbers, from 1: the largest first, of equal ones the one with the lowest id.
pub(super) struct Numbered {
    /// The number of the cluster of each face.
    numbers: Vec<u64>,
    /// The positions of the faces of each cluster, in the order of their ids.
    members: Vec<Vec<usize>>,
}

impl Numbered {
    /// Numbers clusters, which are given by any number for each face.
    pub fn of(clusters: &[u32], faces: &Faces) -> Self {
        let id = |at: usize| faces.faces.get(at).map(|face| face.id);
        let mut members: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (at, cluster) in clusters.iter().enumerate() {
            members.entry(*cluster).or_default().push(at);
        }
        let mut members: Vec<Vec<usize>> = members.into_values().collect();
        members.iter_mut().for_each(|faces| faces.sort_unstable_by_key(|&at| id(at)));
        members.sort_unstable_by_key(|faces| (Reverse(faces.len()), faces.first().map(|&at| id(at))));
        let mut numbers = vec![0; clusters.len()];
        for (number, faces) in (1..).zip(&members) {
            faces.iter().for_each(|&at| numbers[at] = number);
        }
        Self { numbers, members }
    }

    pub fn numbers(&self) -> &[u64] {
        &self.numbers
    }

    /// The positions of the faces of each cluster, in the order of their ids.
    pub fn members(&self) -> &[Vec<usize>] {
        &self.members
    }

    pub fn clusters(&self) -> u64 {
        self.members.len() as u64
    }

    pub fn singletons(&self) -> u64 {
        self.members.iter().filter(|faces| faces.len() == 1).count() as u64
    }

    /// The numbers of the clusters with faces of these subjects only. `owners` has the id of the subject of each face.
    pub fn only_of(&self, subjects: &HashSet<u64>, owners: &[Option<u64>]) -> HashSet<u64> {
        let is_of = |&at: &usize| owners[at].is_some_and(|id| subjects.contains(&id));
        let clusters = (1..).zip(&self.members).filter(|(_, members)| members.iter().all(is_of));
        clusters.map(|(number, _)| number).collect()
    }

    /// The counts of the clusters with these numbers.
    pub fn left_out(&self, numbers: &HashSet<u64>) -> ClustersLeftOut {
        let members = (1..).zip(&self.members).filter(|(number, _)| numbers.contains(number));
        members.fold(ClustersLeftOut::default(), |counts, (_, members)| ClustersLeftOut {
            clusters: counts.clusters + 1,
            singletons: counts.singletons + u64::from(members.len() == 1),
            faces: counts.faces + members.len() as u64,
        })
    }

    /// The largest clusters of at least two faces, at most `limit`, without those with the numbers `left_out`.
    pub fn largest(&self, faces: &Faces, limit: usize, left_out: &HashSet<u64>) -> Vec<ClusterOverview> {
        let several = (1..).zip(&self.members).filter(|(_, members)| members.len() > 1);
        let several = several.filter(|(number, _)| !left_out.contains(number));
        several.take(limit).map(|(number, members)| overview(number, members, &faces.faces)).collect()
    }

    /// Number of unknown faces in clusters with a subject.
    pub fn labelled(&self, faces: &Faces) -> u64 {
        let unknown = |members: &Vec<usize>| {
            members.iter().filter(|&&at| faces.faces[at].subject.is_none()).count() as u64
        };
        let unknown = self.members.iter().map(|members| (unknown(members), members.len() as u64));
        unknown.filter(|(unknown, all)| unknown < all).map(|(unknown, _)| unknown).sum()
    }

    /// The faces in the order of their clusters, in a cluster in the order of their ids. With `labels`, each has the subject with the most
    /// faces in its cluster.
    pub fn lines(self, faces: Faces, labels: bool) -> Vec<ClusteredFace> {
        let (vectors, dimension) = (faces.vectors, faces.dimension);
        let mut of: Vec<Option<Face>> = faces.faces.into_iter().map(Some).collect();
        let mut lines = Vec::with_capacity(of.len());
        for (cluster, members) in (1..).zip(self.members) {
            let centralities = centralities(&vectors, dimension, &members);
            let members: Vec<Face> = members.into_iter().filter_map(|at| of[at].take()).collect();
            let label = labels.then(|| subjects(members.iter()).into_iter().next()).flatten();
            for (Face { id, subject, path, row, bounds, .. }, centrality) in
                members.into_iter().zip(centralities)
            {
                let (subject, label) = (subject.map(|(_, name)| name), label.clone());
                lines.push(ClusteredFace {
                    face_id: id,
                    path: path.as_deref().map(PathText::from),
                    row,
                    bounds,
                    subject,
                    cluster,
                    centrality,
                    label,
                });
            }
        }
        lines
    }
}

/// The cosine of each member of a cluster and the mean of the members.
fn centralities(vectors: &[f32], dimension: usize, members: &[usize]) -> Vec<f32> {
    let vector = |at: usize| vectors.get(at * dimension..(at + 1) * dimension).unwrap_or_default();
    let mut mean = vec![0.0_f64; dimension];
    for &at in members {
        mean.iter_mut().zip(vector(at)).for_each(|(sum, number)| *sum += f64::from(*number));
    }
    let length = mean.iter().map(|number| number * number).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    let cosine = |&at: &usize| {
        let product: f64 = mean.iter().zip(vector(at)).map(|(sum, number)| sum * f64::from(*number)).sum();
        (product / length).clamp(-1.0, 1.0) as f32
    };
    members.iter().map(cosine).collect()
}

fn overview(cluster: u64, members: &[usize], faces: &[Face]) -> ClusterOverview {
    let members = || members.iter().filter_map(|&at| faces.get(at));
    ClusterOverview {
        cluster,
        faces: members().count() as u64,
        unknown: members().filter(|face| face.subject.is_none()).count() as u64,
        subjects: subjects(members()),
        path: members()
            .next()
            .and_then(|face| face.path.as_ref())
            .map(|path| path.to_string_lossy().into_owned()),
    }
}

/// The names of the subjects of faces, that with the most faces first, equal ones in the order of the alphabet.
fn subjects<'a>(faces: impl Iterator<Item = &'a Face>) -> Vec<String> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, name) in faces.filter_map(|face| face.subject.as_ref()) {
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, faces)| Reverse(*faces));
    counts.into_iter().map(|(name, _)| name.to_owned()).collect()
}
